"""Spans of OTLP, kept as OTLP JSON, so that they can be compared field by field."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sandbox_recorder.decoders.found import Found
from sandbox_recorder.decoders.otlp_values import otlp_json, parse_request, plain_json

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sandbox_recorder.messages import Messages


class OtlpTraces:
    """Reads TracesRequest; a document is `{resource, scope, span}` in OTLP JSON."""

    def __init__(self, messages: Messages) -> None:
        self._messages = messages

    def decode(self, body: bytes, content_type: str) -> Iterator[Found]:
        """One document for each span, found by its trace id."""
        request = parse_request(self._messages, "sandbox.otlp.TracesRequest", body, content_type)
        for group in request.resource_spans:
            resource = {"attributes": otlp_json(group.resource.attributes)}
            for scoped in group.scope_spans:
                scope = {"name": scoped.scope.name, "version": scoped.scope.version}
                for span in scoped.spans:
                    document = {"resource": resource, "scope": scope, "span": _span(span)}
                    yield Found((span.trace_id.hex(),), document)

    def item(self, document: dict[str, Any]) -> dict[str, Any]:
        """A span with plain attributes."""
        span = document["span"]
        resource = plain_json(document["resource"]["attributes"])
        return {
            "trace_id": span["traceId"],
            "span_id": span["spanId"],
            "parent_id": span["parentSpanId"],
            "name": span["name"],
            "service": resource.get("service.name", ""),
            "kind": span["kind"],
            "status": span["status"],
            "start": span["startTimeUnixNano"],
            "end": span["endTimeUnixNano"],
            "attributes": plain_json(span["attributes"]),
            "resource": resource,
            "scope": document["scope"]["name"],
        }


def resource_spans(document: dict[str, Any]) -> dict[str, Any]:
    """A document as an element of OTLP JSON's `resourceSpans`."""
    scoped = {"scope": document["scope"], "spans": [document["span"]]}
    return {"resource": document["resource"], "scopeSpans": [scoped]}


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
        "attributes": otlp_json(span.attributes),
        "events": [_event(event) for event in span.events],
        "links": [_link(link) for link in span.links],
        "status": {"code": span.status.code, "message": span.status.message},
    }


def _event(event: Any) -> dict[str, Any]:
    return {
        "timeUnixNano": str(event.time_unix_nano),
        "name": event.name,
        "attributes": otlp_json(event.attributes),
    }


def _link(link: Any) -> dict[str, Any]:
    return {
        "traceId": link.trace_id.hex(),
        "spanId": link.span_id.hex(),
        "attributes": otlp_json(link.attributes),
    }
