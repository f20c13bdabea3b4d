"""What is sent, by whom and to whom: listed before anything is sent.

A `Sending` leaves once; its `Delivery` to each backend is one check of the report. What is
learned on the way (acknowledgement, hops, answers) is put on the delivery.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from floe_local.plan.values import Frozen, Kind, Signal
from floe_local.prove.read.readback import Question, absence_questions, not_held, questions
from floe_local.prove.send.clients import CLIENTS, FLOE_LOCAL, address_of, otlp_protocol, unserved
from floe_local.prove.signals.lineage import simple_run
from floe_local.prove.signals.model import PREFIX, WHOLE, module_of
from floe_local.prove.signals.traces import single_trace

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from floe_local.prove.canaries import Canaries
    from floe_local.prove.difference import Difference
    from floe_local.prove.report import Hop
    from floe_local.prove.signals.model import OtlpTransport, Plan, TelemetryPlan
    from floe_local.prove.targets import BackendTarget, PipelineEnvironment, Targets

TELEMETRY: tuple[Signal, ...] = tuple(signal for signal in Signal if signal is not Signal.LINEAGE)


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

    `questions` is what the backend is asked for it, `not_held` why it need not hold it. `ack`
    is None until it is sent, and stays so where it cannot be. `hops` are the Collector's.
    """

    target: BackendTarget
    sending: Sending
    questions: tuple[Question, ...] = ()
    not_held: str = ""
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


def deliveries(targets: Targets, canaries: Canaries) -> tuple[Delivery, ...]:
    """Return every delivery of a smoke test, in the order of the report."""
    by_clients = [*_by_clients(targets.pipeline, canaries)] if targets.pipeline else []
    telemetry = {
        signal: [
            *_through_collector(targets, canaries, signal),
            *(sending for sending in by_clients if sending.signal is signal),
        ]
        for signal in TELEMETRY
    }
    runs = [sending for sending in by_clients if sending.signal is Signal.LINEAGE]
    return tuple(
        delivery
        for target in targets.backends
        for delivery in (
            _of_lineage(target, runs, canaries)
            if target.kind is Kind.LINEAGE
            else _of_telemetry(target, telemetry, canaries)
        )
    )


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


def _through_collector(targets: Targets, canaries: Canaries, signal: Signal) -> Iterator[Sending]:
    for protocol, url in collector_addresses(targets).items():
        own: dict[str, list[TelemetryPlan]] = {}
        for plan in canaries.of(signal):
            if plan.protocol == protocol:
                own.setdefault(_canary_of(plan, signal), []).append(plan)
        for canary, planned in (own or {str(signal): []}).items():
            yield Sending(signal, protocol, canary, url, tuple(planned))


def _canary_of(plan: TelemetryPlan, signal: Signal) -> str:
    """Return what the report calls it: traces that are there for one thing go by that."""
    return str(signal) if plan.case == WHOLE else f"{signal}-{plan.case}"


def _by_clients(pipeline: PipelineEnvironment, canaries: Canaries) -> Iterator[Sending]:
    """Yield what clients send that know the pipeline's environment alone."""
    for client in CLIENTS:
        name, reason = client.name, unserved(client, pipeline)
        protocol = "openlineage"
        plans: tuple[Plan, ...] = (simple_run(f"{PREFIX}-{canaries.id}-{name}", name),)
        if client.signal is not Signal.LINEAGE:
            protocol = otlp_protocol(client, pipeline)
            plans = (single_trace(canaries.id, protocol, name),)
        yield Sending(
            client.signal,
            protocol,
            name,
            address_of(client, pipeline),
            () if reason else plans,
            client=name,
            unsent=reason,
        )


def _of_telemetry(
    target: BackendTarget, telemetry: dict[Signal, list[Sending]], canaries: Canaries
) -> Iterator[Delivery]:
    for signal in TELEMETRY:
        sent = telemetry[signal] if signal in target.accepts else []
        never = absence_questions(target, signal, canaries)
        for sending in sent or [Sending(signal, "otlp", str(signal), "")]:
            yield _delivery(target, sending, never, canaries)


def _of_lineage(
    target: BackendTarget, by_clients: list[Sending], canaries: Canaries
) -> Iterator[Delivery]:
    where = str((target.transport or {}).get("url", target.name))
    never = absence_questions(target, Signal.LINEAGE, canaries)
    for run in canaries.of(Signal.LINEAGE):
        planned = (run,) if takes_runs(target) else ()
        sending = Sending(Signal.LINEAGE, "openlineage", run.scenario, where, planned)
        yield _delivery(target, sending, never, canaries)
    for sending in by_clients if takes_runs(target) and canaries.of(Signal.LINEAGE) else ():
        yield _delivery(target, sending, never, canaries)


def _delivery(
    target: BackendTarget, sending: Sending, never: list[Question], canaries: Canaries
) -> Delivery:
    items = [
        item
        for plan in sending.planned
        for item in module_of(sending.signal).expected(plan, canaries.namespace, target.naming)
    ]
    return Delivery(
        target=target,
        sending=sending,
        questions=(*questions(target, sending.signal, items), *never),
        not_held=not_held(target, sending.signal, items),
    )
