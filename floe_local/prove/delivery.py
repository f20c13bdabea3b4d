"""What is sent, by whom and to whom, and what is known of it.

A `Sending` leaves once; its `Delivery` to each backend is one check of the report. What is
learned on the way (acknowledgement, hops, answers) is put on the delivery.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from floe_local.plan.values import Frozen, Kind, Signal

if TYPE_CHECKING:
    from collections.abc import Iterable

    from floe_local.plan.blueprint.model import Probe
    from floe_local.prove.report import Hop
    from floe_local.prove.targets import BackendTarget, Targets
    from floe_local.signals.shared.difference import Difference
    from floe_local.signals.shared.model import ExpectedItem, OtlpTransport, Plan

FLOE_LOCAL = "floe-local"
"""The client whose every setting is explicit."""


class Ack(Frozen):
    """The first station's answer to what one client sent.

    `at` is the monotonic clock when the last answer came, `seconds` the time since the first
    canary was sent. `answered`: a lineage backend said yes over HTTP. `error` is what failed
    (where `ok`: in a part of the client that may fail), `hint` what to do about it.
    """

    ok: bool
    at: float
    seconds: float
    answered: bool = False
    error: str = ""
    hint: str = ""


@dataclass(frozen=True, eq=False)
class Question:
    """One probe, made for one item; compared by identity.

    `never`: the right answer is that it is not there.
    """

    target: BackendTarget
    probe: Probe
    item: ExpectedItem
    never: bool = False


class ProbeResult(NamedTuple):
    """The last answer to one question, and what was wrong with it.

    `never`: it asked for what was never sent; `present`: and the backend has it.
    """

    never: bool
    present: bool
    differences: tuple[Difference, ...]
    seconds: float


@dataclass(frozen=True, eq=False)
class Sending:
    """What a client sends of one signal, and to what address; compared by identity.

    The Collector passes one sending on to several backends. `planned` is empty where it cannot
    be sent, `unsent` says why where that is not for want of an address.
    """

    signal: Signal
    protocol: str
    canary: str
    address: str
    planned: tuple[Plan, ...] = ()
    client: str = FLOE_LOCAL
    unsent: str = ""

    @property
    def count(self) -> int:
        """How many items it holds, as the Collector counts them."""
        return sum(plan.count for plan in self.planned)


class Delivery(NamedTuple):
    """One sending on its way to one backend, and what is known of it so far.

    `questions` is what the backend is asked for it, `skip_reason` why it need not hold it. `ack`
    is None until it is sent, and stays so where it cannot be. `hops` are the Collector's.
    """

    target: BackendTarget
    sending: Sending
    questions: tuple[Question, ...] = ()
    skip_reason: str = ""
    ack: Ack | None = None
    hops: tuple[Hop, ...] = ()
    results: tuple[ProbeResult, ...] = ()

    @property
    def signal(self) -> Signal:
        """The signal of what is sent."""
        return self.sending.signal

    @property
    def is_acknowledged(self) -> bool:
        """Whether it was sent, and taken."""
        return self.ack is not None and self.ack.ok


def collector_addresses(targets: Targets) -> dict[OtlpTransport, str]:
    """Return where the Collector takes OTLP, by protocol."""
    urls: dict[OtlpTransport, str | None] = {"grpc": targets.otlp_grpc, "http": targets.otlp_http}
    return {protocol: url for protocol, url in urls.items() if url}


def takes_runs(target: BackendTarget) -> bool:
    """Tell whether runs can be sent to a backend."""
    return target.kind is Kind.LINEAGE and target.transport is not None


def sendings(of: Iterable[Delivery]) -> list[Sending]:
    """Return each sending of some deliveries once; without those that cannot be sent."""
    return list(dict.fromkeys(one.sending for one in of if one.sending.planned))
