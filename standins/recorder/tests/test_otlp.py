"""OTLP in both encodings, made with OpenTelemetry's own messages: nothing gets lost."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any

import pytest
from google.protobuf import json_format
from google.protobuf.descriptor import FieldDescriptor
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from sandbox_recorder.decoders.otlp_traces import OtlpTraces
from sandbox_recorder.refusals import Refused

from floe_local.plan.values import Signal
from floe_local.prove.canaries import plan
from floe_local.prove.read.readback import compare_spans
from floe_local.signals.shared.otlp_json import decode_spans
from floe_local.signals.shared.spans import TraceSender

if TYPE_CHECKING:
    from collections.abc import Iterator

    from google.protobuf.message import Message
    from sandbox_recorder.decoders import Decoders
    from sandbox_recorder.decoders.found import Found
    from sandbox_recorder.messages import Messages

TRACES = frozenset({Signal.TRACES})
REQUESTS: dict[str, Any] = {
    "TracesRequest": ExportTraceServiceRequest,
    "RawTracesRequest": ExportTraceServiceRequest,
    "MetricsRequest": ExportMetricsServiceRequest,
    "LogsRequest": ExportLogsServiceRequest,
}
"""The messages of otlp.proto that a request is read as, and what OpenTelemetry calls them."""
SAME_ON_THE_WIRE = {FieldDescriptor.TYPE_ENUM: FieldDescriptor.TYPE_INT32}
LEFT_OUT = {
    "AnyValue.string_value_strindex",
    "ExponentialHistogramDataPoint.exemplars",
    "ExponentialHistogramDataPoint.negative",
    "ExponentialHistogramDataPoint.positive",
    "ExponentialHistogramDataPoint.zero_threshold",
    "HistogramDataPoint.exemplars",
    "KeyValue.key_strindex",
    "Metric.metadata",
    "NumberDataPoint.exemplars",
    "Resource.entity_refs",
    "SummaryDataPoint.quantile_values",
}
"""What OpenTelemetry's messages have and otlp.proto does not, of messages that it has."""
PROTOBUF, JSON = "application/x-protobuf", "application/json"
TRACE, SPAN, PARENT = bytes(range(16)), bytes(range(8)), bytes(range(8, 16))
BIG = 2**53 + 1
VALUES: list[tuple[dict[str, Any], Any]] = [
    ({"stringValue": "héllo ✓ \0"}, "héllo ✓ \0"),
    ({"boolValue": False}, False),
    ({"intValue": str(BIG)}, BIG),
    ({"doubleValue": 0.1}, 0.1),
    ({"arrayValue": {"values": [{"intValue": "1"}, {"stringValue": "a"}]}}, [1, "a"]),
    (
        {"kvlistValue": {"values": [{"key": "in", "value": {"boolValue": True}}]}},
        {"in": True},
    ),
    ({"bytesValue": "AAE="}, "AAE="),
    ({}, None),
]


def pairs(own: Any, upstream: Any, seen: set[str]) -> Iterator[tuple[Any, Any]]:
    """A message of otlp.proto with upstream's that stands in its place, and all below the two."""
    if own.full_name in seen:
        return
    seen.add(own.full_name)
    yield own, upstream
    for field in own.fields:
        other = upstream.fields_by_number.get(field.number)
        if other is not None and field.message_type and other.message_type:
            yield from pairs(field.message_type, other.message_type, seen)


def on_the_wire(field: FieldDescriptor) -> tuple[int, bool]:
    kind = SAME_ON_THE_WIRE.get(field.type, field.type)
    return kind, field.is_repeated


@pytest.mark.parametrize(("own", "request_type"), REQUESTS.items(), ids=REQUESTS)
def test_our_messages_are_read_as_those_of_opentelemetry(
    own: str, request_type: Any, messages: Messages
) -> None:
    root = messages.empty(f"sandbox.otlp.{own}").DESCRIPTOR
    fields = [
        (field, upstream.fields_by_number.get(field.number))
        for message, upstream in pairs(root, request_type.DESCRIPTOR, set())
        for field in message.fields
    ]
    assert [field.full_name for field, upstream in fields if upstream is None] == []
    for field, upstream in fields:
        is_kept_as_bytes = own.startswith("Raw") and field.type == FieldDescriptor.TYPE_BYTES
        assert upstream is not None
        assert field.json_name == upstream.json_name
        if not is_kept_as_bytes:
            assert on_the_wire(field) == on_the_wire(upstream), field.full_name


def test_what_our_messages_leave_out_is_named(messages: Messages) -> None:
    missing = {
        f"{upstream.name}.{field.name}"
        for own, request_type in REQUESTS.items()
        if not own.startswith("Raw")
        for message, upstream in pairs(
            messages.empty(f"sandbox.otlp.{own}").DESCRIPTOR, request_type.DESCRIPTOR, set()
        )
        for field in upstream.fields
        if field.number not in message.fields_by_number
    }
    assert missing == LEFT_OUT


