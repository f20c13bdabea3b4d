"""OTLP, protobuf and JSON, as items of a session.

Import late: protobuf's classes take a tenth of a second to load.
"""

from __future__ import annotations

import json
from functools import cache
from sys import intern
from typing import TYPE_CHECKING, Any

from google.protobuf.json_format import MessageToDict
from google.protobuf.message import DecodeError
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import (
    ExportLogsServiceRequest,
    ExportLogsServiceResponse,
)
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
    ExportMetricsServiceResponse,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)

from floe_local.observe.session.model import MOST_VALUES, LogRecord, Metric, ObservedSession, Span
from floe_local.signals.shared.otlp_json import attributes_of, decode_spans, keyed, read_id

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

TRACES, METRICS, LOGS = "traces", "metrics", "logs"
_REQUESTS: dict[str, Any] = {
    TRACES: ExportTraceServiceRequest,
    METRICS: ExportMetricsServiceRequest,
    LOGS: ExportLogsServiceRequest,
}
_RESPONSES: dict[str, tuple[Any, str]] = {
    TRACES: (ExportTraceServiceResponse, "rejected_spans"),
    METRICS: (ExportMetricsServiceResponse, "rejected_data_points"),
    LOGS: (ExportLogsServiceResponse, "rejected_log_records"),
}
_JSON_KEYS = {TRACES: "resourceSpans", METRICS: "resourceMetrics", LOGS: "resourceLogs"}
_KINDS = ("unspecified", "internal", "server", "client", "producer", "consumer")
_STATUSES = ("unset", "ok", "error")
_METRIC_KINDS = ("gauge", "sum", "histogram", "exponentialHistogram", "summary")
_SPAN_ID_BYTES, _TRACE_ID_BYTES = 8, 16
_SHORT = 64
"""A text that is shorter comes again, most likely: it is kept once."""

_NOTHING: dict[str, Any] = {}
"""Shared by all that is empty: most spans have no events and no links."""


def signal_of(path: str) -> str:
    """Return which signal a request's path is for, gRPC's or HTTP's; empty: none."""
    lowered = path.lower()
    found = (
        s
        for s, word in ((TRACES, "trace"), (METRICS, "metrics"), (LOGS, "logs"))
        if f"/{s}" in lowered or f".{word}." in lowered
    )
    return next(found, "")


def read_protobuf(
    signal: str, body: bytes, place: str, request: int | None = None
) -> ObservedSession:
    """Decode a request.

    Raises:
        ValueError: it is no such message.
    """
    try:
        message: Any = _REQUESTS[signal].FromString(body)
    except DecodeError as error:
        message = f"no OTLP {signal} in protobuf: {error}"
        raise ValueError(message) from error
    if signal == TRACES:
        return ObservedSession(spans=tuple(_spans(message, place, request)))
    return read_json(MessageToDict(message), place, request)


def read_json(content: Any, place: str, request: int | None = None) -> ObservedSession:
    """Read OTLP JSON: a request, as a value.

    Raises:
        ValueError: it is not OTLP JSON.
    """
    if not is_otlp(content):
        if content in ({}, None):
            return ObservedSession()
        message = f"no OTLP JSON: it has none of {', '.join(_JSON_KEYS.values())}"
        raise ValueError(message)
    try:
        spans = decode_spans(content.get(_JSON_KEYS[TRACES]))
        return ObservedSession(
            spans=tuple(
                Span(span_id=k, place=place, request=request, **v) for k, v in spans.items()
            ),
            metrics=tuple(_metrics(content.get(_JSON_KEYS[METRICS]), place, request)),
            logs=tuple(_logs(content.get(_JSON_KEYS[LOGS]), place, request)),
        )
    except (AttributeError, TypeError, KeyError) as error:
        message = f"no OTLP JSON: {error}"
        raise ValueError(message) from error


def is_otlp(content: Any) -> bool:
    """Tell whether a JSON value is an OTLP request."""
    return isinstance(content, dict) and any(key in content for key in _JSON_KEYS.values())


def partial_success(signal: str, body: bytes, *, as_json: bool) -> tuple[int, str]:
    """Return how many items an answer refuses, and what it says; (0, "") where it is unreadable."""
    if as_json:
        try:
            partial = json.loads(body or b"{}").get("partialSuccess") or {}
            count = next((v for k, v in partial.items() if k.startswith("rejected")), 0)
            return int(count), str(partial.get("errorMessage", ""))
        except (ValueError, AttributeError, TypeError):
            return 0, ""
    kind, field = _RESPONSES[signal]
    try:
        partial_message = kind.FromString(body).partial_success
    except DecodeError:
        return 0, ""
    return getattr(partial_message, field), partial_message.error_message


def _spans(message: Any, place: str, request: int | None) -> Iterator[Span]:
    for group in message.resource_spans:
        resource = _attributes(group.resource.attributes)
        resource_dropped, resource_url = (
            group.resource.dropped_attributes_count,
            intern(group.schema_url),
        )
        for scoped in group.scope_spans:
            scope = scoped.scope
            shared = {
                "place": place,
                "request": request,
                "resource": resource,
                "resource_dropped_attributes": resource_dropped,
                "resource_schema_url": resource_url,
                "scope": intern(scope.name),
                "scope_version": intern(scope.version),
                "scope_attributes": _attributes(scope.attributes),
                "scope_dropped_attributes": scope.dropped_attributes_count,
                "scope_schema_url": intern(scoped.schema_url),
            }
            for span in scoped.spans:
                yield Span(**_span(span), **shared)


