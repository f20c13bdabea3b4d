"""Datadog's payloads, read in its own words."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from sandbox_recorder.refusals import Refused

if TYPE_CHECKING:
    from sandbox_recorder.decoders import Decoders
    from sandbox_recorder.messages import Messages

PROTOBUF, JSON = "application/x-protobuf", "application/json"


def payload(messages: Messages, *spans: dict[str, Any]) -> bytes:
    made = messages.empty("sandbox.datadog.AgentPayload")
    made.hostName, made.env = "host", "none"
    tracer = made.tracerPayloads.add(env="prod", tags={"team": "floe"})
    chunk = tracer.chunks.add(priority=1)
    for span in spans:
        chunk.spans.add(**span)
    return bytes(made.SerializeToString())


SPAN: dict[str, Any] = {
    "service": "svc",
    "name": "web.request",
    "resource": "GET /",
    "traceID": 2**64 - 1,
    "spanID": 2**63,
    "parentID": 7,
    "start": 1,
    "duration": 2**53 + 1,
    "error": 1,
    "meta": {"http.method": "GET"},
    "metrics": {"ratio": 0.5},
    "type": "web",
}


def decode(decoders: Decoders, name: str, body: bytes, kind: str = PROTOBUF) -> list[Any]:
    signal = {"datadog-traces": "traces", "datadog-logs": "logs"}.get(name, "metrics")
    decoder = decoders[name, signal]
    return [(one.keys, decoder.item(one.packed)) for one in decoder.decode(body, kind)]


def test_a_span(messages: Messages, decoders: Decoders) -> None:
    ((keys, item),) = decode(decoders, "datadog-traces", payload(messages, SPAN))
    assert keys == ("0" * 16 + "f" * 16,)
    assert item == {
        "trace_id": "0" * 16 + "f" * 16,
        "span_id": "8000000000000000",
        "parent_id": "0000000000000007",
        "service": "svc",
        "name": "web.request",
        "resource": "GET /",
        "type": "web",
        "error": 1,
        "start": "1",
        "duration": str(2**53 + 1),
        "meta": {"http.method": "GET"},
        "metrics": {"ratio": 0.5},
        "env": "prod",
        "host": "host",
        "tags": {"team": "floe"},
        "priority": 1,
    }


def test_the_upper_half_of_a_trace_id_is_told_once_for_a_chunk(
    messages: Messages, decoders: Decoders
) -> None:
    first = {**SPAN, "meta": {"_dd.p.tid": "640cfd8d00000000"}}
    found = decode(decoders, "datadog-traces", payload(messages, first, SPAN))
    assert [keys for keys, _ in found] == [("640cfd8d00000000" + "f" * 16,)] * 2


def test_the_senders_own_trace_id_comes_first(messages: Messages, decoders: Decoders) -> None:
    own = "0123456789abcdef0123456789abcdef"
    span = {**SPAN, "meta": {"otel.trace_id": own}, "parentID": 0}
    ((keys, item),) = decode(decoders, "datadog-traces", payload(messages, span))
    assert keys == (own,)
    assert item["parent_id"] == ""


SERIES = {
    "metric": "floe.gauge",
    "type": 3,
    "unit": "second",
    "tags": ["canary:c1", "url:http://x", "lonely"],
    "points": [{"timestamp": 5, "value": 1.5}, {"timestamp": 6, "value": 2.5}],
    "resources": [{"type": "host", "name": "x"}],
}
POINT = {
    "name": "floe.gauge",
    "type": "gauge",
    "unit": "second",
    "resource": {"host": "x"},
    "attributes": {"canary": "c1", "url": "http://x", "lonely": ""},
}


def test_series_in_both_encodings(messages: Messages, decoders: Decoders) -> None:
    made = messages.empty("sandbox.datadog.MetricPayload")
    made.series.add(**SERIES)
    for body, kind in (
        (json.dumps({"series": [SERIES]}).encode(), JSON),
        (made.SerializeToString(), PROTOBUF),
    ):
        assert decode(decoders, "datadog-series", body, kind) == [
            (("floe.gauge", "c1", "http://x"), {**POINT, "value": 1.5, "time": 5}),
            (("floe.gauge", "c1", "http://x"), {**POINT, "value": 2.5, "time": 6}),
        ]


def test_a_distribution(messages: Messages, decoders: Decoders) -> None:
    made = messages.empty("sandbox.datadog.SketchPayload")
    sketch = made.sketches.add(metric="floe.histogram", host="x", tags=["canary:c1"])
    sketch.dogsketches.add(ts=5, cnt=2, min=1, max=2.5, sum=3.5)
    ((keys, item),) = decode(decoders, "datadog-sketches", made.SerializeToString())
    assert keys == ("floe.histogram", "c1")
    assert (item["type"], item["value"], item["count"]) == ("distribution", 3.5, 2)
    assert (item["min"], item["max"]) == (1.0, 2.5)


OUTER = {
    "message": "hello",
    "status": "warn",
    "service": "svc",
    "hostname": "x",
    "ddsource": "otlp",
    "ddtags": "env:prod,canary:c1",
    "otel.trace_id": "ab" * 16,
    "otel.span_id": "cd" * 8,
    "n": 1,
}


@pytest.mark.parametrize(
    "log",
    [
        OUTER,
        {  # as the Collector's exporter has it: all of the record is in the message
            "message": json.dumps({k: v for k, v in OUTER.items() if not k.startswith("dd")}),
            "ddsource": "otlp",
            "ddtags": "env:prod,canary:c1",
            "status": "info",
        },
    ],
)
@pytest.mark.parametrize("wrap", [lambda log: [log], lambda log: log])
def test_a_log(decoders: Decoders, log: dict[str, Any], wrap: Any) -> None:
    ((keys, item),) = decode(decoders, "datadog-logs", json.dumps(wrap(log)).encode())
    assert (item["body"], item["severity"], item["service"]) == ("hello", "warn", "svc")
    assert (item["trace_id"], item["span_id"]) == ("ab" * 16, "cd" * 8)
    assert item["attributes"].items() >= {"env": "prod", "canary": "c1", "n": 1}.items()
    assert item["resource"]["source"] == "otlp"
    assert {"ab" * 16, "c1"} <= set(keys)


@pytest.mark.parametrize("message", ["{broken", "{" * 50_000, "[1]", "", None, 5])
def test_a_message_that_is_no_object_is_text(decoders: Decoders, message: Any) -> None:
    body = json.dumps([{"message": message}]).encode()
    ((_, item),) = decode(decoders, "datadog-logs", body)
    assert item["body"] == message


@pytest.mark.parametrize(
    ("name", "kind", "body"),
    [
        ("datadog-traces", PROTOBUF, b"\xff\xff"),
        ("datadog-series", PROTOBUF, b"\xff\xff"),
        ("datadog-sketches", PROTOBUF, b"\xff\xff"),
        ("datadog-series", JSON, b"{"),
        ("datadog-series", JSON, b"{}"),
        ("datadog-series", JSON, b"[]"),
        ("datadog-series", JSON, b'{"series": [{"metric": "m", "points": [1]}]}'),
        ("datadog-series", JSON, b'{"series": [{"metric": "m", "type": "gauge", "points": []}]}'),
        ("datadog-series", JSON, b'{"series": [{"metric": "m", "tags": [1], "points": [{}]}]}'),
        ("datadog-logs", JSON, b"text"),
        ("datadog-logs", JSON, b"[1]"),
    ],
)
def test_what_is_no_payload_is_refused(
    decoders: Decoders, name: str, kind: str, body: bytes
) -> None:
    with pytest.raises(Refused) as caught:
        decode(decoders, name, body, kind)
    assert caught.value.status == 400
