"""What is sent, planned as pure values: traces, metrics, logs and runs.

Every id is fresh for each plan, and every name starts with ``floe-canary``, so that
canaries are told from the user's own data and can be removed again.
"""

from __future__ import annotations

import secrets
from datetime import UTC, datetime, timedelta
from time import time_ns
from typing import Any, Literal
from uuid import uuid4

from pydantic import Field

from floe_local.plan.values import Frozen, Signal

Protocol = Literal["grpc", "http"]
SpanKind = Literal["internal", "server", "client", "producer", "consumer"]
SpanStatus = Literal["unset", "ok", "error"]
Instrument = Literal["counter", "up-down-counter", "gauge", "histogram"]
TraceCase = Literal["whole", "hour-apart", "large-span", "many-spans"]
"""What a trace is there to prove; see `plan`."""

PREFIX = "floe-canary"
KEEP = {"sampling.priority": 1}
"""The attribute by which samplers know that a span is to be kept."""

NEVER_SENT = "never-sent"
_BIG = 2**53 + 1  # a JSON number read as a double loses this one
_TEXT = "h\u00e9llo \u2713 \u6570\u636e \U0001f9ca"


class _Recorded(Frozen):
    """What the SDK records; `dropped_attributes` is how many more it is given than its limit lets it keep."""

    attributes: dict[str, Any] = {}
    dropped_attributes: int = 0


class EventPlan(_Recorded):
    """A span event, at `time` (Unix, ns); `exception` records a real exception with that message."""

    name: str
    time: int = Field(default_factory=time_ns)
    exception: str | None = None


class LinkPlan(_Recorded):
    """A link to another span, by hexadecimal ids; `remote`: of another service."""

    trace_id: str
    span_id: str
    remote: bool = True


class SpanPlan(_Recorded):
    """One span; ids are hexadecimal, `parent_id` is None for the root, times are Unix ns.

    `remote`: the parent lives in another service. `dropped_…`: how many more the SDK is
    given than its limits let it keep.
    """

    span_id: str
    parent_id: str | None
    service: str
    name: str
    kind: SpanKind
    start: int = Field(default_factory=time_ns)
    end: int = Field(default_factory=time_ns)
    status: SpanStatus = "unset"
    message: str = ""
    trace_state: str = ""
    remote: bool = False
    events: tuple[EventPlan, ...] = ()
    links: tuple[LinkPlan, ...] = ()
    dropped_events: int = 0
    dropped_links: int = 0


class TracePlan(Frozen):
    """One trace, its spans in the order in which they start."""

    canary: str
    protocol: Protocol
    case: TraceCase = "whole"
    trace_id: str
    spans: tuple[SpanPlan, ...]


class MetricPlan(Frozen):
    """One data point of one instrument."""

    canary: str
    protocol: Protocol
    service: str
    name: str
    instrument: Instrument
    value: float
    unit: str
    attributes: dict[str, Any]


class LogPlan(Frozen):
    """One log record, inside a span."""

    canary: str
    protocol: Protocol
    service: str
    body: str
    severity: str
    trace_id: str
    span_id: str
    attributes: dict[str, Any]


