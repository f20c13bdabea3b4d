"""All that one smoke test sends, listed before anything is sent: what each signal plans, to whom it goes."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from floe_local.plan.values import Kind, Signal
from floe_local.prove.delivery import Delivery, Sending, collector_addresses, takes_runs
from floe_local.prove.read.readback import absence_questions, questions, skip_reason
from floe_local.prove.send.clients import CLIENTS, address_of, otlp_protocol, unserved_reason
from floe_local.signals.lineage import simple_run
from floe_local.signals.shared.model import PREFIX, WHOLE, OtlpTransport, module_of
from floe_local.signals.traces import single_trace, whole_trace

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from floe_local.prove.delivery import Question
    from floe_local.prove.targets import BackendTarget, PipelineEnvironment, Targets
    from floe_local.signals.shared.model import Plan, TelemetryPlan


TELEMETRY: tuple[Signal, ...] = tuple(signal for signal in Signal if signal is not Signal.LINEAGE)


@dataclass(frozen=True, kw_only=True)
class Canaries:
    """What one smoke test sends. `namespace` is OpenLineage's, of jobs and datasets."""

    id: str
    namespace: str
    planned: Mapping[Signal, tuple[Any, ...]] = field(default_factory=dict)

    def of(self, signal: Signal) -> tuple[Any, ...]:
        """Return the plans of a signal, of the class that its module has."""
        return self.planned.get(signal, ())


def plan(
    namespace: str, protocols: tuple[OtlpTransport, ...], signals: Iterable[Signal]
) -> Canaries:
    """Plan the canaries of one smoke test.

    Args:
        namespace: OpenLineage namespace of jobs and datasets.
        protocols: how telemetry is sent.
        signals: what to plan for.

    Returns:
        Fresh canaries; two calls never share an id or a name.
    """
    canary = secrets.token_hex(4)
    traces = tuple(whole_trace(canary, protocol) for protocol in protocols)
    planned = {signal: module_of(signal).plan(canary, traces) for signal in signals}
    return Canaries(id=canary, namespace=namespace, planned=planned)


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
        name, reason = client.name, unserved_reason(client, pipeline)
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
        never = absence_questions(target, signal, canaries.id, canaries.namespace)
        for sending in sent or [Sending(signal, "otlp", str(signal), "")]:
            yield _delivery(target, sending, never, canaries)


def _of_lineage(
    target: BackendTarget, by_clients: list[Sending], canaries: Canaries
) -> Iterator[Delivery]:
    where = str((target.transport or {}).get("url", target.name))
    never = absence_questions(target, Signal.LINEAGE, canaries.id, canaries.namespace)
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
        skip_reason=skip_reason(target, sending.signal, items),
    )
