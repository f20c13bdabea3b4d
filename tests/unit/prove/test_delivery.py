"""What is sent is listed before: one delivery for each backend, one sending for all of them."""

from __future__ import annotations

from floe_local.plan.values import Kind, Signal
from floe_local.prove.canaries import deliveries, plan
from floe_local.prove.delivery import Ack, Delivery, sendings
from floe_local.prove.read.collector import expected_count
from floe_local.prove.targets import BackendTarget, Targets
from tests.backends import target_of

TAKEN = Ack(ok=True, at=1.0, seconds=0.1)
LOST = Ack(ok=False, at=1.0, seconds=0.1, error="refused")


def backend(name: str, *accepts: Signal) -> BackendTarget:
    return target_of(
        name,
        Kind.LINEAGE if Signal.LINEAGE in accepts else Kind.TELEMETRY,
        accepts=accepts,
        endpoints={},
        exporters=dict.fromkeys(accepts, (f"otlp_grpc/{name}",)),
        transport={"type": "http", "url": f"http://{name}"},
    )


def planned(*backends: BackendTarget) -> list[Delivery]:
    signals = frozenset(signal for one in backends for signal in one.accepts)
    targets = Targets(
        stack="s", namespace="ns", otlp_grpc="http://g", otlp_http="http://h", backends=backends
    )
    return list(deliveries(targets, plan("ns", ("grpc", "http"), signals)))


def test_telemetry_leaves_once_for_all_backends_and_lineage_for_each() -> None:
    telemetry = planned(backend("a", Signal.TRACES), backend("b", Signal.TRACES))
    assert [(one.target.name, one.signal) for one in telemetry if one.sending.planned] == [
        (name, Signal.TRACES) for name in "aaaaabbbbb"
    ]
    assert [(one.protocol, one.canary) for one in sendings(telemetry)] == [
        ("grpc", "traces"),
        ("grpc", "traces-large-span"),
        ("http", "traces"),
        ("http", "traces-hour-apart"),
        ("http", "traces-many-spans"),
    ]
    lineage = planned(backend("a", Signal.LINEAGE), backend("b", Signal.LINEAGE))
    assert len(sendings(lineage)) == len(lineage) == 2 * 5


def test_what_a_backend_does_not_take_is_listed_and_not_sent() -> None:
    listed = planned(backend("a", Signal.TRACES), backend("b", Signal.METRICS))
    unsent = {(one.target.name, one.signal) for one in listed if not one.sending.planned}
    assert unsent == {
        ("a", Signal.METRICS),
        ("a", Signal.LOGS),
        ("b", Signal.TRACES),
        ("b", Signal.LOGS),
    }


def test_the_collector_counts_what_was_acknowledged_of_a_signal() -> None:
    grpc, _, http, *_ = planned(backend("a", Signal.TRACES, Signal.METRICS))
    each = grpc.sending.count
    taken, lost = grpc._replace(ack=TAKEN), http._replace(ack=LOST)
    count = expected_count(taken, [taken, lost])
    assert count is not None
    assert (count.protocol, count.accepted, count.exported) == ("grpc", each, each)
    assert expected_count(lost, [taken, lost]) is None
    both = expected_count(taken, [taken, http._replace(ack=TAKEN)])
    assert both is not None
    assert (both.accepted, both.exported) == (each, 2 * each)