def attributes() -> list[dict[str, Any]]:
    return [{"key": f"k{place}", "value": value} for place, (value, _) in enumerate(VALUES)]


PLAIN = {f"k{place}": plain for place, (_, plain) in enumerate(VALUES)}
RESOURCE = {
    "attributes": [
        {"key": "service.name", "value": {"stringValue": "svc"}},
        {"key": "floe.canary", "value": {"stringValue": "c1"}},
    ]
}


def span() -> dict[str, Any]:
    """A span with everything, as OTLP JSON."""
    return {
        "traceId": TRACE.hex(),
        "spanId": SPAN.hex(),
        "parentSpanId": PARENT.hex(),
        "traceState": "a=b",
        "name": "réad",
        "kind": 3,
        "startTimeUnixNano": "1700000000000000001",
        "endTimeUnixNano": "1700000000000000002",
        "attributes": attributes(),
        "events": [{"timeUnixNano": "1", "name": "ev", "attributes": attributes()}],
        "links": [{"traceId": "f" * 32, "spanId": "e" * 16, "attributes": attributes()}],
        "status": {"code": 2, "message": "broken"},
    }


def traces(*spans: dict[str, Any]) -> dict[str, Any]:
    scoped = {"scope": {"name": "scope", "version": "1"}, "spans": list(spans)}
    return {"resourceSpans": [{"resource": RESOURCE, "scopeSpans": [scoped]}]}


def both(request: dict[str, Any], message: Message) -> Iterator[tuple[bytes, str]]:
    """A request in both encodings, the binary one by OpenTelemetry's own messages."""
    yield json.dumps(request).encode(), JSON
    text = json.dumps(_base64_ids(request))
    yield json_format.Parse(text, message).SerializeToString(), PROTOBUF


def _base64_ids(value: Any) -> Any:
    if isinstance(value, list):
        return [_base64_ids(part) for part in value]
    if isinstance(value, dict):
        return {
            key: base64.b64encode(bytes.fromhex(part)).decode()
            if key in {"traceId", "spanId", "parentSpanId"}
            else _base64_ids(part)
            for key, part in value.items()
        }
    return value


def found(decoders: Decoders, signal: str, body: bytes, kind: str) -> list[Found]:
    return list(decoders["otlp", signal].decode(body, kind))


def items(decoders: Decoders, signal: str, body: bytes, kind: str) -> list[dict[str, Any]]:
    decoder = decoders["otlp", signal]
    return [decoder.item(one.packed) for one in decoder.decode(body, kind)]


def test_a_span_is_whole_in_both_encodings(decoders: Decoders) -> None:
    expected = decode_spans(traces(span())["resourceSpans"])
    for body, kind in both(traces(span()), ExportTraceServiceRequest()):
        (one,) = found(decoders, "traces", body, kind)
        assert one.keys == (TRACE.hex(),)
        decoder = decoders["otlp", "traces"]
        assert isinstance(decoder, OtlpTraces)
        given = decoder.resource_spans(one.packed)
        assert decode_spans([given]) == expected
        assert given["scopeSpans"][0]["spans"][0] == span()


def test_a_span_as_an_item(decoders: Decoders) -> None:
    for body, kind in both(traces(span()), ExportTraceServiceRequest()):
        (item,) = items(decoders, "traces", body, kind)
        assert item["trace_id"] == TRACE.hex()
        assert item["parent_id"] == PARENT.hex()
        assert (item["service"], item["name"], item["scope"]) == ("svc", "réad", "scope")
        assert item["attributes"] == PLAIN
        assert item["status"] == {"code": 2, "message": "broken"}


def test_a_canary_s_span_is_recorded_whole(decoders: Decoders) -> None:
    [trace] = [t for t in plan("ns", ("grpc",), TRACES).of(Signal.TRACES) if t.case == "whole"]
    exporter = InMemorySpanExporter()
    TraceSender(exporter).send(trace)
    body = encode_spans(exporter.get_finished_spans()).SerializeToString()
    decoder = decoders["otlp", "traces"]
    assert isinstance(decoder, OtlpTraces)
    shown = [decoder.resource_spans(one.packed) for one in decoder.decode(body, PROTOBUF)]
    assert compare_spans(trace, json.loads(json.dumps(shown))) == []


@given(number=st.integers(-(2**63), 2**63 - 1), text=st.text())
def test_any_value_survives(decoders: Decoders, number: int, text: str) -> None:
    given: dict[str, Any] = {"key": "n", "value": {"intValue": str(number)}}
    other: dict[str, Any] = {"key": text, "value": {"stringValue": text}}
    request = traces({**span(), "attributes": [given, other]})
    for body, kind in both(request, ExportTraceServiceRequest()):
        (item,) = items(decoders, "traces", body, kind)
        assert item["attributes"] == {"n": number, text: text}


