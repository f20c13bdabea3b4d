"""What is sent, planned as pure values: traces, metrics, logs and runs.

Every id is fresh for each plan, and every name starts with ``floe-canary``, so that
canaries are told from the user's own data and can be removed again.
"""

from __future__ import annotations

import secrets
from typing import Any, Literal
from uuid import uuid4

from floe_local.plan.values import Frozen, Signal

Protocol = Literal["grpc", "http"]
SpanKind = Literal["internal", "server", "client", "producer", "consumer"]
SpanStatus = Literal["unset", "ok", "error"]
Instrument = Literal["counter", "up-down-counter", "gauge", "histogram"]

PREFIX = "floe-canary"
KEEP = {"sampling.priority": 1}
"""The attribute by which samplers know that a span is to be kept."""

NEVER_SENT = "never-sent"
_BIG = 2**53 + 1  # a JSON number read as a double loses this one
_TEXT = "h\u00e9llo \u2713 \u6570\u636e \U0001f9ca"


class EventPlan(Frozen):
    """A span event; `exception` records a real exception with that message."""

    name: str
    attributes: dict[str, Any] = {}
    exception: str | None = None


class LinkPlan(Frozen):
    """A link to another span, by hexadecimal ids."""

    trace_id: str
    span_id: str
    attributes: dict[str, Any] = {}


class SpanPlan(Frozen):
    """One span; ids are hexadecimal, `parent_id` is None for the root."""

    span_id: str
    parent_id: str | None
    service: str
    name: str
    kind: SpanKind
    status: SpanStatus = "unset"
    message: str = ""
    attributes: dict[str, Any] = {}
    events: tuple[EventPlan, ...] = ()
    links: tuple[LinkPlan, ...] = ()


class TracePlan(Frozen):
    """One trace, its spans in the order in which they start."""

    canary: str
    protocol: Protocol
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


class Column(Frozen):
    """A column of an input dataset that an output column is made of."""

    dataset: str
    field: str


class DatasetPlan(Frozen):
    """A dataset: its columns and types, and what each column is made of."""

    name: str
    fields: dict[str, str] = {}
    column_lineage: dict[str, tuple[Column, ...]] = {}


class RunPlan(Frozen):
    """One run: START, then `ending`. `parent` is the plan's own run of the parent job."""

    scenario: str
    run_id: str
    job: str
    ending: Literal["COMPLETE", "FAIL", "ABORT"]
    inputs: tuple[DatasetPlan, ...] = ()
    outputs: tuple[DatasetPlan, ...] = ()
    parent_run_id: str | None = None
    parent_job: str | None = None


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

    Args:
        namespace: OpenLineage namespace of jobs and datasets.
        protocols: how telemetry is sent; each gets a trace of its own.
        signals: what to plan for.

    Returns:
        Fresh canaries; two calls never share an id or a name.
    """
    canary = secrets.token_hex(4)
    used = protocols if signals & {Signal.TRACES, Signal.LOGS} else ()
    traces = tuple(_trace(canary, protocol) for protocol in used)
    return Canaries(
        id=canary,
        namespace=namespace,
        traces=traces if Signal.TRACES in signals else (),
        metrics=_metrics(canary, protocols) if Signal.METRICS in signals else (),
        logs=tuple(map(_log, traces)) if Signal.LOGS in signals else (),
        runs=_runs(canary) if Signal.LINEAGE in signals else (),
        never_trace=_trace(canary, "grpc"),
        never_run=simple_run(f"{PREFIX}-{canary}-{NEVER_SENT}", NEVER_SENT),
    )


def _trace(canary: str, protocol: Protocol) -> TracePlan:
    whole = trace_id()
    root, call, serve, publish, consume = (span_id() for _ in range(5))
    common = {**KEEP, "floe.canary": canary}
    spans = (
        SpanPlan(
            span_id=root,
            parent_id=None,
            service=f"{PREFIX}-gateway",
            name="GET /orders/{id}",
            kind="server",
            status="ok",
            attributes={**common, **_ALL_TYPES},
        ),
        SpanPlan(
            span_id=call,
            parent_id=root,
            service=f"{PREFIX}-gateway",
            name="call orders",
            kind="client",
            attributes=common,
        ),
        _rich_span(serve, call, own=(whole, root), common=common),
        SpanPlan(
            span_id=publish,
            parent_id=serve,
            service=f"{PREFIX}-orders",
            name="publish order",
            kind="producer",
            attributes=common,
        ),
        SpanPlan(
            span_id=consume,
            parent_id=publish,
            service=f"{PREFIX}-billing",
            name="charge",
            kind="consumer",
            status="error",
            message="card declined",
            attributes=common,
            events=(EventPlan(name="exception", exception="card declined"),),
        ),
    )
    return TracePlan(canary=canary, protocol=protocol, trace_id=whole, spans=spans)


def _rich_span(span: str, parent: str, *, own: tuple[str, str], common: dict[str, Any]) -> SpanPlan:
    """Plan a span with unicode, events and links; `own` is the (trace, span) it links back to."""
    link = LinkPlan(
        trace_id=trace_id(),
        span_id=span_id(),
        attributes={"link.kind": "follows \u2192", "link.weight": 7},
    )
    back = LinkPlan(trace_id=own[0], span_id=own[1], attributes={"link.kind": "own"})
    return SpanPlan(
        span_id=span,
        parent_id=parent,
        service=f"{PREFIX}-orders",
        name=f"price {_TEXT}",
        kind="internal",
        attributes={**common, "unicode.\u00e9": _TEXT},
        events=(
            EventPlan(name="cache.miss", attributes={"cache.key": _TEXT, "cache.size": _BIG}),
            EventPlan(name="priced", attributes={"price": 12.5, "final": True}),
        ),
        links=(link, back),
    )


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
        simple_run(f"{prefix}-fail", "fail").model_copy(update={"ending": "FAIL"}),
        simple_run(f"{prefix}-abort", "abort").model_copy(update={"ending": "ABORT"}),
    )


def _complete(job: str) -> RunPlan:
    orders = DatasetPlan(
        name=f"{job}.orders", fields={"id": "BIGINT", "total": "DECIMAL", "customer": "BIGINT"}
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
    )
    audit = DatasetPlan(name=f"{job}.audit", fields={"order_id": "BIGINT"})
    return RunPlan(
        scenario="complete",
        run_id=str(uuid4()),
        job=job,
        ending="COMPLETE",
        inputs=(orders, customers),
        outputs=(mart, audit),
    )


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
    span = SpanPlan(
        span_id=span_id(),
        parent_id=None,
        service=f"{PREFIX}-bulk",
        name="bulk",
        kind="internal",
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
