"""What is sent, planned as pure values: traces, metrics, logs, and the runs of `prove.runs`.

Every id is fresh for each plan, and every name starts with ``floe-canary``, so that
canaries are told from the user's own data and can be removed again.
"""

from __future__ import annotations

import secrets
from time import time_ns
from typing import Any, Literal

from pydantic import Field

from floe_local.plan.values import Frozen, Signal
from floe_local.prove.runs import PREFIX, TEXT, RunPlan, reference_runs, simple_run

Protocol = Literal["grpc", "http"]
SpanKind = Literal["internal", "server", "client", "producer", "consumer"]
SpanStatus = Literal["unset", "ok", "error"]
Instrument = Literal["counter", "up-down-counter", "gauge", "histogram"]
TraceCase = Literal["whole", "hour-apart", "large-span", "many-spans"]
"""What a trace is there to prove; see `plan`."""

KEEP = {"sampling.priority": 1}
"""The attribute by which samplers know that a span is to be kept."""

NEVER_SENT = "never-sent"
_BIG = 2**53 + 1  # a JSON number read as a double loses this one


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
        runs=reference_runs(canary) if Signal.LINEAGE in signals else (),
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
        name=f"price {TEXT}",
        kind="internal",
        start=start,
        end=start + 300 * _MILLISECOND,
        trace_state=_TRACE_STATE,
        remote=True,
        attributes={**common, "unicode.\u00e9": TEXT},
        events=(
            EventPlan(
                name="cache.miss",
                time=start + 3,
                attributes={"cache.key": TEXT, "cache.size": _BIG, "cache.tags": _NESTED_MAP},
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
    "text": TEXT,
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
    "type.strings": ["b", "a", TEXT],
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
        body=f"canary {trace.canary} over {trace.protocol} {TEXT}",
        severity="WARN",
        trace_id=trace.trace_id,
        span_id=span.span_id,
        attributes={**KEEP, "floe.canary": trace.canary, "log.text": TEXT},
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
