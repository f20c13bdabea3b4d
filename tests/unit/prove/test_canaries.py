"""Canaries are fresh, named as canaries, and kept by samplers."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

import pytest

from floe_local.plan.blueprint.model import Naming
from floe_local.plan.values import Signal
from floe_local.prove.canaries import Canaries, plan
from floe_local.signals.lineage import expected, removals
from floe_local.signals.shared.model import PREFIX, OtlpTransport, module_of

if TYPE_CHECKING:
    from floe_local.signals.shared.model import TracePlan

ALL = frozenset(Signal)


def _ids(canaries: Canaries) -> list[str]:
    spans = [span.span_id for trace in canaries.of(Signal.TRACES) for span in trace.spans]
    traces = [
        trace.trace_id
        for trace in (*canaries.of(Signal.TRACES), never_sent(canaries, Signal.TRACES))
    ]
    runs = [
        run.run_id for run in (*canaries.of(Signal.LINEAGE), never_sent(canaries, Signal.LINEAGE))
    ]
    return spans + traces + runs


def never_sent(canaries: Canaries, signal: Signal) -> Any:
    return module_of(signal).never_sent(canaries.id)


def whole_traces(canaries: Canaries) -> list[TracePlan]:
    return [trace for trace in canaries.of(Signal.TRACES) if trace.case == "whole"]


def odd_trace(case: str) -> TracePlan:
    canaries = plan("ns", ("grpc", "http"), ALL)
    trace: TracePlan
    [trace] = [trace for trace in canaries.of(Signal.TRACES) if trace.case == case]
    return trace


@pytest.mark.parametrize("protocols", [("grpc",), ("http",), ("grpc", "http")])
def test_each_protocol_has_a_whole_trace_and_each_odd_one_is_sent_once(
    protocols: tuple[OtlpTransport, ...],
) -> None:
    canaries = plan("ns", protocols, ALL)
    assert tuple(trace.protocol for trace in whole_traces(canaries)) == protocols
    odd = [trace.case for trace in canaries.of(Signal.TRACES) if trace.case != "whole"]
    assert sorted(odd) == ["hour-apart", "large-span", "many-spans"]


def test_no_protocol_no_trace() -> None:
    assert plan("ns", (), ALL).of(Signal.TRACES) == ()


def test_spans_lie_an_hour_apart() -> None:
    starts = [span.start for span in odd_trace("hour-apart").spans]
    hour = 3600 * 10**9
    assert [after - before for before, after in itertools.pairwise(starts)] == [hour, hour]


def test_a_span_is_as_large_as_real_ones() -> None:
    [span] = odd_trace("large-span").spans
    assert len(span.attributes) == 200
    assert len(span.attributes["db.query.text"].encode()) >= 6_000


def test_a_trace_has_many_spans() -> None:
    trace = odd_trace("many-spans")
    assert len({span.span_id for span in trace.spans}) == 2_000


def test_no_id_comes_twice() -> None:
    ids = [i for _ in range(3) for i in _ids(plan("ns", ("grpc", "http"), ALL))]
    assert len(ids) == len(set(ids))


def test_every_name_tells_that_it_is_a_canary() -> None:
    canaries = plan("ns", ("grpc", "http"), ALL)
    subjects = removals(list(canaries.of(Signal.LINEAGE)), "ns", Naming())
    names = [s.values["dataset"] for s in subjects if s.each == "dataset"]
    names += [s.values["job"] for s in subjects]
    names += [span.service for trace in canaries.of(Signal.TRACES) for span in trace.spans]
    assert all(name.startswith(PREFIX) for name in names)


def test_every_span_is_kept_by_samplers() -> None:
    canaries = plan("ns", ("grpc",), ALL)
    spans = [span for trace in canaries.of(Signal.TRACES) for span in trace.spans]
    assert all(span.attributes["sampling.priority"] == 1 for span in spans)


def test_a_trace_crosses_services_and_has_all_that_can_be_lost() -> None:
    [trace] = whole_traces(plan("ns", ("http",), ALL))
    services = {span.span_id: span.service for span in trace.spans}
    crossing = [s for s in trace.spans if s.parent_id and services[s.parent_id] != s.service]
    assert len(set(services.values())) == 3
    assert len(crossing) == 2
    assert {span.kind for span in trace.spans} == {
        "internal",
        "server",
        "client",
        "producer",
        "consumer",
    }
    assert any(event.exception for span in trace.spans for event in span.events)
    assert any(span.links for span in trace.spans)


def test_only_what_is_asked_for_is_planned() -> None:
    canaries = plan("ns", ("grpc", "http"), frozenset({Signal.LINEAGE}))
    assert canaries.planned.keys() == {Signal.LINEAGE}
    assert {run.ending for run in canaries.of(Signal.LINEAGE)} == {"COMPLETE", "FAIL", "ABORT"}


def test_a_child_goes_by_the_name_that_the_backend_gives_it() -> None:
    canaries = plan("ns", (), ALL)
    naming = Naming(child_job="{parent_job}.{job}", run_states={"FAIL": "FAILED"})
    runs = {
        run.scenario: expected(run, "ns", naming)[0].values for run in canaries.of(Signal.LINEAGE)
    }
    assert runs["child"]["job"] == f"{runs['parent']['job']}.{runs['child']['sent_job']}"
    assert runs["fail"]["state"] == "FAILED"
    assert runs["abort"]["state"] == "ABORT"


def test_what_is_never_sent_has_the_values_of_what_is() -> None:
    canaries = plan("ns", ("grpc",), ALL)
    for signal, planned in canaries.planned.items():
        module, never = module_of(signal), never_sent(canaries, signal)
        items = [item for one in planned for item in module.expected(one, "ns", Naming())]
        there = {item.each: set(item.values) for item in items}
        assert {
            item.each: set(item.values) for item in module.expected(never, "ns", Naming())
        } == there
    assert canaries.planned.keys() == ALL


def test_what_is_never_sent_is_nowhere_in_what_is() -> None:
    canaries = plan("ns", ("grpc", "http"), ALL)
    sent_text = repr(canaries)
    assert never_sent(canaries, Signal.TRACES).trace_id not in sent_text
    assert never_sent(canaries, Signal.LOGS).body not in sent_text
    assert never_sent(canaries, Signal.METRICS).name not in sent_text
    assert never_sent(canaries, Signal.LINEAGE).job not in sent_text


def test_columns_are_asked_for_in_an_order_that_backends_can_give() -> None:
    canaries = plan("ns", (), ALL)
    items = [item for run in canaries.of(Signal.LINEAGE) for item in expected(run, "ns", Naming())]
    datasets = [item for item in items if item.each == "dataset"]
    names = [[column["name"] for column in s.values["schema"]] for s in datasets]
    assert max(map(len, names)) > 2
    assert names == [sorted(own) for own in names]
