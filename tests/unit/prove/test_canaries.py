"""Canaries are fresh, named as canaries, and kept by samplers."""

from __future__ import annotations

import itertools

import pytest

from floe_local.plan.blueprint.model import Naming
from floe_local.plan.values import Signal
from floe_local.prove.canaries import Canaries, Protocol, TracePlan, plan
from floe_local.prove.read.expected import Plan, expected_items, never_sent, to_remove
from floe_local.prove.runs import PREFIX

ALL = frozenset(Signal)


def _ids(canaries: Canaries) -> list[str]:
    spans = [span.span_id for trace in canaries.traces for span in trace.spans]
    traces = [trace.trace_id for trace in (*canaries.traces, canaries.never_trace)]
    return spans + traces + [run.run_id for run in (*canaries.runs, canaries.never_run)]


def whole_traces(canaries: Canaries) -> list[TracePlan]:
    return [trace for trace in canaries.traces if trace.case == "whole"]


def odd_trace(case: str) -> TracePlan:
    canaries = plan("ns", ("grpc", "http"), ALL)
    [trace] = [trace for trace in canaries.traces if trace.case == case]
    return trace


@pytest.mark.parametrize("protocols", [("grpc",), ("http",), ("grpc", "http")])
def test_each_protocol_has_a_whole_trace_and_each_odd_one_is_sent_once(
    protocols: tuple[Protocol, ...],
) -> None:
    canaries = plan("ns", protocols, ALL)
    assert tuple(trace.protocol for trace in whole_traces(canaries)) == protocols
    odd = [trace.case for trace in canaries.traces if trace.case != "whole"]
    assert sorted(odd) == ["hour-apart", "large-span", "many-spans"]


def test_no_protocol_no_trace() -> None:
    assert plan("ns", (), ALL).traces == ()


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
    subjects = to_remove(list(canaries.runs), "ns", Naming())
    names = [s.values["dataset"] for s in subjects if s.each == "dataset"]
    names += [s.values["job"] for s in subjects]
    names += [span.service for trace in canaries.traces for span in trace.spans]
    assert all(name.startswith(PREFIX) for name in names)


def test_every_span_is_kept_by_samplers() -> None:
    canaries = plan("ns", ("grpc",), ALL)
    spans = [span for trace in canaries.traces for span in trace.spans]
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
    assert (canaries.traces, canaries.metrics, canaries.logs) == ((), (), ())
    assert {run.ending for run in canaries.runs} == {"COMPLETE", "FAIL", "ABORT"}


def test_a_child_goes_by_the_name_that_the_backend_gives_it() -> None:
    canaries = plan("ns", (), ALL)
    naming = Naming(child_job="{parent_job}.{job}", run_states={"FAIL": "FAILED"})
    runs = {run.scenario: expected_items(run, "ns", naming)[0].values for run in canaries.runs}
    assert runs["child"]["job"] == f"{runs['parent']['job']}.{runs['child']['sent_job']}"
    assert runs["fail"]["state"] == "FAILED"
    assert runs["abort"]["state"] == "ABORT"


def test_what_is_never_sent_has_the_values_of_what_is() -> None:
    canaries = plan("ns", ("grpc",), ALL)
    plans: dict[Signal, tuple[Plan, ...]] = {
        Signal.TRACES: canaries.traces,
        Signal.METRICS: canaries.metrics,
        Signal.LOGS: canaries.logs,
        Signal.LINEAGE: canaries.runs,
    }
    for signal, planned in plans.items():
        items = [item for one in planned for item in expected_items(one, "ns", Naming())]
        there = {item.each: set(item.values) for item in items}
        never = {s.each: set(s.values) for s in never_sent(canaries, signal, Naming())}
        assert never == there


def test_what_is_never_sent_is_nowhere_in_what_is() -> None:
    canaries = plan("ns", ("grpc", "http"), ALL)
    sent_text = canaries.model_dump_json(exclude={"never_trace", "never_run"})
    assert canaries.never_trace.trace_id not in sent_text
    assert canaries.never_run.run_id not in sent_text


def test_columns_are_asked_for_in_an_order_that_backends_can_give() -> None:
    canaries = plan("ns", (), ALL)
    items = [item for run in canaries.runs for item in expected_items(run, "ns", Naming())]
    datasets = [item for item in items if item.each == "dataset"]
    names = [[column["name"] for column in s.values["schema"]] for s in datasets]
    assert max(map(len, names)) > 2
    assert names == [sorted(own) for own in names]