def metrics() -> dict[str, Any]:
    def point(**value: Any) -> dict[str, Any]:
        return {"timeUnixNano": "5", "attributes": attributes(), **value}

    distribution = point(count="2", sum=7.5)
    shapes: dict[str, dict[str, Any]] = {
        "counter": {"sum": {"isMonotonic": True, "dataPoints": [point(asInt=str(BIG))]}},
        "up-down-counter": {"sum": {"dataPoints": [point(asDouble=-1.5)]}},
        "gauge": {"gauge": {"dataPoints": [point(asDouble=2.5)]}},
        "histogram": {"histogram": {"dataPoints": [distribution]}},
        "exponential-histogram": {"exponentialHistogram": {"dataPoints": [distribution]}},
        "summary": {"summary": {"dataPoints": [distribution]}},
    }
    named = [{"name": f"m.{name}", "unit": "s", **shape} for name, shape in shapes.items()]
    return {"resourceMetrics": [{"resource": RESOURCE, "scopeMetrics": [{"metrics": named}]}]}


METRIC_VALUES: dict[str, dict[str, float]] = {
    "counter": {"value": BIG},
    "up-down-counter": {"value": -1.5},
    "gauge": {"value": 2.5},
    "histogram": {"value": 7.5, "count": 2},
    "exponential-histogram": {"value": 7.5, "count": 2},
    "summary": {"value": 7.5, "count": 2},
}


def test_every_instrument_is_read(decoders: Decoders) -> None:
    for body, kind in both(metrics(), ExportMetricsServiceRequest()):
        points = found(decoders, "metrics", body, kind)
        assert len(points) == len(METRIC_VALUES)
        for one in points:
            item = decoders["otlp", "metrics"].item(one.packed)
            instrument = item["instrument"]
            assert item["name"] == f"m.{instrument}"
            assert METRIC_VALUES[instrument].items() <= item.items()
            assert item["attributes"] == PLAIN
            assert item["resource"]["floe.canary"] == "c1"
            assert {f"m.{instrument}", "c1", "svc"} <= set(one.keys)


def logs(**record: Any) -> dict[str, Any]:
    given = {"body": {"stringValue": "hi"}, "traceId": TRACE.hex(), "spanId": SPAN.hex(), **record}
    return {"resourceLogs": [{"resource": RESOURCE, "scopeLogs": [{"logRecords": [given]}]}]}


def test_a_log_record_is_read(decoders: Decoders) -> None:
    request = logs(severityText="WARN", attributes=attributes())
    for body, kind in both(request, ExportLogsServiceRequest()):
        (one,) = found(decoders, "logs", body, kind)
        item = decoders["otlp", "logs"].item(one.packed)
        assert (item["body"], item["severity"], item["service"]) == ("hi", "WARN", "svc")
        assert (item["trace_id"], item["span_id"]) == (TRACE.hex(), SPAN.hex())
        assert item["attributes"] == PLAIN
        assert {TRACE.hex(), "c1"} <= set(one.keys)


@pytest.mark.parametrize(
    ("number", "name"), [(0, ""), (1, "TRACE"), (9, "INFO"), (13, "WARN"), (24, "FATAL"), (99, "")]
)
def test_a_severity_without_text_is_named(decoders: Decoders, number: int, name: str) -> None:
    body = json.dumps(logs(severityNumber=number)).encode()
    (item,) = items(decoders, "logs", body, JSON)
    assert item["severity"] == name


def test_long_texts_are_kept_but_are_no_keys(decoders: Decoders) -> None:
    long = "x" * 10_000
    attribute = {"key": "long", "value": {"stringValue": long}}
    (one,) = found(decoders, "logs", json.dumps(logs(attributes=[attribute])).encode(), JSON)
    assert decoders["otlp", "logs"].item(one.packed)["attributes"] == {"long": long}
    assert long not in one.keys


@pytest.mark.parametrize("signal", ["traces", "metrics", "logs"])
@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"\xff\xff\xff\xff", PROTOBUF),
        (b"{", JSON),
        (b"[]", JSON),
        (b"[1]", JSON),
        (b'"text"', JSON),
        (b"[" * 100_000, JSON),
        (b'{"resourceSpans": 1, "resourceMetrics": 1, "resourceLogs": 1}', JSON),
    ],
)
def test_what_is_no_request_is_refused(
    decoders: Decoders, signal: str, body: bytes, kind: str
) -> None:
    with pytest.raises(Refused) as caught:
        found(decoders, signal, body, kind)
    assert caught.value.status == 400


def test_an_id_that_is_not_hexadecimal_is_refused(decoders: Decoders) -> None:
    body = json.dumps(traces({**span(), "traceId": "no id"})).encode()
    with pytest.raises(Refused):
        found(decoders, "traces", body, JSON)


def test_an_empty_request_holds_nothing(decoders: Decoders) -> None:
    assert found(decoders, "traces", b"", PROTOBUF) == []
    assert found(decoders, "traces", b"{}", JSON) == []