def _some_time_ago() -> datetime:
    """Return a time that a clock of milliseconds could not hold, two seconds ago."""
    past = datetime.now(UTC) - timedelta(seconds=2)
    return past.replace(microsecond=past.microsecond // 1000 * 1000 + 789)


class Column(Frozen):
    """A column of an input dataset that an output column is made of."""

    dataset: str
    field: str


Facets = dict[str, dict[str, Any]]
"""OpenLineage facets by name, without what the client adds (`_producer`, `_schemaURL`)."""


class DatasetPlan(Frozen):
    """A dataset: its columns and types, and what each column is made of.

    `facets` are others of its own, `usage_facets` those of a run's input or output.
    """

    name: str
    fields: dict[str, str] = {}
    column_lineage: dict[str, tuple[Column, ...]] = {}
    facets: Facets = {}
    usage_facets: Facets = {}


class RunPlan(Frozen):
    """One run: START, then `ending`. `parent` is the plan's own run of the parent job.

    `started` and `ended` are the times of its events. `end_facets` are the run's in its last
    event alone.
    """

    scenario: str
    run_id: str
    job: str
    ending: Literal["COMPLETE", "FAIL", "ABORT"]
    inputs: tuple[DatasetPlan, ...] = ()
    outputs: tuple[DatasetPlan, ...] = ()
    parent_run_id: str | None = None
    parent_job: str | None = None
    started: datetime = Field(default_factory=_some_time_ago)
    duration_ms: int = 1_234
    run_facets: Facets = {}
    end_facets: Facets = {}
    job_facets: Facets = {}

    @property
    def ended(self) -> datetime:
        """When it ended."""
        return self.started + timedelta(milliseconds=self.duration_ms)


class Canaries(Frozen):
    """All that one smoke test sends, and one of each kind that it never sends."""

    id: str
    namespace: str
    traces: tuple[TracePlan, ...] = ()
    metrics: tuple[MetricPlan, ...] = ()
    logs: tuple[LogPlan, ...] = ()
    runs: tuple[RunPlan, ...] = ()
    never_trace: TracePlan
    never_run: RunPlan


def trace_id() -> str:
    """Return a fresh W3C trace id, 32 hexadecimal digits."""
    return secrets.token_hex(16)


def span_id() -> str:
    """Return a fresh W3C span id, 16 hexadecimal digits."""
    return secrets.token_hex(8)


def plan(namespace: str, protocols: tuple[Protocol, ...], signals: frozenset[Signal]) -> Canaries:
    """Plan the canaries of one smoke test.

    Each protocol gets a trace with everything that a span can have. One trace each, whatever
    the protocols, has spans that lie an hour apart, a span of realistic size, and 2,000 spans.

    Args:
        namespace: OpenLineage namespace of jobs and datasets.
        protocols: how telemetry is sent.
        signals: what to plan for.

    Returns:
        Fresh canaries; two calls never share an id or a name.
    """
    canary = secrets.token_hex(4)
    now = time_ns()
    used = protocols if signals & {Signal.TRACES, Signal.LOGS} else ()
    traces = tuple(_trace(canary, protocol, now) for protocol in used)
    return Canaries(
        id=canary,
        namespace=namespace,
        traces=(*traces, *_odd_traces(canary, used, now)) if Signal.TRACES in signals else (),
        metrics=_metrics(canary, protocols) if Signal.METRICS in signals else (),
        logs=tuple(map(_log, traces)) if Signal.LOGS in signals else (),
        runs=_runs(canary) if Signal.LINEAGE in signals else (),
        never_trace=_trace(canary, "grpc", now),
        never_run=simple_run(f"{PREFIX}-{canary}-{NEVER_SENT}", NEVER_SENT),
    )


def _trace(canary: str, protocol: Protocol, now: int) -> TracePlan:
    """Plan five spans in three services, which have all that a span can have between them."""
    whole = trace_id()
    root, call, serve, publish, consume = (span_id() for _ in range(5))
    common = {**KEEP, "floe.canary": canary}
    # Times that a millisecond, a microsecond or a double could not hold.
    at = now - _SECOND - now % _MICROSECOND + 789
    spans = (
        SpanPlan(
            span_id=root,
            parent_id=None,
            service=f"{PREFIX}-gateway",
            name="GET /orders/{id}",
            kind="server",
            start=at,
            end=at + 500 * _MILLISECOND + 1,
            status="ok",
            attributes={**common, **_ALL_TYPES, **_NESTED},
        ),
        SpanPlan(
            span_id=call,
            parent_id=root,
            service=f"{PREFIX}-gateway",
            name="call orders",
            kind="client",
            start=at + 2,
            end=at + 400 * _MILLISECOND,
            trace_state=_TRACE_STATE,
            attributes=common,
        ),
        _rich_span(serve, call, own=(whole, root), common=common, start=at + 10 * _MILLISECOND),
        _limited_span(publish, serve, common=common, start=at + 20 * _MILLISECOND),
        SpanPlan(
            span_id=consume,
            parent_id=publish,
            service=f"{PREFIX}-billing",
            name="charge",
            kind="consumer",
            start=at + 30 * _MILLISECOND,
            end=at + 30 * _MILLISECOND + 1,  # backends make this of no time at all
            status="error",
            message="card declined",
            trace_state=_TRACE_STATE,
            remote=True,
            attributes=common,
            events=(
                EventPlan(name="exception", time=at + 30 * _MILLISECOND, exception="card declined"),
            ),
        ),
    )
    return TracePlan(canary=canary, protocol=protocol, trace_id=whole, spans=spans)


def _rich_span(
    span: str, parent: str, *, own: tuple[str, str], common: dict[str, Any], start: int
) -> SpanPlan:
    """Plan a span with unicode, events and links; `own` is the (trace, span) it links back to."""
    link = LinkPlan(
        trace_id=trace_id(),
        span_id=span_id(),
        attributes={"link.kind": "follows \u2192", "link.weight": 7},
    )
    back = LinkPlan(trace_id=own[0], span_id=own[1], remote=False, attributes={"link.kind": "own"})
    return SpanPlan(
        span_id=span,
        parent_id=parent,
        service=f"{PREFIX}-orders",
        name=f"price {_TEXT}",
        kind="internal",
        start=start,
        end=start + 300 * _MILLISECOND,
        trace_state=_TRACE_STATE,
        remote=True,
        attributes={**common, "unicode.\u00e9": _TEXT},
        events=(
            EventPlan(
                name="cache.miss",
                time=start + 3,
                attributes={"cache.key": _TEXT, "cache.size": _BIG, "cache.tags": _NESTED_MAP},
            ),
            EventPlan(name="priced", time=start + 1, attributes={"price": 12.5, "final": True}),
        ),
        links=(link, back),
    )


def _limited_span(span: str, parent: str, *, common: dict[str, Any], start: int) -> SpanPlan:
    """Plan a span of which the SDK drops something of each kind, and counts it."""
    return SpanPlan(
        span_id=span,
        parent_id=parent,
        service=f"{PREFIX}-orders",
        name="publish order",
        kind="producer",
        start=start,
        end=start + _MILLISECOND,
        trace_state=_TRACE_STATE,
        attributes=common,
        dropped_attributes=3,
        dropped_events=2,
        dropped_links=4,
        events=(
            EventPlan(
                name="queued", time=start + 5, attributes={"queue": "orders"}, dropped_attributes=5
            ),
        ),
        links=(
            LinkPlan(
                trace_id=trace_id(),
                span_id=span_id(),
                attributes={"link.kind": "batch"},
                dropped_attributes=6,
            ),
        ),
    )


def _odd_traces(canary: str, protocols: tuple[Protocol, ...], now: int) -> tuple[TracePlan, ...]:
    """Plan what goes wrong by its times or its size, each over one of the protocols."""
    if not protocols:
        return ()
    first, last = protocols[0], protocols[-1]
    return (
        _made(canary, last, "hour-apart", _hours_apart(now)),
        _made(canary, first, "large-span", _large_span(now)),
        _made(canary, last, "many-spans", _many_spans(now)),
    )


def _made(
    canary: str, protocol: Protocol, case: TraceCase, spans: list[dict[str, Any]]
) -> TracePlan:
    """Return a trace of spans that are described by what is particular about them."""
    common = {**KEEP, "floe.canary": canary}
    return TracePlan(
        canary=canary,
        protocol=protocol,
        case=case,
        trace_id=trace_id(),
        spans=tuple(
            SpanPlan(
                service=f"{PREFIX}-{case}",
                kind="internal",
                **{**span, "attributes": {**common, **span.get("attributes", {})}},
            )
            for span in spans
        ),
    )


def _hours_apart(now: int) -> list[dict[str, Any]]:
    """A root that ended two hours ago, its child of an hour ago, and the child's of now."""
    ids: list[str | None] = [None, *(span_id() for _ in range(3))]
    hours = zip(ids, ids[1:], (2, 1, 0), strict=False)
    return [
        {
            "span_id": own,
            "parent_id": parent,
            "name": f"{ago} h ago",
            "start": now - ago * _HOUR - _SECOND,
            "end": now - ago * _HOUR - 1,
        }
        for parent, own, ago in hours
    ]


def _large_span(now: int) -> list[dict[str, Any]]:
    """A span as pipelines make them: a statement of 6 kB, 200 attributes in all."""
    statement = "SELECT /* \u2713 */ " + ", ".join(f"column_{n:04}" for n in range(500))
    own = 200 - 2  # two are every canary's
    attributes = {"db.query.text": statement[:_LARGE]}
    attributes |= {f"app.setting.{n:03}": f"value {n}" for n in range(own - 1)}
    return [
        {
            "span_id": span_id(),
            "parent_id": None,
            "name": "SELECT orders",
            "start": now - _SECOND,
            "end": now,
            "attributes": attributes,
        }
    ]


def _many_spans(now: int) -> list[dict[str, Any]]:
    """A root, and its children one after the other: 2,000 spans in all."""
    root = span_id()
    start = now - _SECOND
    children = [
        {
            "span_id": span_id(),
            "parent_id": root,
            "name": f"step {n}",
            "start": start + n * _MICROSECOND * 400,
            "end": start + (n + 1) * _MICROSECOND * 400,
            "attributes": {"step": n},
        }
        for n in range(MANY - 1)
    ]
    return [
        {"span_id": root, "parent_id": None, "name": "steps", "start": start, "end": now},
        *children,
    ]


_MICROSECOND = 1_000
_MILLISECOND = 1_000_000
_SECOND = 1_000_000_000
_HOUR = 3600 * _SECOND
_LARGE = 6_000
MANY = 2_000
"""Spans in the trace that has many."""

_TRACE_STATE = "floe=canary:1,acme@tenant=t61rcWkgMzE"
_NESTED_MAP: dict[str, Any] = {
    "text": _TEXT,
    "empty": "",
    "list": ["b", "", 1, 2.5, True],
    "inner": {"n": _BIG, "deep": [{"k": [1]}, {}]},
    "nothing": {},
}
_NESTED: dict[str, Any] = {
    "type.map": _NESTED_MAP,
    "type.maps": [{"name": "a", "size": 1}, {"name": "b", "size": 2.0, "tags": []}],
    "type.mixed": ["text", 1, 1.0, False, ["inner"]],
    "type.bytes": b"\x00\xff\x10",
    "empty.list": [],
    "empty.map": {},
    "empty.bytes": b"",
    "empty.strings": ["", ""],
}
_ALL_TYPES: dict[str, Any] = {
    "type.string": "plain",
    "type.empty": "",
    "type.nul": "a\x00b",
    "type.bool": True,
    "type.false": False,
    "type.int": _BIG,
    "type.negative": -(2**63),
    "type.zero": 0,
    "type.double": 0.1,
    "type.whole": 3.0,
    "type.strings": ["b", "a", _TEXT],
    "type.bools": [True, False],
    "type.ints": [3, 1, _BIG],
    "type.doubles": [1.0, 2.5],
}


def _metrics(canary: str, protocols: tuple[Protocol, ...]) -> tuple[MetricPlan, ...]:
    points: tuple[tuple[Instrument, float], ...] = (
        ("counter", 3),
        ("up-down-counter", -2),
        ("gauge", 21.5),
        ("histogram", 0.25),
    )
    return tuple(
        MetricPlan(
            canary=canary,
            protocol=protocol,
            service=f"{PREFIX}-gateway",
            name=f"floe.canary.{protocol}.{instrument.replace('-', '_')}",
            instrument=instrument,
            value=value,
            unit="1",
            attributes={"floe.canary": canary, "protocol": protocol},
        )
        for protocol in protocols
        for instrument, value in points
    )


def _log(trace: TracePlan) -> LogPlan:
    span = trace.spans[2]
    return LogPlan(
        canary=trace.canary,
        protocol=trace.protocol,
        service=span.service,
        body=f"canary {trace.canary} over {trace.protocol} {_TEXT}",
        severity="WARN",
        trace_id=trace.trace_id,
        span_id=span.span_id,
        attributes={**KEEP, "floe.canary": trace.canary, "log.text": _TEXT},
    )


def _runs(canary: str) -> tuple[RunPlan, ...]:
    """The parent comes first: it starts before, and ends after, all others."""
    prefix = f"{PREFIX}-{canary}"
    parent = RunPlan(
        scenario="parent", run_id=str(uuid4()), job=f"{prefix}-parent", ending="COMPLETE"
    )
    child = simple_run(f"{prefix}-child", "child").model_copy(
        update={"parent_run_id": parent.run_id, "parent_job": parent.job}
    )
    return (
        parent,
        _complete(f"{prefix}-complete"),
        child,
        simple_run(f"{prefix}-fail", "fail").model_copy(
            update={"ending": "FAIL", "end_facets": {"errorMessage": _ERROR}}
        ),
        simple_run(f"{prefix}-abort", "abort").model_copy(update={"ending": "ABORT"}),
    )


def _complete(job: str) -> RunPlan:
    orders = DatasetPlan(
        name=f"{job}.orders",
        fields={"id": "BIGINT", "total": "DECIMAL", "customer": "BIGINT"},
        facets=_DATASET_FACETS,
        usage_facets={"dataQualityMetrics": _QUALITY},
    )
    customers = DatasetPlan(
        name=f"{job}.customers", fields={"id": "BIGINT", "name \u00e9": "VARCHAR"}
    )
    mart = DatasetPlan(
        name=f"{job}.mart",
        fields={"order_id": "BIGINT", "total": "DECIMAL", "label": "VARCHAR"},
        column_lineage={
            "label": (
                Column(dataset=customers.name, field="name \u00e9"),
                Column(dataset=orders.name, field="id"),
            ),
            "order_id": (Column(dataset=orders.name, field="id"),),
            "total": (Column(dataset=orders.name, field="total"),),
        },
        facets=_DATASET_FACETS,
        usage_facets={"outputStatistics": {"rowCount": 7, "size": 2**40 + 1, "fileCount": 2}},
    )
    audit = DatasetPlan(name=f"{job}.audit", fields={"order_id": "BIGINT"})
    return RunPlan(
        scenario="complete",
        run_id=str(uuid4()),
        job=job,
        ending="COMPLETE",
        inputs=(orders, customers),
        outputs=(mart, audit),
        run_facets=_RUN_FACETS,
        job_facets=_JOB_FACETS,
    )


_OWNERS = {"owners": [{"name": "team:floe-canary", "type": "OWNER"}]}
_ERROR = {
    "message": f"a canary's failure {_TEXT}",
    "programmingLanguage": "PYTHON",
    "stackTrace": "Traceback\n  in canary",
}
_QUALITY = {
    "rowCount": 7,
    "bytes": 2**40 + 1,
    "columnMetrics": {"id": {"nullCount": 0, "distinctCount": 7, "min": 1.5, "max": 7.5}},
}
_RUN_FACETS: Facets = {
    "nominalTime": {
        "nominalStartTime": "2026-01-01T00:00:00Z",
        "nominalEndTime": "2026-01-02T00:00:00Z",
    },
    "processing_engine": {
        "name": "floe-canary",
        "version": "1.0.0",
        "openlineageAdapterVersion": "1.0.0",
    },
}
_JOB_FACETS: Facets = {
    "documentation": {"description": f"What a canary's job is for {_TEXT}"},
    "sourceCodeLocation": {
        "type": "git",
        "url": "https://git.example/canary/blob/main/job.sql",
        "path": "job.sql",
    },
    "sql": {"query": "INSERT INTO mart SELECT 'it''s' FROM orders", "dialect": "ansi"},
    "jobType": {"processingType": "BATCH", "integration": "FLOE", "jobType": "MODEL"},
    "ownership": _OWNERS,
    "tags": {"tags": [{"key": "canary", "value": "true", "source": "FLOE"}]},
}
_DATASET_FACETS: Facets = {
    "dataSource": {"name": "floe-canary", "uri": "postgres://canary.example:5432/floe"},
    "documentation": {"description": f"What a canary's dataset is for {_TEXT}"},
    "ownership": _OWNERS,
}


def planned_event(run: RunPlan, kind: str, namespace: str) -> dict[str, Any]:
    """Return an event of a run as it is sent, without what the client adds (`_producer` …)."""
    ends = kind != "START"
    parent: Facets = {}
    if run.parent_run_id and run.parent_job:
        parent["parent"] = {
            "run": {"runId": run.parent_run_id},
            "job": {"namespace": namespace, "name": run.parent_job},
        }
    at = run.ended if ends else run.started
    return {
        "eventType": kind,
        "eventTime": as_event_time(at),
        "run": {
            "runId": run.run_id,
            "facets": {**run.run_facets, **parent, **(run.end_facets if ends else {})},
        },
        "job": {"namespace": namespace, "name": run.job, "facets": run.job_facets},
        "inputs": [
            {**_planned_dataset(one, namespace), "inputFacets": one.usage_facets}
            for one in run.inputs
        ],
        "outputs": [
            {**_planned_dataset(one, namespace), "outputFacets": one.usage_facets}
            for one in run.outputs
        ],
    }


def as_event_time(at: datetime) -> str:
    """Return a time as events have it: UTC, six digits of a second, `Z`."""
    return at.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _planned_dataset(dataset: DatasetPlan, namespace: str) -> dict[str, Any]:
    facets = dict(dataset.facets)
    if dataset.fields:
        fields = [{"name": name, "type": kind} for name, kind in dataset.fields.items()]
        facets["schema"] = {"fields": fields}
    if dataset.column_lineage:
        facets["columnLineage"] = {
            "fields": {
                name: {
                    "inputFields": [
                        {"namespace": namespace, "name": column.dataset, "field": column.field}
                        for column in columns
                    ]
                }
                for name, columns in dataset.column_lineage.items()
            }
        }
    return {"namespace": namespace, "name": dataset.name, "facets": facets}


def again(run: RunPlan) -> RunPlan:
    """Return another run of the same job, now."""
    return run.model_copy(update={"run_id": str(uuid4()), "started": _some_time_ago()})


def simple_run(job: str, scenario: str) -> RunPlan:
    """Return a fresh run of `job` with one input and one output."""
    source = DatasetPlan(name=f"{job}.in", fields={"id": "BIGINT"})
    target = DatasetPlan(
        name=f"{job}.out",
        fields={"id": "BIGINT"},
        column_lineage={"id": (Column(dataset=source.name, field="id"),)},
    )
    return RunPlan(
        scenario=scenario,
        run_id=str(uuid4()),
        job=job,
        ending="COMPLETE",
        inputs=(source,),
        outputs=(target,),
    )


def bulk_trace(canary: str, protocol: Protocol) -> TracePlan:
    """Return a fresh trace of one span, for sending many."""
    return single_trace(canary, protocol, "bulk")


def single_trace(canary: str, protocol: Protocol, name: str) -> TracePlan:
    """Return a fresh trace of one span, whose name is its service's too."""
    now = time_ns()
    span = SpanPlan(
        span_id=span_id(),
        parent_id=None,
        service=f"{PREFIX}-{name}",
        name=name,
        kind="internal",
        start=now,
        end=now + _MICROSECOND,
        attributes={**KEEP, "floe.canary": canary},
    )
    return TracePlan(canary=canary, protocol=protocol, trace_id=trace_id(), spans=(span,))


def bulk_runs(canary: str, threads: int) -> list[RunPlan]:
    """Return a run of each thread's own job: runs of one job would wait for each other.

    Its datasets have no facets: what these runs prove is that none is lost.
    """
    return [
        RunPlan(
            scenario="bulk",
            run_id=str(uuid4()),
            job=job,
            ending="COMPLETE",
            inputs=(DatasetPlan(name=f"{job}.in"),),
            outputs=(DatasetPlan(name=f"{job}.out"),),
        )
        for job in (f"{PREFIX}-{canary}-bulk-{number}" for number in range(threads))
    ]
