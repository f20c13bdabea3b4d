"""Spans of OTLP, which can be had as OTLP JSON, too, to be compared field by field."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sandbox_recorder.decoders.found import Found
from sandbox_recorder.decoders.otlp_values import JSON, otlp_json, parse_request, plain

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from sandbox_recorder.messages import Messages

_REQUEST = "sandbox.otlp.TracesRequest"


class OtlpTraces:
    """Reads TracesRequest; an item is packed as a PackedSpan."""

    def __init__(self, messages: Messages) -> None:
        self._messages = messages

    def decode(self, body: bytes, content_type: str) -> Iterator[Found]:
        """One item for each span, found by its trace id."""
        request = parse_request(self._messages, _REQUEST, body, content_type)
        if content_type == JSON:
            body = request.SerializeToString()
        raw = self._messages.parsed("sandbox.otlp.RawTracesRequest", body)
        for group, raw_group in zip(request.resource_spans, raw.resource_spans, strict=True):
            for scoped, raw_scoped in zip(group.scope_spans, raw_group.scope_spans, strict=True):
                yield from self._packed(group, scoped, raw_scoped.spans)

    def _packed(self, group: Any, scoped: Any, raw_spans: Iterable[bytes]) -> Iterator[Found]:
        about = self._messages.empty("sandbox.otlp.PackedSpan")
        about.resource.CopyFrom(group.resource)
        about.resource_schema_url = group.schema_url
        about.scope.CopyFrom(scoped.scope)
        about.scope_schema_url = scoped.schema_url
        head = about.SerializeToString()
        tail = self._messages.empty("sandbox.otlp.RawPackedSpan")
        for span, raw in zip(scoped.spans, raw_spans, strict=True):
            tail.span = raw
            # A message after another is both in one: that is how protobuf merges them.
            yield Found((span.trace_id.hex(),), head + tail.SerializeToString())

    def item(self, packed: bytes) -> dict[str, Any]:
        """A span with plain attributes."""
        kept = self._messages.parsed("sandbox.otlp.PackedSpan", packed)
        span, scope = kept.span, kept.scope
        resource = plain(kept.resource.attributes)
        return {
            "trace_id": span.trace_id.hex(),
            "span_id": span.span_id.hex(),
            "parent_id": span.parent_span_id.hex(),
            "name": span.name,
            "service": resource.get("service.name", ""),
            "kind": span.kind,
            "status": {"code": span.status.code, "message": span.status.message},
            "start": str(span.start_time_unix_nano),
            "end": str(span.end_time_unix_nano),
            "attributes": plain(span.attributes),
            "resource": resource,
            "scope": scope.name,
        }

    def resource_spans(self, packed: bytes) -> dict[str, Any]:
        """A span as an element of OTLP JSON's `resourceSpans`."""
        kept = self._messages.parsed("sandbox.otlp.PackedSpan", packed)
        scoped = {
            "scope": {
                "name": kept.scope.name,
                "version": kept.scope.version,
                **_attributes(kept.scope),
            },
            "spans": [_span(kept.span)],
            **_given(schemaUrl=kept.scope_schema_url),
        }
        return {
            "resource": _attributes(kept.resource),
            "scopeSpans": [scoped],
            **_given(schemaUrl=kept.resource_schema_url),
        }


def _attributes(owner: Any) -> dict[str, Any]:
    return {
        "attributes": otlp_json(owner.attributes),
        **_given(droppedAttributesCount=owner.dropped_attributes_count),
    }


def _given(**values: Any) -> dict[str, Any]:
    """What is not zero and not empty: JSON leaves the others out."""
    return {name: value for name, value in values.items() if value}


def _span(span: Any) -> dict[str, Any]:
    return {
        "traceId": span.trace_id.hex(),
        "spanId": span.span_id.hex(),
        "traceState": span.trace_state,
        "parentSpanId": span.parent_span_id.hex(),
        "name": span.name,
        "kind": span.kind,
        "startTimeUnixNano": str(span.start_time_unix_nano),
        "endTimeUnixNano": str(span.end_time_unix_nano),
        **_attributes(span),
        "events": [_event(event) for event in span.events],
        "links": [_link(link) for link in span.links],
        "status": {"code": span.status.code, "message": span.status.message},
        **_given(
            flags=span.flags,
            droppedEventsCount=span.dropped_events_count,
            droppedLinksCount=span.dropped_links_count,
        ),
    }


def _event(event: Any) -> dict[str, Any]:
    return {"timeUnixNano": str(event.time_unix_nano), "name": event.name, **_attributes(event)}


def _link(link: Any) -> dict[str, Any]:
    return {
        "traceId": link.trace_id.hex(),
        "spanId": link.span_id.hex(),
        **_attributes(link),
        **_given(traceState=link.trace_state, flags=link.flags),
    }