def _span(span: Any) -> dict[str, Any]:
    return {
        "span_id": span.span_id.hex(),
        "trace_id": intern(span.trace_id.hex()),
        "parent_id": intern(span.parent_span_id.hex()),
        "name": intern(span.name),
        "kind": _named(_KINDS, span.kind),
        "status": _status(span.status.code, span.status.message),
        "start": span.start_time_unix_nano,
        "end": span.end_time_unix_nano,
        "trace_state": span.trace_state,
        "flags": span.flags,
        "attributes": _attributes(span.attributes),
        "dropped_attributes": span.dropped_attributes_count,
        **_events(span.events),
        "dropped_events": span.dropped_events_count,
        **_links(span.links),
        "dropped_links": span.dropped_links_count,
    }


def _events(events: Any) -> dict[str, Any]:
    if not events:
        return dict.fromkeys(("events", "event_times", "event_dropped_attributes"), _NOTHING)
    by_name = keyed((e.name, e) for e in sorted(events, key=lambda e: e.time_unix_nano))
    return {
        "events": {key: _attributes(e.attributes) for key, e in by_name.items()},
        "event_times": {key: e.time_unix_nano for key, e in by_name.items()},
        "event_dropped_attributes": {k: e.dropped_attributes_count for k, e in by_name.items()},
    }


def _links(links: Any) -> dict[str, Any]:
    names = ("links", "link_trace_states", "link_flags", "link_dropped_attributes")
    if not links:
        return dict.fromkeys(names, _NOTHING)
    by_key = keyed((f"{one.trace_id.hex()}/{one.span_id.hex()}", one) for one in links)
    return {
        "links": {key: _attributes(one.attributes) for key, one in by_key.items()},
        "link_trace_states": {key: one.trace_state for key, one in by_key.items()},
        "link_flags": {key: one.flags for key, one in by_key.items()},
        "link_dropped_attributes": {k: one.dropped_attributes_count for k, one in by_key.items()},
    }


def _attributes(pairs: Any) -> dict[str, Any]:
    return {intern(pair.key): _value(pair.value) for pair in pairs} if pairs else _NOTHING


def _value(value: Any) -> Any:
    kind = value.WhichOneof("value")
    if kind is None:
        return None
    found = getattr(value, kind)
    if kind == "array_value":
        return [_value(item) for item in found.values]
    if kind == "kvlist_value":
        return _attributes(found.values)
    if kind == "bytes_value":
        import base64  # noqa: PLC0415 - hardly any attribute is one

        return {"base64": base64.b64encode(found).decode()}
    return intern(found) if kind == "string_value" and len(found) < _SHORT else found


def _named(names: tuple[str, ...], number: int) -> str:
    return names[number] if 0 <= number < len(names) else str(number)


@cache
def _plain_status(code: int) -> dict[str, str]:
    return {"code": _named(_STATUSES, code), "message": ""}


def _status(code: int, message: str) -> dict[str, str]:
    plain = _plain_status(code)
    return {**plain, "message": message} if message else plain


def _metrics(groups: Any, place: str, request: int | None) -> Iterator[Metric]:
    for resource, metric in _walk(groups, "scopeMetrics", "metrics"):
        kind = next((k for k in _METRIC_KINDS if k in metric), "")
        points = (metric.get(kind) or {}).get("dataPoints") or ()
        yield Metric(
            name=str(metric.get("name", "")),
            kind=kind,
            unit=str(metric.get("unit", "")),
            points=len(points),
            resource=resource,
            place=place,
            request=request,
            values=_values(points),
        )


def _values(points: Iterable[Any]) -> dict[str, list[Any]]:
    """The distinct values of each attribute of data points."""
    found: dict[str, list[Any]] = {}
    for point in points:
        for name, value in attributes_of(point.get("attributes")).items():
            known = found.setdefault(name, [])
            if len(known) < MOST_VALUES and value not in known:
                known.append(value)
    return found


def _logs(groups: Any, place: str, request: int | None) -> Iterator[LogRecord]:
    for resource, record in _walk(groups, "scopeLogs", "logRecords"):
        yield LogRecord(
            body=attributes_of([{"key": "body", "value": record.get("body") or {}}])["body"],
            severity=str(record.get("severityText") or record.get("severityNumber") or ""),
            trace_id=read_id(record.get("traceId"), _TRACE_ID_BYTES),
            span_id=read_id(record.get("spanId"), _SPAN_ID_BYTES),
            attributes=attributes_of(record.get("attributes")),
            resource=resource,
            place=place,
            request=request,
        )


def _walk(groups: Iterable[Any] | None, scopes: str, items: str) -> Iterator[tuple[Any, Any]]:
    for group in groups or ():
        resource = attributes_of((group.get("resource") or {}).get("attributes"))
        for scoped in group.get(scopes) or ():
            for item in scoped.get(items) or ():
                yield resource, item
