"""What a smoke test found: verdicts, hops and times. Values only, no colours."""

from __future__ import annotations

from enum import StrEnum
from typing import Any, Literal, TypeVar

from pydantic import Field, computed_field

from floe_local.plan.blueprint.model import Losses
from floe_local.plan.nested import map_texts
from floe_local.plan.secrets.mask import hide
from floe_local.plan.values import Frozen, Origin, Signal
from floe_local.signals.shared.difference import Difference


class Verdict(StrEnum):
    """What may be said of a check: what was not read back is never called received."""

    RECEIVED = "received"
    BY_STAND_IN = "received-by-stand-in"
    BY_SANDBOX = "received-by-sandbox"
    ACCEPTED = "accepted"
    FAILED = "failed"
    SKIPPED = "skipped"


class HopName(StrEnum):
    """The stations between a pipeline and what the backend stores, in order."""

    CLIENT = "client"
    COLLECTOR_ACCEPTED = "collector-accepted"
    COLLECTOR_EXPORTED = "collector-exported"
    BACKEND_STORED = "backend-stored"


class HopState(StrEnum):
    """`unknown`: there was nothing to ask, so nothing is claimed."""

    PASSED = "passed"
    FAILED = "failed"
    UNKNOWN = "unknown"


class Hop(Frozen):
    """One station. `seconds` counts from the first canary sent to the hop being seen to pass."""

    name: HopName
    state: HopState
    seconds: float | None = None
    detail: str = ""


class Check(Frozen):
    """One backend, one signal, one client and protocol, one canary.

    `client` is who sent it: floe-local itself, or one that knew `floe-local env` alone.
    `hop`, `field`, `expected` and `found` are the first thing that is wrong; `differences`
    holds all. `reason` says why, `hint` what to do. `not_compared` is what the blueprint says
    that the backend does not keep.
    """

    backend: str
    signal: Signal
    client: str = "floe-local"
    protocol: str
    canary: str
    verdict: Verdict
    hop: HopName | None = None
    field: str | None = None
    expected: Any = None
    found: Any = None
    reason: str = ""
    hint: str = ""
    hops: tuple[Hop, ...] = ()
    differences: tuple[Difference, ...] = ()
    not_compared: Losses = Losses()


class Bulk(Frozen):
    """The account of many canaries of one kind.

    `send_seconds` is the time of sending all, `read_seconds` of reading all back;
    `milliseconds_each` is both, for one. `missing` lists the ids that were not read back.
    """

    backend: str
    signal: Signal
    protocol: str
    threads: int
    sent: int
    acknowledged: int
    stored: int
    missing: tuple[str, ...] = ()
    send_seconds: float
    read_seconds: float

    @computed_field  # type: ignore[prop-decorator]
    @property
    def complete(self) -> bool:
        """Tell whether each one was acknowledged and read back."""
        return self.sent == self.acknowledged == self.stored

    @computed_field  # type: ignore[prop-decorator]
    @property
    def milliseconds_each(self) -> float:
        """Milliseconds for one, sent and read back."""
        return 1000 * (self.send_seconds + self.read_seconds) / max(self.sent, 1)

    @computed_field  # type: ignore[prop-decorator]
    @property
    def sent_per_second(self) -> float:
        """The rate of sending, to hold against a bare client loop's."""
        return self.acknowledged / max(self.send_seconds, 1e-9)


class CleanupResult(Frozen):
    """What was removed from a backend, and what is still there after that."""

    backend: str
    removed: int = 0
    left: tuple[str, ...] = ()
    kept: bool = False


class BackendUsed(Frozen):
    """Which backend answered: `origin` decides how its verdicts may be called."""

    name: str
    image: str
    origin: Origin


class Durations(Frozen):
    """Seconds. `load` is the import of the SDKs, `verdict` from the last ack to the verdict."""

    load: float
    send: float
    verdict: float
    cleanup: float
    total: float


class Report(Frozen):
    """The outcome of a smoke test; also its JSON document.

    `warnings` name what of the user's own a pipeline would follow instead of `env`.
    """

    schema_: Literal["floe-local/v1"] = Field(default="floe-local/v1", serialization_alias="schema")
    command: Literal["smoke-test"] = "smoke-test"
    ok: bool
    strict: bool
    reason: str = ""
    stack: str
    run_id: str
    namespace: str
    sampling: str
    backends: tuple[BackendUsed, ...]
    checks: tuple[Check, ...]
    bulk: tuple[Bulk, ...] = ()
    cleanup: tuple[CleanupResult, ...] = ()
    durations: Durations
    warnings: tuple[str, ...] = ()

    def to_json(self) -> str:
        """Return the document that ``--json`` prints."""
        return self.model_dump_json(by_alias=True, indent=2)


_RECEIVED = {
    Origin.STAND_IN: Verdict.BY_STAND_IN,
    Origin.SANDBOX: Verdict.BY_SANDBOX,
}
_GOOD = {Verdict.RECEIVED, Verdict.BY_STAND_IN, Verdict.BY_SANDBOX, Verdict.ACCEPTED}


def received_by(origin: Origin) -> Verdict:
    """Return what a read-back from a backend of that origin may be called."""
    return _RECEIVED.get(origin, Verdict.RECEIVED)


def failure_reason(
    checks: tuple[Check, ...],
    bulk: tuple[Bulk, ...],
    cleanup: tuple[CleanupResult, ...],
    *,
    strict: bool,
) -> str:
    """Return why a run is not a pass; the empty string when it is one."""
    failed = [check for check in checks if check.verdict is Verdict.FAILED]
    if failed:
        return f"{len(failed)} of {len(checks)} checks failed"
    if not any(check.verdict in _GOOD for check in checks):
        return "nothing was received or accepted"
    lost = sum(account.sent - account.stored for account in bulk if not account.complete)
    if lost:
        return f"{lost} of {sum(account.sent for account in bulk)} were not read back"
    left = sum(len(result.left) for result in cleanup)
    if left:
        return f"{left} canaries could not be removed from the backend"
    weak = [c for c in checks if c.verdict in _GOOD and c.verdict is not Verdict.RECEIVED]
    if strict and weak:
        return f"--strict: {len(weak)} checks are not read back from the backend itself"
    return ""


_Part = TypeVar("_Part", Check, CleanupResult)
_IDENTITY = {"backend", "signal", "protocol", "canary", "verdict", "hop"}


def mask_secrets(part: _Part, secrets: frozenset[str]) -> _Part:
    """A part of a report without the secrets that a client, or a backend, may quote; its names stay."""
    fields = part.model_dump(exclude=_IDENTITY)
    clean = map_texts(fields, lambda text: hide(text, secrets))
    return type(part).model_validate({**part.model_dump(include=_IDENTITY), **clean})
