"""`sandbox show`, `fail`: what the recorders of a stack received, and how they answer next."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from pydantic import Field

from floe_local.errors import InputError, MachineError
from floe_local.operations.stacks import find_planned
from floe_local.plan.stack.addresses import backend_urls
from floe_local.plan.values import Frozen

if TYPE_CHECKING:
    from floe_local.operations.stacks import Where
    from floe_local.plan.artifacts import Backend
    from floe_local.plan.stack.model import StackPlan

CONTROL = "control"
"""The recorder's endpoint that is not the backend's (compose/sandbox)."""


class Received(Frozen):
    """One request that a recorder answered; the credential in it is masked."""

    number: int
    at: str = ""
    method: str = ""
    path: str = ""
    status: int = 0
    content_type: str | None = None
    encoding: str | None = None
    bytes: int = 0
    credential: str | None = None
    signal: str | None = None
    items: int = 0
    reason: str | None = None

    @property
    def has_data(self) -> bool:
        """False: it only asks whether the connection holds, as some exporters do when they start."""
        return bool(self.items or self.encoding)


class Recorded(Frozen):
    """What one recorder received: `counts` of all, and the last `requests`, newest last."""

    backend: str
    counts: dict[str, Any] = {}
    requests: tuple[Received, ...] = ()


class Recordings(Frozen):
    """What every recorder of a stack received."""

    stack: str
    recorders: tuple[Recorded, ...] = ()


class Failure(Frozen):
    """How a recorder answers next. `times` None: until it is told otherwise."""

    status: int = Field(ge=400, le=599)
    times: int | None = Field(default=None, ge=1)
    retry_after: int | None = Field(default=None, ge=0)
    path: str | None = None


class Failing(Frozen):
    """A recorder that was told how to answer; `failure` None: as its backend does."""

    backend: str
    failure: Failure | None = None


def show_received(where: Where, backend: str | None = None, limit: int = 50) -> Recordings:
    """What the recorders received.

    Args:
        where: which stack.
        backend: only this one's; None: all.
        limit: how many requests of each.

    Raises:
        InputError: no recorder plays that backend (``not-played``).
        MachineError: the stack is not up, or a recorder does not answer.
    """
    plan, _ = find_planned(where)
    names = [backend] if backend else plan.sandboxed
    backends = [_sandboxed_backend(plan, name) for name in names]
    return Recordings(stack=plan.name, recorders=tuple(_recorded(plan, b, limit) for b in backends))


def fail(where: Where, backend: str, failure: Failure | None) -> Failing:
    """Make a recorder answer with an error.

    Args:
        where: which stack.
        backend: whose recorder.
        failure: how; None: as the backend does, again.

    Raises:
        InputError: no recorder plays that backend (``not-played``).
        MachineError: the stack is not up, or the recorder does not answer.
    """
    plan, _ = find_planned(where)
    sandboxed = _sandboxed_backend(plan, backend)
    if failure is None:
        _ask_recorder(plan, sandboxed, "DELETE", "/fail")
    else:
        _ask_recorder(plan, sandboxed, "PUT", "/fail", failure.model_dump())
    return Failing(backend=backend, failure=failure)


def forced_failures(plan: StackPlan) -> tuple[Failing, ...]:
    """The recorders that were told to answer with an error; one that does not answer is left out."""
    found = []
    for name in plan.sandboxed:
        with suppress(MachineError):
            failure = _ask_recorder(plan, _sandboxed_backend(plan, name), "GET", "/fail")["fail"]
            found += (
                [Failing(backend=name, failure=Failure.model_validate(failure))] if failure else []
            )
    return tuple(found)


def _sandboxed_backend(plan: StackPlan, name: str) -> Backend:
    found = next((b for b in plan.backends if b.name == name and b.name in plan.sandboxed), None)
    if found is None:
        known = ", ".join(plan.sandboxed) or "none"
        hint = f"played in this stack: {known}"
        raise InputError("not-played", f"the sandbox does not play '{name}' here", hint)
    return found


def _recorded(plan: StackPlan, backend: Backend, limit: int) -> Recorded:
    listed = _ask_recorder(plan, backend, "GET", f"/requests?limit={limit}")
    known = set(Received.model_fields)
    return Recorded(
        backend=backend.name,
        counts=_ask_recorder(plan, backend, "GET", "/counts"),
        requests=tuple(
            Received.model_validate({k: v for k, v in one.items() if k in known}) for one in listed
        ),
    )


def _ask_recorder(
    plan: StackPlan, backend: Backend, method: str, path: str, body: Any = None
) -> Any:
    from floe_local.prove.read.http import Http  # noqa: PLC0415 - `--help` does without

    url = backend_urls(plan, backend, "host").get(CONTROL, "")
    with Http(1) as http:
        answer = http.ask(method, f"{url}{path}", body=None if body is None else json.dumps(body))
    if not answer.ok:
        said = answer.error or f"HTTP {answer.status}"
        raise MachineError(
            "sandbox",
            f"the recorder of '{backend.name}' at {url} does not answer {method} {path}: {said}",
            "is the stack up? see `floe-local status`",
        )
    return answer.parsed()
