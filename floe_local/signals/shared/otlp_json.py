"""Spans as OTLP JSON, and spans as planned, in one comparable form.

The form is a dict of span id → field → value, in which events are keyed by name (in the
order of their times), links by what they point to and attributes by key: their order is no
property of a span. Times are Unix nanoseconds.
"""

from __future__ import annotations

import base64
import binascii
from operator import itemgetter
from typing import TYPE_CHECKING, Any

from floe_local.signals.shared.difference import ABSENT, Difference, differences, same

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator

    from floe_local.signals.shared.model import EventPlan, SpanPlan, TracePlan

SCOPE = "floe-canary"
SCOPE_VERSION = "1.0.0"
SCOPE_SCHEMA_URL = "https://opentelemetry.io/schemas/1.36.0"
RESOURCE_SCHEMA_URL = "https://opentelemetry.io/schemas/1.37.0"
SCOPE_ATTRIBUTES: dict[str, Any] = {
    "scope.text": "h\u00e9llo",
    "scope.size": 2**53 + 1,
    "scope.map": {"inner": ["a", {}]},
    "scope.empty": "",
}
_KINDS = ("unspecified", "internal", "server", "client", "producer", "consumer")
_STATUSES = ("unset", "ok", "error")
_SPAN_ID_BYTES = 8
_TRACE_ID_BYTES = 16
_KNOWS_REMOTE = 0x100
_IS_REMOTE = 0x200

Spans = dict[str, dict[str, Any]]


def resource_of(service: str, canary: str) -> dict[str, Any]:
    """Return the resource attributes of a canary's service."""
    return {"service.name": service, "service.version": "1.0.0", "floe.canary": canary}


def trace_resource_of(service: str, canary: str) -> dict[str, Any]:
    """Return the resource attributes of a service that sends traces: nested and empty ones, too."""
    return {
        **resource_of(service, canary),
        "resource.map": {"inner": {"sizes": [1, 2**53 + 1]}, "nothing": {}},
        "resource.list": ["b", "a"],
        "resource.empty": "",
        "resource.nothing": [],
    }


