"""Spans as OTLP JSON, and spans as planned, in one comparable form.

The form is a dict of span id → field → value, in which events are keyed by name, links
by what they point to and attributes by key: their order is no property of a span.
"""

from __future__ import annotations

import base64
import binascii
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from floe_local.prove.canaries import EventPlan, SpanPlan, TracePlan

SCOPE = "floe-canary"
_KINDS = ("unspecified", "internal", "server", "client", "producer", "consumer")
_STATUSES = ("unset", "ok", "error")
_SPAN_ID_BYTES = 8
_TRACE_ID_BYTES = 16

Spans = dict[str, dict[str, Any]]


def resource_of(service: str, canary: str) -> dict[str, Any]:
    """Return the resource attributes of a canary's service."""
    return {"service.name": service, "service.version": "1.0.0", "floe.canary": canary}


def planned(trace: TracePlan) -> Spans:
    """Return the spans of a plan in the comparable form."""
    return {span.span_id: _planned_span(span, trace) for span in trace.spans}


def _planned_span(span: SpanPlan, trace: TracePlan) -> dict[str, Any]:
    return {
        "trace_id": trace.trace_id,
        "parent_id": span.parent_id or "",
        "name": span.name,
        "kind": span.kind,
        "status": {"code": span.status, "message": span.message},
        "resource": resource_of(span.service, trace.canary),
        "scope": SCOPE,
        "attributes": span.attributes,
        "events": _keyed((event.name, _planned_event(event)) for event in span.events),
        "links": _keyed(
            (f"{link.trace_id}/{link.span_id}", link.attributes) for link in span.links
        ),
    }


def _planned_event(event: EventPlan) -> dict[str, Any]:
    if event.exception is None:
        return event.attributes
    # The stack trace is the SDK's business; that there is an exception is ours.
    return {"exception.type": "ValueError", "exception.message": event.exception}


def decoded(resource_spans: Any) -> Spans:
    """Decode OTLP JSON (a list of ResourceSpans) into the comparable form.

    Accepts what the JSON encodings of protobuf differ in: ids in hexadecimal or base64,
    enums by name or number, 64-bit integers as strings, defaults left out.

    Raises:
        ValueError: when it is not OTLP JSON.
    """
    try:
        return {
            _id(span.get("spanId"), _SPAN_ID_BYTES): _decoded_span(span, resource, scope)
            for resource, scope, span in _walk(resource_spans)
        }
    except (AttributeError, TypeError, KeyError, binascii.Error) as error:
        message = f"not OTLP JSON: {error}"
        raise ValueError(message) from error


def _walk(resource_spans: Any) -> Iterator[tuple[dict[str, Any], str, dict[str, Any]]]:
    for group in resource_spans or ():
        resource = _attributes(group.get("resource", {}).get("attributes"))
        for scoped in group.get("scopeSpans") or ():
            scope = scoped.get("scope", {}).get("name", "")
            for span in scoped.get("spans") or ():
                yield resource, scope, span


def _decoded_span(span: dict[str, Any], resource: dict[str, Any], scope: str) -> dict[str, Any]:
    status = span.get("status") or {}
    return {
        "trace_id": _id(span.get("traceId"), _TRACE_ID_BYTES),
        "parent_id": _id(span.get("parentSpanId"), _SPAN_ID_BYTES),
        "name": span.get("name", ""),
        "kind": _enum(span.get("kind", 0), "SPAN_KIND_", _KINDS),
        "status": {
            "code": _enum(status.get("code", 0), "STATUS_CODE_", _STATUSES),
            "message": status.get("message", ""),
        },
        "resource": resource,
        "scope": scope,
        "attributes": _attributes(span.get("attributes")),
        "events": _keyed(
            (event.get("name", ""), _attributes(event.get("attributes")))
            for event in span.get("events") or ()
        ),
        "links": _keyed(
            (_link_key(link), _attributes(link.get("attributes")))
            for link in span.get("links") or ()
        ),
    }


def _link_key(link: dict[str, Any]) -> str:
    trace = _id(link.get("traceId"), _TRACE_ID_BYTES)
    return f"{trace}/{_id(link.get('spanId'), _SPAN_ID_BYTES)}"


def _keyed(pairs: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    """Collect pairs; a key that comes again gets a number, so that none hides another."""
    result: dict[str, Any] = {}
    for key, value in pairs:
        name, number = key, 1
        while name in result:
            number += 1
            name = f"{key}#{number}"
        result[name] = value
    return result


def _attributes(pairs: Any) -> dict[str, Any]:
    return {pair["key"]: _value(pair.get("value") or {}) for pair in pairs or ()}


def _value(value: dict[str, Any]) -> Any:
    for kind, read in _READERS.items():
        if kind in value:
            return read(value[kind])
    return None


def _enum(value: Any, prefix: str, names: tuple[str, ...]) -> str:
    if isinstance(value, int):
        return names[value] if value < len(names) else str(value)
    return str(value).removeprefix(prefix).lower()


def _id(value: Any, size: int) -> str:
    """Read an id: hexadecimal as OTLP says, or base64 as plain protobuf JSON has it."""
    if not value:
        return ""
    if len(value) == size * 2:
        return str(value).lower()
    return base64.b64decode(value, validate=True).hex()


_READERS: dict[str, Callable[[Any], Any]] = {
    "stringValue": str,
    "boolValue": bool,
    "intValue": int,
    "doubleValue": float,
    "arrayValue": lambda value: [_value(item) for item in value.get("values") or ()],
    "kvlistValue": lambda value: _attributes(value.get("values")),
    "bytesValue": lambda value: {"base64": value},
}
