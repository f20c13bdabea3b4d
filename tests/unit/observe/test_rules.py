"""Each rule finds what it is there for, and lets a sound session pass."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from floe_local.errors import InputError
from floe_local.observe.rules.baseline import baseline_of, without_known
from floe_local.observe.rules.facets import standard_facets
from floe_local.observe.rules.model import RuleFinding, SoundnessRule, View
from floe_local.observe.rules.naming import naming_problem, sources, spellings
from floe_local.observe.rules.otel import retired_names
from floe_local.observe.rules.profiles import PROFILES, judged, rules_of
from floe_local.observe.session.lineage import LineageName
from floe_local.observe.session.model import LogRecord, Metric, ObservedSession, Span, TakenRequest
from floe_local.plan.blueprint.lookup import shipped_names
from tests.unit.observe.conftest import FACET, RUN, event, session_of

OTHER = "01941f29-7c00-7000-8000-000000000002"
SOUND = session_of(event("START", 0), event("COMPLETE", 1))


def span(**fields: Any) -> Span:
    """A sound root span; `fields` make another of it."""
    sound: dict[str, Any] = {
        "trace_id": "a" * 32,
        "span_id": "b" * 16,
        "parent_id": "",
        "name": "load",
        "kind": "internal",
        "status": {"code": "ok", "message": ""},
        "start": 10**18,
        "end": 10**18 + 5,
        "trace_state": "",
        "scope": "x",
        "resource": {"service.name": "shop"},
        "request": 1,
        "place": "request 1",
    }
    numbers = ("flags", "dropped_attributes", "dropped_events", "dropped_links",
               "resource_dropped_attributes", "scope_dropped_attributes")  # fmt: skip
    texts = ("resource_schema_url", "scope_version", "scope_schema_url")
    maps = ("attributes", "events", "event_times", "event_dropped_attributes", "links",
            "link_trace_states", "link_flags", "link_dropped_attributes", "scope_attributes")  # fmt: skip
    empty: dict[str, Any] = (
        dict.fromkeys(numbers, 0) | dict.fromkeys(texts, "") | {name: {} for name in maps}
    )
    return Span(**{**empty, **sound, **fields})


def spans(*several: Span) -> ObservedSession:
    return ObservedSession(requests=(TakenRequest(1, 10**9 + 1, "otlp-grpc"),), spans=several)


def codes(session: ObservedSession, profile: str, **view: Any) -> list[str]:
    return [one.code for one in judged(View(session, **view), [profile])]


def without(name: str, content: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in content.items() if key != name}


def facets(**more: Any) -> dict[str, Any]:
    return {"run": {"runId": RUN, "facets": more}}


NAMED = {"service.name": "shop"}


def logs(attributes: dict[str, Any], body: str = "done") -> ObservedSession:
    record = LogRecord(body, "INFO", "", "", attributes, NAMED, "request 1", 1)
    return ObservedSession(logs=(record,))


def metrics(values: dict[str, list[Any]], name: str = "rows") -> ObservedSession:
    return ObservedSession(metrics=(Metric(name, "sum", "", 1, NAMED, "request 1", 1, values),))


PARENT = {**FACET, "run": {"runId": OTHER}, "job": {"namespace": "ns", "name": "all"}}
LOOKS_ALIKE = [
    {"namespace": "postgres://DB:5432/", "name": "d.s.in", "facets": event()["inputs"][0]["facets"]}
]
OPENLINEAGE: dict[str, list[Any]] = {
    "event-shape": [
        [without("job", event("START", 0))],
        [without("eventTime", event("START", 0))],
        [event("START", 0, inputs={})],
        [event("START", 0, outputs=[{"namespace": "x"}])],
        [[1]],
        [{"a": 1}],
    ],
    "event-type": [[event("STARTED")], [event(eventType=None)]],
    "event-time": [[event(eventTime="2026-01-01")], [event(eventTime="2026-01-01T00:00:00")]],
    "run-id": [[event(run_id="run_1")]],
    "event-urls": [[event(producer="floe")], [event(schemaURL="x")]],
    "facet-urls": [[event(**facets(mine={"_producer": "floe", "_schemaURL": "https://x.example"}))]],
    "facet-shape": [
        [event(**facets(nominalTime=FACET))],
        [event(**facets(nominalTime={**FACET, "nominalStartTime": 1}))],
        [event(**facets(parent={**FACET, "run": {}, "job": {"namespace": "a", "name": "b"}}))],
        [event(**facets(mine=1))],
    ],
    "no-start": [[event("COMPLETE")]],
    "started-twice": [[event("START", 0), event("START", 1), event("COMPLETE", 2)]],
    "no-end": [[event("START")], [event("START", 0), event("RUNNING", 1)]],
    "ended-twice": [[event("START", 0), event("FAIL", 1), event("COMPLETE", 2)]],
    "after-end": [[event("START", 0), event("COMPLETE", 1), event("RUNNING", 2)]],
    "time-backward": [[event("START", 5), event("COMPLETE", 1)]],
    "parent-unknown": [[event("START", 0), event("COMPLETE", 1, **facets(parent=PARENT))]],
    "dataset-two-names": [[event("START", 0), event("COMPLETE", 1, inputs=LOOKS_ALIKE)]],
    "dataset-naming": [[event("START", 0, inputs=[{"namespace": "postgres://db", "name": "x"}])]],
    "no-datasets": [[event("START", 0, inputs=[], outputs=[]), event("COMPLETE", 1, inputs=[], outputs=[])]],
    "input-without-schema": [[event("START", 0, inputs=[{"namespace": "file", "name": "/a"}])]],
    "output-without-rows": [[event("START", 0), event("COMPLETE", 1, outputs=[{"namespace": "file", "name": "/a"}])]],
}  # fmt: skip
OTEL: dict[str, list[ObservedSession]] = {
    "service-name": [
        spans(span(resource={})),
        spans(span(resource={"service.name": "unknown_service:python"})),
    ],
    "span-ids": [
        spans(span(span_id="")),
        spans(span(trace_id="0" * 32)),
        spans(span(), span()),
        spans(span(parent_id="b" * 16)),
    ],
    "span-times": [
        spans(span(end=10**18 - 1)),
        spans(span(end=0)),
        spans(span(start=1, end=2)),
    ],
    "span-parent": [spans(span(parent_id="c" * 16))],
    "remote-parent": [spans(span(parent_id="c" * 16, flags=0x300))],
    "span-name": [spans(span(name=""))],
    "retired-name": [
        spans(span(attributes={"http.method": "GET"})),
        spans(span(events={"called": {"http.method": "GET"}})),
        logs({"http.method": "GET"}),
        metrics({"http.method": ["GET"]}),
        metrics({}, "db.client.connections.create_time"),
    ],
    "error-reason": [spans(span(status={"code": "error", "message": ""}))],
    "credential": [
        spans(span(attributes={"db.password": "hunter2hunter2"})),
        logs({"api_key": "hunter2hunter2"}),
        logs({}, "password=hunter2hunter2"),
    ],
}
FLOE_ATTRIBUTES = {
    "floe.namespace": "n",
    "floe.product.name": "p",
    "floe.product.version": "1",
    "floe.mode": "dev",
    "floe.version": "0.1",
}
CORRELATED = facets(traceCorrelation={**FACET, "trace_id": "a" * 32})
FLOE_SOUND = replace(
    session_of(event("START", 0, **CORRELATED), event("COMPLETE", 1, **CORRELATED)),
    requests=(TakenRequest(1, 10**9 + 1, "otlp-grpc"),),
    spans=(span(resource={"service.name": "shop", **FLOE_ATTRIBUTES}),),
)
CTE = "with __dbt__cte__in as (select 1) select * from __dbt__cte__in"
TESTS = {**FACET, "processingType": "BATCH", "integration": "DBT", "jobType": "TEST"}


def models(own: str) -> ObservedSession:
    """A job with its span, and a model below it that names the span `own`."""
    trace = {**FACET, "trace_id": "a" * 32}
    job = facets(traceCorrelation={**trace, "span_id": "b" * 16})
    parent = {**FACET, "run": {"runId": OTHER}}
    model = facets(traceCorrelation={**trace, "span_id": own}, parent=parent)
    both = session_of(event(**with_id(job, OTHER)), event(**model))
    return replace(both, spans=(span(), span(span_id="d" * 16, parent_id="b" * 16)))


def with_id(owner: dict[str, Any], run_id: str) -> dict[str, Any]:
    return {"run": {**owner["run"], "runId": run_id}}


FLOE: dict[str, list[ObservedSession]] = {
    "event-without-trace": [
        SOUND,
        session_of(event(**facets(traceCorrelation={"trace_id": "0" * 32}))),
        session_of(event("START", 0, **CORRELATED), event("COMPLETE", 1)),
    ],
    "run-without-trace": [replace(FLOE_SOUND, spans=())],
    "trace-without-run": [replace(FLOE_SOUND, spans=(span(trace_id="e" * 32),))],
    "job-namespace": [session_of(event(job={"namespace": "other", "name": "job"}))],
    "job-name-changes": [
        session_of(event(job={"namespace": "ns", "name": f"job_{RUN}"})),
        session_of(event(job={"namespace": "ns", "name": "job_2026-01-02"})),
    ],
    "job-without-root-span": [replace(FLOE_SOUND, spans=(span(parent_id="c" * 16),))],
    "model-without-span": [models("f" * 16), models("b" * 16), models("")],
    "namespace-form": [session_of(event(job={"namespace": "my jobs/2", "name": "job"}))],
    "ephemeral-dataset": [
        session_of(event(job={"namespace": "ns", "name": "a", "facets": {"sql": {"query": CTE}}}))
    ],
    "test-without-results": [
        session_of(event(job={"namespace": "ns", "name": "a", "facets": {"jobType": TESTS}}))
    ],
    "unbounded-attribute": [
        metrics({"run": [RUN]}),
        metrics({"model": [f"model {number}" for number in range(101)]}),
    ],
    "floe-attributes": [
        spans(span()),
        metrics({name: ["x"] for name in FLOE_ATTRIBUTES if name != "floe.mode"}),
    ],
}
CASES = [
    *((code, "floe", one) for code, many in FLOE.items() for one in many),
    *(
        (code, "openlineage", session_of(*one))
        for code, many in OPENLINEAGE.items()
        for one in many
    ),
    *((code, "otel", one) for code, many in OTEL.items() for one in many),
]


@pytest.mark.parametrize(("code", "profile", "session"), CASES)
def test_a_rule_finds_what_it_is_there_for(
    code: str, profile: str, session: ObservedSession
) -> None:
    assert code in codes(session, profile, namespace="ns")


@pytest.mark.parametrize("profile", ["openlineage", "otel"])
def test_nothing_is_found_where_all_is_sound(profile: str) -> None:
    child = replace(span(parent_id="b" * 16), span_id="d" * 16)
    session = replace(SOUND, requests=spans().requests, spans=(span(), child))
    assert codes(session, profile) == []


def test_what_floe_asks_for_is_there() -> None:
    assert codes(FLOE_SOUND, "floe", namespace="ns") == []


PARENTED = facets(
    parent={**FACET, "run": {"runId": OTHER}, "job": {"namespace": "ns", "name": "all"}}
)
BACKENDS = [
    ("marquez", "edges-only-at-the-end", session_of(event("START"))),
    ("marquez", "child-is-renamed", session_of(event("START", **PARENTED))),
    ("marquez", "run-id-is-replaced", session_of(event(run_id="x"))),
    ("openmetadata", "dropped-without-parent", session_of(event())),
    ("openmetadata", "only-complete-is-read", session_of(event("FAIL"))),
    ("openmetadata", "one-sided", session_of(event(outputs=[]))),
    ("openmetadata", "one-sided", session_of(without("inputs", event()))),
    ("marquez", "abort-empties-graph", session_of(event("ABORT", inputs=[], outputs=[]))),
    ("marquez", "abort-empties-graph", session_of(without("inputs", event("ABORT", outputs=[])))),
    ("aws-datazone", "no-run-event", session_of(without("run", event()))),
    ("aws-datazone", "event-too-large", session_of(event(job={"name": "x" * 300_000}))),
]


@pytest.mark.parametrize(("backend", "code", "session"), BACKENDS)
def test_a_rule_of_a_backend_finds_what_it_is_there_for(
    backend: str, code: str, session: ObservedSession
) -> None:
    assert code in codes(session, f"backend:{backend}")


@pytest.mark.parametrize("backend", ["marquez", "openmetadata", "aws-datazone", "jaeger"])
def test_a_backend_has_nothing_against_what_it_understands(backend: str) -> None:
    sound = session_of(event("START", 0, **PARENTED), event("COMPLETE", 1, **PARENTED))
    assert set(codes(sound, f"backend:{backend}")) <= {"child-is-renamed"}


def test_every_rule_of_a_shipped_backend_has_a_case() -> None:
    found = {(name, rule.code) for name in shipped_names() for rule in rules_of(f"backend:{name}")}
    assert found == {(backend, code) for backend, code, _ in BACKENDS}


def test_every_rule_has_a_case_and_says_why() -> None:
    rules = {rule.code: rule for several in PROFILES.values() for rule in several}
    assert rules.keys() == OPENLINEAGE.keys() | OTEL.keys() | FLOE.keys()
    for rule in rules.values():
        assert rule.why.endswith(".")
        assert not rule.title.endswith(".")


@pytest.mark.parametrize(
    "content",
    [None, 1, "x", [], {}, {"run": 1}, {"run": {"runId": 1}}, {"inputs": 1, "run": {}},
     {"run": {"runId": RUN, "facets": []}}, {"run": {"runId": RUN}, "job": []},
     {"run": {"runId": RUN, "facets": {"parent": {"run": [], "job": 1, "root": 2}}}},
     {"outputs": [{"namespace": {}, "name": [], "facets": {"columnLineage": {"fields": {"a": 1}}}}]}],
)  # fmt: skip
def test_no_event_is_too_odd_to_be_judged(content: Any) -> None:
    assert judged(View(session_of(content)), ["openlineage", "otel"])


def test_what_has_a_reason_is_no_error_without_one() -> None:
    failed = {"code": "error", "message": ""}
    for good in (
        span(status={"code": "error", "message": "no disk"}),
        span(status=failed, attributes={"error.type": "OSError"}),
        span(status=failed, events={"exception": {}}),
    ):
        assert "error-reason" not in codes(spans(good), "otel")


def test_the_parent_that_the_command_was_given_is_known() -> None:
    own = replace(SOUND.about, own_run=f"ns/all/{OTHER}")
    session = session_of(event("START", 0), event("COMPLETE", 1, **facets(parent=PARENT)))
    assert codes(replace(session, about=own), "openlineage") == []


def test_the_client_brings_the_standard_facets_sources_and_retired_names() -> None:
    assert {("RunFacet", "parent"), ("DatasetFacet", "schema"), ("JobFacet", "sql"),
            ("OutputDatasetFacet", "outputStatistics")} <= standard_facets().keys()  # fmt: skip
    assert {"postgres", "s3", "bigquery", "hdfs"} & sources().keys() >= {"postgres", "s3", "hdfs"}
    assert "http.request.method" in retired_names()["http.method"]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (LineageName("postgres://db:5432", "a.b.c"), LineageName("postgresql://db", "A.B.C")),
        (LineageName("s3://bucket", "dir/file"), LineageName("s3a://bucket/", "/dir/file/")),
        (LineageName("snowflake://org-acc", "D.S.T"), LineageName("snowflake://org-acc.snowflakecomputing.com", "d.s.t")),
    ],
)  # fmt: skip
def test_spellings_of_one_dataset(one: LineageName, other: LineageName) -> None:
    assert spellings(one) == spellings(other)


@pytest.mark.parametrize(
    "name",
    [LineageName("postgres://db:5432", "a.b.c"), LineageName("s3://bucket", "key"), LineageName("mine://x", "y"), LineageName("file", "/a")],
)  # fmt: skip
def test_names_as_the_specification_has_them(name: LineageName) -> None:
    assert naming_problem(name) == ""


@pytest.mark.parametrize("name", ["nobody", "backend:nobody"])
def test_a_profile_that_is_not_there_is_named(name: str) -> None:
    with pytest.raises(InputError, match=r"there is no .* 'nobody'"):
        judged(View(ObservedSession()), [name])


def test_a_baseline_lets_pass_what_it_names_whatever_the_ids() -> None:
    def found(run_id: str) -> list[RuleFinding]:
        session = session_of(event("START", run_id=run_id))
        return judged(View(session), ["openlineage"])

    baseline = baseline_of(found(RUN))
    later = without_known(found(OTHER), baseline)
    assert [(one.code, one.count, one.known) for one in later] == [("no-end", 0, 1)]
    other = judged(View(session_of(event("STARTED"))), ["openlineage"])
    assert all(one.known == 0 for one in without_known(other, baseline))


def test_a_rule_is_said_once_however_often_it_finds() -> None:
    [finding] = [one for one in judged(View(session_of(*[event("COMPLETE", run_id=f"r{n}") for n in range(5)])), ["openlineage"]) if one.code == "run-id"]  # fmt: skip
    assert finding.count == 5
    assert isinstance(PROFILES["otel"][0], SoundnessRule)
