"""Traces: planned as pure values, and what a backend is expected to hold of them.

Every id is fresh for each plan, and every name starts with ``floe-canary``, so that
canaries are told from the user's own data and can be removed again.
`floe_local.signals.shared.spans` sends them.
"""

from __future__ import annotations

import secrets
from time import time_ns
from typing import TYPE_CHECKING, Any

from floe_local.signals.shared.model import (
    KEEP,
    PREFIX,
    TEXT,
    EventPlan,
    ExpectedItem,
    LinkPlan,
    OtlpTransport,
    SpanPlan,
    TraceCase,
    TracePlan,
)
from floe_local.signals.shared.otlp_json import as_comparable

if TYPE_CHECKING:
    from floe_local.signals.shared.model import StoredNames

UNIT = "spans"
EXPORTER = ("trace_exporter", "OTLPSpanExporter")
_OF_TRACE = frozenset({"trace_id", "canary", "protocol", "case", "span_ids"})
_OF_SPAN = frozenset({
    "span_id", "parent_id", "name", "kind", "status", "message", "service", "attributes",
    "trace_state", "start", "end", "duration",
})  # fmt: skip
PLACEHOLDERS = {"trace": _OF_TRACE, "span": _OF_TRACE | _OF_SPAN}
MEANINGS = {
    "case": "which trace: `whole`, or one that is odd by its times or size",
    "span_ids": "of all spans of the trace, sorted",
    "start": "nanoseconds since 1970",
    "end": "nanoseconds since 1970",
    "duration": "nanoseconds",
    "trace_state": "as the header `tracestate` has it",
    "parent_id": "the parent's `span_id`; empty for a root",
    "name": "the span's name",
    "kind": "the span's kind",
    "status": "the status' code",
    "message": "the status' message",
    "attributes": "the span's own",
}
_MOST_SPANS = 100
_BIG = 2**53 + 1  # a JSON number read as a double loses this one


def trace_id() -> str:
    """Return a fresh W3C trace id, 32 hexadecimal digits."""
    return secrets.token_hex(16)


def span_id() -> str:
    """Return a fresh W3C span id, 16 hexadecimal digits."""
    return secrets.token_hex(8)


def plan(canary: str, traces: tuple[TracePlan, ...]) -> tuple[TracePlan, ...]:
    """Add to the traces that have everything those that are there for one thing.

    One each, whatever the protocols, has spans that lie an hour apart, a span of realistic size,
    and 2,000 spans.
    """
    return (*traces, *_odd_traces(canary, tuple(trace.protocol for trace in traces)))


def never_sent(canary: str) -> TracePlan:
    """Plan a trace that no backend may hold."""
    return whole_trace(canary, "grpc")


def send(traces: tuple[TracePlan, ...], exporter: Any) -> None:
    """Send traces one after the other."""
    from floe_local.signals.shared.spans import TraceSender  # noqa: PLC0415 - loads the SDK

    sender = TraceSender(exporter)
    for trace in traces:
        sender.send(trace)


def expected(
    trace: TracePlan, _namespace: str = "", _naming: StoredNames | None = None, /
) -> list[ExpectedItem]:
    """Return a trace, and each of its spans; of more than a hundred, the root alone."""
    values = {
        "trace_id": trace.trace_id,
        "canary": trace.canary,
        "protocol": trace.protocol,
        "case": trace.case,
        "span_ids": sorted(span.span_id for span in trace.spans),
    }
    whole = ExpectedItem("trace", values, trace)
    # Asking for each of thousands would take minutes: the trace's `span_ids` have them.
    spans = trace.spans if len(trace.spans) <= _MOST_SPANS else trace.spans[:1]
    return [whole, *(_of_span(span, trace, values) for span in spans)]


def _of_span(span: SpanPlan, trace: TracePlan, values: dict[str, Any]) -> ExpectedItem:
    own = {
        "span_id": span.span_id,
        "parent_id": span.parent_id,
        "name": span.name,
        "kind": span.kind,
        "status": span.status,
        "message": span.message,
        "service": span.service,
        "attributes": as_comparable(span.attributes),
        "trace_state": span.trace_state,
        "start": span.start,
        "end": span.end,
        "duration": span.end - span.start,
    }
    return ExpectedItem("span", {**values, **own}, trace)


def whole_trace(canary: str, protocol: OtlpTransport) -> TracePlan:
    """Plan five spans in three services, which have all that a span can have between them."""
    whole = trace_id()
    root, call, serve, publish, consume = (span_id() for _ in range(5))
    common = {**KEEP, "floe.canary": canary}
    # Times that a millisecond, a microsecond or a double could not hold.
    now = time_ns()
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


def _odd_traces(canary: str, protocols: tuple[OtlpTransport, ...]) -> tuple[TracePlan, ...]:
    """Plan what goes wrong by its times or its size, each over one of the protocols."""
    if not protocols:
        return ()
    first, last, now = protocols[0], protocols[-1], time_ns()
    return (
        _made(canary, last, "hour-apart", _hours_apart(now)),
        _made(canary, first, "large-span", _large_span(now)),
        _made(canary, last, "many-spans", _many_spans(now)),
    )


def _made(
    canary: str, protocol: OtlpTransport, case: TraceCase, spans: list[dict[str, Any]]
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


def bulk_trace(canary: str, protocol: OtlpTransport) -> TracePlan:
    """Return a fresh trace of one span, for sending many."""
    return single_trace(canary, protocol, "bulk")


def single_trace(canary: str, protocol: OtlpTransport, name: str) -> TracePlan:
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
