"""What Datadog's agent and the Collector's exporter send, in Datadog's words."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from sandbox_recorder.decoders.found import PacksJson, found, read_json
from sandbox_recorder.refusals import Refused

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from sandbox_recorder.decoders.found import Found
    from sandbox_recorder.messages import Messages

JSON = "application/json"
_TYPES = ("", "count", "rate", "gauge")
# The upper half of a trace id of 128 bits, and all of it as the sender had it.
_UPPER_HALF, _WHOLE_ID = "_dd.p.tid", "otel.trace_id"
_LOG_WORDS = frozenset({"message", "status", "service", "hostname", "ddsource", "ddtags"})


class Traces(PacksJson):
    """Reads AgentPayload; an item is one span."""

    def __init__(self, messages: Messages) -> None:
        self._messages = messages

    def decode(self, body: bytes, _content_type: str) -> Iterator[Found]:
        """One item for each span, found by its trace id of 128 bits."""
        payload = self._messages.parsed("sandbox.datadog.AgentPayload", body)
        for tracer in payload.tracerPayloads:
            about = {
                "env": tracer.env or payload.env,
                "host": tracer.hostname or payload.hostName,
                "tags": {**payload.tags, **tracer.tags},
            }
            for chunk in tracer.chunks:
                upper = _upper_half(chunk.spans)
                for span in chunk.spans:
                    item = {**_span(span, upper), **about, "priority": chunk.priority}
                    yield found([item["trace_id"]], item)


def _upper_half(spans: Iterable[Any]) -> str:
    """Hexadecimal; only the first span of a chunk has to tell it."""
    halves = (span.meta[_UPPER_HALF] for span in spans if _UPPER_HALF in span.meta)
    return next(halves, "").rjust(16, "0")


def _span(span: Any, upper: str) -> dict[str, Any]:
    meta = dict(span.meta)
    return {
        "trace_id": meta.get(_WHOLE_ID) or f"{upper}{span.traceID:016x}",
        "span_id": f"{span.spanID:016x}",
        "parent_id": f"{span.parentID:016x}" if span.parentID else "",
        "service": span.service,
        "name": span.name,
        "resource": span.resource,
        "type": span.type,
        "error": span.error,
        "start": str(span.start),
        "duration": str(span.duration),
        "meta": meta,
        "metrics": dict(span.metrics),
    }


class SeriesPoints(PacksJson):
    """Reads v2 series, as JSON or MetricPayload; an item is one point."""

    def __init__(self, messages: Messages) -> None:
        self._messages = messages

    def decode(self, body: bytes, content_type: str) -> Iterator[Found]:
        """One item for each point, found by the metric's name and by values of tags."""
        if content_type == JSON:
            yield from _json_series(read_json(body))
            return
        payload = self._messages.parsed("sandbox.datadog.MetricPayload", body)
        for series in payload.series:
            about = {
                "name": series.metric,
                "type": _type(series.type),
                "unit": series.unit,
                "resource": {part.type: part.name for part in series.resources},
            }
            for point in series.points:
                yield _point(about, series.tags, {"value": point.value, "time": point.timestamp})


def _json_series(given: Any) -> Iterator[Found]:
    try:
        for series in given["series"]:
            about = {
                "name": series["metric"],
                "type": _type(series.get("type", 0)),
                "unit": series.get("unit", ""),
                "resource": {
                    part.get("type", ""): part.get("name", "")
                    for part in series.get("resources") or ()
                },
            }
            for point in series["points"]:
                measured = {"value": point["value"], "time": point["timestamp"]}
                yield _point(about, series.get("tags") or (), measured)
    except (KeyError, TypeError, AttributeError) as problem:
        raise Refused(400, f"the body is no series: {problem!r}") from problem


def _type(number: int) -> str:
    return _TYPES[number] if 0 <= number < len(_TYPES) else str(number)


class Sketches(PacksJson):
    """Reads SketchPayload (distributions); an item is one point, its value the sum."""

    def __init__(self, messages: Messages) -> None:
        self._messages = messages

    def decode(self, body: bytes, _content_type: str) -> Iterator[Found]:
        """One item for each point, found by the metric's name and by values of tags."""
        payload = self._messages.parsed("sandbox.datadog.SketchPayload", body)
        for sketch in payload.sketches:
            about = {
                "name": sketch.metric,
                "type": "distribution",
                "unit": "",
                "resource": {"host": sketch.host},
            }
            for point in sketch.dogsketches:
                measured = {
                    "value": point.sum,
                    "count": point.cnt,
                    "min": point.min,
                    "max": point.max,
                    "time": point.ts,
                }
                yield _point(about, sketch.tags, measured)


def _point(about: dict[str, Any], tags: Iterable[str], measured: dict[str, Any]) -> Found:
    attributes = _tags(tags)
    item = {**about, **measured, "attributes": attributes}
    return found([about["name"], *attributes.values()], item)


def _tags(tags: Iterable[str]) -> dict[str, str]:
    """Tags as `key:value`; one without a value has an empty one."""
    pairs = (tag.partition(":") for tag in tags)
    return {key: value for key, _, value in pairs}


class Logs(PacksJson):
    """Reads the JSON array of the logs intake; an item is one log."""

    def decode(self, body: bytes, _content_type: str) -> Iterator[Found]:
        """One item for each log, found by its trace id and by values of attributes."""
        given = read_json(body)
        logs = given if isinstance(given, list) else [given]
        for log in logs:
            if not isinstance(log, dict):
                raise Refused(400, "the body is no list of logs")
            yield _log(log)


def _log(given: dict[str, Any]) -> Found:
    log = {**given, **_structured(given.get("message"))}
    tags = str(log.get("ddtags") or "")
    others = {key: value for key, value in log.items() if key not in _LOG_WORDS}
    attributes = {**_tags(tag for tag in tags.split(",") if tag), **others}
    item = {
        "body": log.get("message"),
        "severity": log.get("status", ""),
        "trace_id": str(log.get("otel.trace_id") or ""),
        "span_id": str(log.get("otel.span_id") or ""),
        "service": log.get("service", ""),
        "attributes": attributes,
        "resource": {"host": log.get("hostname", ""), "source": log.get("ddsource", "")},
    }
    return found([item["trace_id"], *attributes.values()], item)


def _structured(message: Any) -> dict[str, Any]:
    """What a message says that is itself a JSON object, as the intake reads it."""
    if not isinstance(message, str) or not message.startswith("{"):
        return {}
    try:
        value = json.loads(message)
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}