def as_comparable(value: Any) -> Any:
    """Return an attribute's value in the comparable form: lists, not tuples; bytes as base64."""
    if isinstance(value, bytes):
        return {"base64": base64.b64encode(value).decode()}
    if isinstance(value, dict):
        return {key: as_comparable(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [as_comparable(item) for item in value]
    return value


def flags_of(*, remote: bool) -> int:
    """Return OTLP's flags of a span or link whose parent or target is in another service or not.

    The SDK sends no W3C trace flags in them.
    """
    return _KNOWS_REMOTE | _IS_REMOTE if remote else _KNOWS_REMOTE


def spans_of_plan(trace: TracePlan) -> Spans:
    """Return the spans of a plan in the comparable form."""
    resources = {
        service: as_comparable(trace_resource_of(service, trace.canary))
        for service in {span.service for span in trace.spans}
    }
    scope = as_comparable(SCOPE_ATTRIBUTES)
    return {
        span.span_id: _planned_span(span, trace, resources[span.service], scope)
        for span in trace.spans
    }


def _planned_span(
    span: SpanPlan, trace: TracePlan, resource: dict[str, Any], scope: dict[str, Any]
) -> dict[str, Any]:
    events = keyed(sorted(((e.name, e) for e in span.events), key=lambda pair: pair[1].time))
    links = keyed((f"{link.trace_id}/{link.span_id}", link) for link in span.links)
    return {
        "trace_id": trace.trace_id,
        "parent_id": span.parent_id or "",
        "name": span.name,
        "kind": span.kind,
        "status": {"code": span.status, "message": span.message},
        "start": span.start,
        "end": span.end,
        "trace_state": span.trace_state,
        "flags": flags_of(remote=span.remote),
        "attributes": as_comparable(span.attributes),
        "dropped_attributes": span.dropped_attributes,
        "events": {key: _planned_event(event) for key, event in events.items()},
        "event_times": {key: event.time for key, event in events.items()},
        "event_dropped_attributes": {key: e.dropped_attributes for key, e in events.items()},
        "dropped_events": span.dropped_events,
        "links": {key: as_comparable(link.attributes) for key, link in links.items()},
        "link_trace_states": dict.fromkeys(links, ""),  # the SDK does not send them
        "link_flags": {key: flags_of(remote=link.remote) for key, link in links.items()},
        "link_dropped_attributes": {key: link.dropped_attributes for key, link in links.items()},
        "dropped_links": span.dropped_links,
        "resource": resource,
        "resource_dropped_attributes": 0,
        "resource_schema_url": RESOURCE_SCHEMA_URL,
        "scope": SCOPE,
        "scope_version": SCOPE_VERSION,
        "scope_attributes": scope,
        "scope_dropped_attributes": 0,
        "scope_schema_url": SCOPE_SCHEMA_URL,
    }


def _planned_event(event: EventPlan) -> dict[str, Any]:
    if event.exception is None:
        return dict(as_comparable(event.attributes))
    # The stack trace is the SDK's business; that there is an exception is ours.
    return {"exception.type": "ValueError", "exception.message": event.exception}


class SpanComparison:
    """Compares spans of the comparable form; `lost` are fields that are not compared.

    The backend, or a processor before it, may have added attributes, and a sampler may write
    its member of the trace state; nothing else may be more than was sent, or different.
    """

    def __init__(self, lost: Collection[str] = ()) -> None:
        self._lost = lost
        self._alike: dict[tuple[int, int], bool] = {}

    def differences(
        self, field: str, expected: dict[str, Any], found: dict[str, Any]
    ) -> list[Difference]:
        """Compare a span as planned with one as decoded; `field` is what it is called by."""
        result = []
        for key, value in expected.items():
            other = found[key]
            if value.__class__ in _PLAIN and value.__class__ is other.__class__ and value == other:
                continue  # as `same` says: most of what thousands of spans hold
            if key not in self._lost and not self._same(key, value, other):
                result += _field_differences(field, key, value, found)
        return result

    def _same(self, key: str, expected: Any, found: Any) -> bool:
        """`same`, which looks only once at what thousands of spans share."""
        if key not in _SHARED:
            return same(expected, found)
        pair = id(expected), id(found)
        if pair not in self._alike:
            self._alike[pair] = same(expected, found)
        return self._alike[pair]


def _field_differences(
    field: str, key: str, expected: Any, found: dict[str, Any]
) -> list[Difference]:
    """Name in what a field differs that is not the same."""
    where, other = f"{field}.{key}", found[key]
    if key in _ATTRIBUTES:
        return _attribute_differences(where, expected, other)
    if key in _EACH:
        return _each_difference(where, expected, other)
    if key in _OF_EACH:  # one that is missing is named once, as what it is
        there = found[_OF_EACH[key]]
        expected = {name: value for name, value in expected.items() if name in there}
    if key == "trace_state" and expected == _without_sampler(other):
        return []
    return differences(where, expected, other)


def _attribute_differences(
    field: str, expected: dict[str, Any], found: dict[str, Any]
) -> list[Difference]:
    """Compare attributes by their values, which are the same or not, nested ones too."""
    return [
        Difference(field=f"{field}.{key}", expected=value, found=found.get(key, ABSENT))
        for key, value in expected.items()
        if key not in found or not same(value, found[key])
    ]


def _each_difference(
    field: str, expected: dict[str, Any], found: dict[str, Any]
) -> list[Difference]:
    """Compare events or links, which are as many as were sent."""
    result = [
        Difference(field=f"{field}.{key}", expected=ABSENT, found=value)
        for key, value in found.items()
        if key not in expected
    ]
    for key, value in expected.items():
        if key in found:
            result += _attribute_differences(f"{field}.{key}", value, found[key])
        else:
            result.append(Difference(field=f"{field}.{key}", expected=value, found=ABSENT))
    return result


def _without_sampler(trace_state: Any) -> str:
    """Return a trace state without the member that samplers write (W3C Trace Context, OTel: ot)."""
    members = (member.strip() for member in str(trace_state).split(","))
    return ",".join(member for member in members if not member.startswith("ot="))


def decode_spans(resource_spans: Any) -> Spans:
    """Decode OTLP JSON (a list of ResourceSpans) into the comparable form.

    Accepts what the JSON encodings of protobuf differ in: ids in hexadecimal or base64,
    enums by name or number, 64-bit integers as strings, defaults left out.

    Raises:
        ValueError: when it is not OTLP JSON.
    """
    try:
        return {
            read_id(span.get("spanId"), _SPAN_ID_BYTES): {**_decoded_span(span), **about}
            for about, span in _walk(resource_spans)
        }
    except (AttributeError, TypeError, KeyError, binascii.Error) as error:
        message = f"not OTLP JSON: {error}"
        raise ValueError(message) from error


def span_ids(resource_spans: Any) -> set[str]:
    """Return the ids of all spans of an answer, without decoding the rest.

    Raises:
        ValueError: when it is not OTLP JSON.
    """
    try:
        return {
            read_id(span.get("spanId"), _SPAN_ID_BYTES)
            for group in resource_spans or ()
            for scoped in group.get("scopeSpans") or ()
            for span in scoped.get("spans") or ()
        }
    except (AttributeError, TypeError, KeyError, binascii.Error) as error:
        message = f"not OTLP JSON: {error}"
        raise ValueError(message) from error


def _walk(resource_spans: Any) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    """Yield each span, with what its resource and its scope say of it."""
    for group in resource_spans or ():
        resource = group.get("resource") or {}
        of_resource = {
            "resource": attributes_of(resource.get("attributes")),
            "resource_dropped_attributes": _dropped(resource),
            "resource_schema_url": group.get("schemaUrl", ""),
        }
        for scoped in group.get("scopeSpans") or ():
            scope = scoped.get("scope") or {}
            about = {
                **of_resource,
                "scope": scope.get("name", ""),
                "scope_version": scope.get("version", ""),
                "scope_attributes": attributes_of(scope.get("attributes")),
                "scope_dropped_attributes": _dropped(scope),
                "scope_schema_url": scoped.get("schemaUrl", ""),
            }
            for span in scoped.get("spans") or ():
                yield about, span


def _decoded_span(span: dict[str, Any]) -> dict[str, Any]:
    status = span.get("status") or {}
    events = [(int(e.get("timeUnixNano", 0)), e) for e in span.get("events") or ()]
    by_name = keyed((e.get("name", ""), (at, e)) for at, e in sorted(events, key=itemgetter(0)))
    links = keyed((_link_key(link), link) for link in span.get("links") or ())
    return {
        "trace_id": read_id(span.get("traceId"), _TRACE_ID_BYTES),
        "parent_id": read_id(span.get("parentSpanId"), _SPAN_ID_BYTES),
        "name": span.get("name", ""),
        "kind": _enum(span.get("kind", 0), "SPAN_KIND_", _KINDS),
        "status": {
            "code": _enum(status.get("code", 0), "STATUS_CODE_", _STATUSES),
            "message": status.get("message", ""),
        },
        "start": int(span.get("startTimeUnixNano", 0)),
        "end": int(span.get("endTimeUnixNano", 0)),
        "trace_state": span.get("traceState", ""),
        "flags": int(span.get("flags", 0)),
        "attributes": attributes_of(span.get("attributes")),
        "dropped_attributes": _dropped(span),
        "events": {key: attributes_of(e.get("attributes")) for key, (_, e) in by_name.items()},
        "event_times": {key: at for key, (at, _) in by_name.items()},
        "event_dropped_attributes": {key: _dropped(e) for key, (_, e) in by_name.items()},
        "dropped_events": int(span.get("droppedEventsCount", 0)),
        "links": {key: attributes_of(link.get("attributes")) for key, link in links.items()},
        "link_trace_states": {key: link.get("traceState", "") for key, link in links.items()},
        "link_flags": {key: int(link.get("flags", 0)) for key, link in links.items()},
        "link_dropped_attributes": {key: _dropped(link) for key, link in links.items()},
        "dropped_links": int(span.get("droppedLinksCount", 0)),
    }


def _dropped(owner: dict[str, Any]) -> int:
    return int(owner.get("droppedAttributesCount", 0))


def _link_key(link: dict[str, Any]) -> str:
    trace = read_id(link.get("traceId"), _TRACE_ID_BYTES)
    return f"{trace}/{read_id(link.get('spanId'), _SPAN_ID_BYTES)}"


def keyed(pairs: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    """Collect pairs; a key that comes again gets a number, so that none hides another."""
    result: dict[str, Any] = {}
    for key, value in pairs:
        name, number = key, 1
        while name in result:
            number += 1
            name = f"{key}#{number}"
        result[name] = value
    return result


def attributes_of(pairs: Any) -> dict[str, Any]:
    """Return a list of OTLP JSON's key-value pairs as a dict."""
    return {pair["key"]: _value(pair.get("value") or {}) for pair in pairs or ()}


def _value(value: dict[str, Any]) -> Any:
    for kind, item in value.items():
        if kind in _READERS:
            return _READERS[kind](item)
    return None


def _enum(value: Any, prefix: str, names: tuple[str, ...]) -> str:
    if isinstance(value, int):
        return names[value] if value < len(names) else str(value)
    return str(value).removeprefix(prefix).lower()


def read_id(value: Any, size: int) -> str:
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
    "kvlistValue": lambda value: attributes_of(value.get("values")),
    "bytesValue": lambda value: {"base64": value},
}

_PLAIN = frozenset({str, int})
_ATTRIBUTES = frozenset({"attributes", "resource", "scope_attributes"})
_SHARED = frozenset({"resource", "scope_attributes"})
_EACH = frozenset({"events", "links"})
_OF_EACH = {
    "event_times": "events",
    "event_dropped_attributes": "events",
    "link_trace_states": "links",
    "link_flags": "links",
    "link_dropped_attributes": "links",
}
