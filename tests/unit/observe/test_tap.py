"""What passes the tap is in the session, whatever speaks and however badly."""

from __future__ import annotations

import gzip
import http.client
import json
import socket
import struct
from contextlib import suppress
from threading import Event, Thread
from time import monotonic
from typing import TYPE_CHECKING, Any

import grpc  # type: ignore[import-untyped]
import pytest
from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.events import StreamEnded
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)

from floe_local.observe.tap.exchanges import PREFACE, Exchanges
from floe_local.observe.tap.spool import ANSWERED, CLOSED, FAILED, OPENED, SENT, Record
from floe_local.observe.tap.tap import Tap
from tests.unit.observe.conftest import event
from tests.waiting import wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator

    from floe_local.observe.session.model import ObservedSession, TakenRequest

GRPC = "/opentelemetry.proto.collector.trace.v1.TraceService/Export"
TRACE, SPAN = bytes(range(16)), bytes(range(1, 9))


def spans(count: int = 1, size: int = 0) -> ExportTraceServiceRequest:
    request = ExportTraceServiceRequest()
    group = request.resource_spans.add()
    attribute = group.resource.attributes.add(key="service.name")
    attribute.value.string_value = "shop"
    scoped = group.scope_spans.add()
    for number in range(count):
        span = scoped.spans.add(
            trace_id=TRACE,
            span_id=(number + 1).to_bytes(8, "big"),
            name=f"span {number}",
            start_time_unix_nano=10**18,
            end_time_unix_nano=10**18 + 5,
        )
        if size:
            span.attributes.add(key="blob").value.string_value = "x" * size
    return request


def post(
    port: int, path: str, body: bytes, method: str = "POST", **headers: str
) -> tuple[int, bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    connection.request(method, path, body, named)
    answer = connection.getresponse()
    found = answer.status, answer.read()
    connection.close()
    return found


def taken(tap: Tap) -> ObservedSession:
    """All that came, once every connection is closed."""
    wait_for(lambda: tap.connections == 0, what="the connections' end")
    return tap.finish()


def only_request(session: ObservedSession) -> TakenRequest:
    [request] = session.requests
    return request


def test_an_event_is_taken_and_acknowledged(tap: Tap) -> None:
    status, _ = post(tap.lineage_port, "/api/v1/lineage", json.dumps(event()).encode())
    session = taken(tap)
    assert status == 201
    assert [one.content for one in session.events] == [event()]
    request = only_request(session)
    assert (request.channel, request.status, request.acknowledged) == (
        "openlineage",
        "HTTP 201",
        True,
    )


@pytest.mark.parametrize("encoding", ["identity", "gzip"])
def test_spans_come_by_http(tap: Tap, encoding: str) -> None:
    body = spans(3).SerializeToString()
    sent = gzip.compress(body) if encoding == "gzip" else body
    headers = {"Content_Type": "application/x-protobuf", "Content_Encoding": encoding}
    assert post(tap.otlp_port, "/v1/traces", sent, **headers)[0] == 200
    session = taken(tap)
    assert [span.name for span in session.spans] == ["span 0", "span 1", "span 2"]
    assert {span.service for span in session.spans} == {"shop"}
    assert only_request(session).channel == "otlp-http"


def test_spans_come_as_json(tap: Tap) -> None:
    span = {"traceId": TRACE.hex(), "spanId": SPAN.hex(), "name": "a"}
    body = json.dumps({"resourceSpans": [{"scopeSpans": [{"spans": [span]}]}]}).encode()
    assert post(tap.otlp_port, "/v1/traces", body, Content_Type="application/json") == (200, b"{}")
    assert [one.span_id for one in taken(tap).spans] == [SPAN.hex()]


@pytest.mark.parametrize("compression", [grpc.Compression.NoCompression, grpc.Compression.Gzip])
def test_spans_come_by_grpc(tap: Tap, compression: grpc.Compression) -> None:
    with grpc.insecure_channel(f"127.0.0.1:{tap.otlp_port}", compression=compression) as channel:
        export = channel.unary_unary(
            GRPC, response_deserializer=ExportTraceServiceResponse.FromString
        )
        for _ in range(2):
            assert export(spans(2).SerializeToString(), timeout=10) == ExportTraceServiceResponse()
    session = taken(tap)
    assert len(session.spans) == 4
    assert [(one.channel, one.status) for one in session.requests] == [("otlp-grpc", "gRPC 0")] * 2


def test_metrics_and_logs_come(tap: Tap) -> None:
    metrics = ExportMetricsServiceRequest()
    metric = metrics.resource_metrics.add().scope_metrics.add().metrics.add(name="rows")
    metric.gauge.data_points.add(as_int=3)
    logs = ExportLogsServiceRequest()
    record = logs.resource_logs.add().scope_logs.add().log_records.add(trace_id=TRACE)
    record.body.string_value = "done"
    kind = {"Content_Type": "application/x-protobuf"}
    post(tap.otlp_port, "/v1/metrics", metrics.SerializeToString(), **kind)
    post(tap.otlp_port, "/v1/logs", logs.SerializeToString(), **kind)
    session = taken(tap)
    assert [(one.name, one.kind, one.points) for one in session.metrics] == [("rows", "gauge", 1)]
    assert [(one.body, one.trace_id) for one in session.logs] == [("done", TRACE.hex())]


def test_a_large_frame_may_come_with_the_acknowledgement_that_allows_it(tap: Tap) -> None:
    """As gRPC's core sends them: in one segment, which h2 reads by the sizes of before."""
    body = spans(1, size=35_000).SerializeToString()
    client = H2Connection()
    client.initiate_connection()
    head = {":method": "POST", ":scheme": "http", ":authority": "x", ":path": GRPC}
    with socket.create_connection(("127.0.0.1", tap.otlp_port), timeout=10) as end:
        end.sendall(client.data_to_send())
        while client.max_outbound_frame_size < len(body):
            client.receive_data(end.recv(65536))
        client.send_headers(1, [*head.items(), ("content-type", "application/grpc")])
        client.send_data(1, struct.pack(">?I", False, len(body)) + body, end_stream=True)
        end.sendall(client.data_to_send())
        events: list[object] = []
        while not any(isinstance(one, StreamEnded) for one in events):
            events += client.receive_data(end.recv(65536) or pytest.fail("it hung up"))
    session = taken(tap)
    assert [request.status for request in session.requests] == ["gRPC 0"]
    assert len(session.spans) == 1


def test_a_batch_of_50_mb_is_taken_whole(tap: Tap) -> None:
    body = spans(50, size=1_000_000).SerializeToString()
    assert post(tap.otlp_port, "/v1/traces", body, Content_Type="application/x-protobuf")[0] == 200
    session = taken(tap)
    assert len(session.spans) == 50
    assert only_request(session).size == len(body)


def test_a_batch_of_50_mb_comes_by_grpc(tap: Tap) -> None:
    with grpc.insecure_channel(f"127.0.0.1:{tap.otlp_port}") as channel:
        body = spans(50, size=1_000_000).SerializeToString()
        channel.unary_unary(GRPC)(body, timeout=60)
    session = taken(tap)
    assert len(session.spans) == 50
    assert only_request(session).acknowledged


@pytest.mark.parametrize(
    ("kind", "status", "problem", "count"),
    [
        ("application/x-protobuf", 200, "", 1),
        ("application/x-protobuf; charset=utf-8", 200, "", 1),
        ("application/json", 200, "utf-8", 0),
        ("text/plain", 415, "", 1),
        ("", 415, "", 1),
    ],
)
def test_a_content_type_that_a_collector_does_not_take(
    tap: Tap, kind: str, status: int, problem: str, count: int
) -> None:
    answered = post(tap.otlp_port, "/v1/traces", spans().SerializeToString(), Content_Type=kind)
    assert answered[0] == status
    session = taken(tap)
    request = only_request(session)
    assert request.acknowledged == (status == 200)
    assert problem in request.problem
    assert len(session.spans) == count


BAD = {
    "invalid protobuf": ("/v1/traces", b"\xff\xff\xff", {}, "no OTLP traces in protobuf"),
    "a JSON that is cut": (
        "/v1/traces",
        b'{"resourceSpans": [',
        {"Content_Type": "application/json"},
        "",
    ),
    "no OTLP JSON": (
        "/v1/traces",
        b'{"a": 1}',
        {"Content_Type": "application/json"},
        "no OTLP JSON",
    ),
    "spans of a wrong shape": (
        "/v1/traces",
        b'{"resourceSpans": [1]}',
        {"Content_Type": "application/json"},
        "",
    ),
    "a compression that is none": (
        "/v1/traces",
        b"abc",
        {"Content_Encoding": "gzip"},
        "header check",
    ),
    "a compression that nobody knows": (
        "/v1/traces",
        b"abc",
        {"Content_Encoding": "zst"},
        "does not know the compression 'zst'",
    ),
    "a path of nobody": ("/v9/traces/of", b"abc", {}, ""),
}


@pytest.mark.parametrize("case", BAD)
def test_what_cannot_be_read_is_a_problem_of_its_request(tap: Tap, case: str) -> None:
    path, body, headers, said = BAD[case]
    post(tap.otlp_port, path, body, **headers)
    session = taken(tap)
    request = only_request(session)
    assert request.problem or not request.acknowledged
    assert said in request.problem
    assert session.empty


@pytest.mark.parametrize("body", [b"", b"{", b"\xff", b"[[[[" * 100_000])
def test_an_event_that_is_no_json_is_a_problem_of_its_request(tap: Tap, body: bytes) -> None:
    assert post(tap.lineage_port, "/api/v1/lineage", body)[0] == 201
    assert only_request(taken(tap)).problem


def send(port: int, data: bytes) -> bytes:
    """Send bytes, close that side, and read what comes."""
    with socket.create_connection(("127.0.0.1", port), timeout=10) as end:
        end.sendall(data)
        end.shutdown(socket.SHUT_WR)
        answer = b""
        while part := end.recv(65536):
            answer += part
    return answer


def test_a_request_that_is_cut_off_says_so(tap: Tap) -> None:
    send(tap.otlp_port, b"POST /v1/traces HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\r\nabc")
    request = only_request(taken(tap))
    assert request.problem == "it was cut off after 3 bytes"
    assert not request.acknowledged


@pytest.mark.parametrize(
    "data",
    [
        b"\x16\x03\x01\x02\x00\x01\x00",
        b"hello\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\xff" * 40,
    ],
)
def test_what_is_no_http_ends_and_is_named(tap: Tap, data: bytes) -> None:
    send(tap.otlp_port, data)
    session = taken(tap)
    assert session.empty
    assert all(not request.acknowledged for request in session.requests)


def test_a_connection_that_says_nothing_is_no_request(tap: Tap) -> None:
    send(tap.otlp_port, b"")
    assert taken(tap).requests == ()


def test_what_has_no_end_holds_nothing_up(tap: Tap) -> None:
    head = b"POST /api/v1/lineage HTTP/1.1\r\nhost: x\r\ncontent-length: 10\r\n\r\n"
    with socket.create_connection(("127.0.0.1", tap.lineage_port)) as end:
        end.sendall(head)
        wait_for(lambda: tap.connections == 1, what="the connection")
        tap.settle(0.2)
        session = tap.finish()
    assert [fault.code for fault in session.faults] == ["still-connected"]
    assert only_request(session).status == ""


def trickled(port: int, data: bytes) -> bytes:
    """What comes for bytes that are sent one by one."""
    with socket.create_connection(("127.0.0.1", port), timeout=10) as end:
        end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for byte in data:
            end.sendall(bytes([byte]))
        return end.recv(65536)


def test_a_client_that_trickles_is_taken_whole(tap: Tap) -> None:
    body = json.dumps(event()).encode()
    head = f"POST /api/v1/lineage HTTP/1.1\r\nhost: x\r\ncontent-length: {len(body)}\r\n\r\n"
    assert trickled(tap.lineage_port, head.encode() + body).startswith(b"HTTP/1.1 201 ")
    batch = spans(2).SerializeToString()
    head = "POST /v1/traces HTTP/1.1\r\nhost: x\r\ncontent-type: application/x-protobuf\r\n"
    head += f"content-length: {len(batch)}\r\n\r\n"
    assert trickled(tap.otlp_port, head.encode() + batch).startswith(b"HTTP/1.1 200 ")
    session = taken(tap)
    assert ([one.content for one in session.events], len(session.spans)) == ([event()], 2)
    assert all(request.acknowledged for request in session.requests)


@pytest.mark.parametrize("said", [b"", b"P", b"PRI * HT", b"POST /v1/tra"])
def test_a_client_that_stalls_holds_nothing_up(tap: Tap, said: bytes) -> None:
    with socket.create_connection(("127.0.0.1", tap.otlp_port), timeout=10) as end:
        end.sendall(said)
        wait_for(lambda: tap.connections == 1, what="the connection")
        begun = monotonic()
        tap.settle(0.2)
        session = tap.finish()
        assert monotonic() - begun < 5
        assert end.recv(1 << 16).startswith((b"", b"\0"))  # it is told of the end
    assert [fault.code for fault in session.faults] == ["still-connected"]
    assert not any(request.acknowledged for request in session.requests)


def without_end(port: int, over: Event) -> None:
    """Send one request in chunks, for ever."""
    chunk = b"1000\r\n" + bytes(0x1000) + b"\r\n"
    head = b"POST /v1/traces HTTP/1.1\r\nhost: x\r\ncontent-type: application/x-protobuf\r\n"
    with socket.create_connection(("127.0.0.1", port), timeout=10) as end:
        end.sendall(head + b"transfer-encoding: chunked\r\n\r\n")
        with suppress(OSError):
            while not over.is_set():
                end.sendall(chunk)
    over.set()


def test_a_stream_that_never_ends_is_cut_off(tap: Tap) -> None:
    over = Event()
    Thread(target=without_end, args=(tap.otlp_port, over), daemon=True).start()
    wait_for(lambda: tap.size > 100_000, what="a part of the stream")
    tap.settle(0.3)
    session = tap.finish()
    assert over.wait(10)
    assert [fault.code for fault in session.faults] == ["still-connected"]
    assert only_request(session).problem.startswith("it was cut off after ")


def test_a_grpc_stream_that_never_ends_is_cut_off(tap: Tap) -> None:
    def forever() -> Iterator[bytes]:
        while not over.is_set():
            yield spans().SerializeToString()

    over = Event()
    with grpc.insecure_channel(f"127.0.0.1:{tap.otlp_port}") as channel:
        call = channel.stream_unary(GRPC).future(forever(), timeout=30)
        wait_for(lambda: tap.size > 10_000, what="a part of the stream")
        tap.settle(0.3)
        session = tap.finish()
        over.set()
        assert call.exception(timeout=10)
    assert only_request(session).problem.startswith("it was cut off after ")
    assert [fault.code for fault in session.faults] == ["still-connected"]


def test_requests_that_do_not_wait_for_answers(tap: Tap) -> None:
    request = b"POST /api/v1/lineage HTTP/1.1\r\nhost: x\r\ncontent-length: 2\r\n\r\n{}"
    assert send(tap.lineage_port, request * 5).count(b"HTTP/1.1 201 ") == 5
    session = taken(tap)
    assert [one.status for one in session.requests] == ["HTTP 201"] * 5
    assert len(session.events) == 5


def test_answers_that_come_after_the_next_request() -> None:
    request = b"POST /%d HTTP/1.1\r\nhost: x\r\ncontent-length: 0\r\n\r\n"
    answer = b"HTTP/1.1 20%d x\r\ncontent-length: 0\r\n\r\n"
    kinds = ((SENT, 1), (SENT, 2), (ANSWERED, 1), (ANSWERED, 2), (SENT, 3), (ANSWERED, 3))
    data = {SENT: request, ANSWERED: answer}
    records = [Record(kind, 1, 0, data[kind] % number) for kind, number in kinds]
    found = [(one.path, one.status) for one in Exchanges().feed(records)]
    assert found == [("/1", 201), ("/2", 202), ("/3", 203)]


@pytest.mark.parametrize(("answered", "statuses"), [(True, [200]), (False, [0])])
def test_a_client_that_hangs_up_after_its_answer_has_sent_no_more(
    answered: bool,  # noqa: FBT001 - a parameter of the test
    statuses: list[int],
) -> None:
    """Its last bytes may be a PING or an acknowledgement of settings, which nobody takes."""
    client, server = H2Connection(), H2Connection(H2Configuration(client_side=False))
    client.initiate_connection()
    asked = [(":method", "POST"), (":path", "/x"), (":scheme", "http"), (":authority", "x")]
    client.send_headers(1, asked, end_stream=True)
    request = client.data_to_send()
    server.receive_data(request)
    server.send_headers(1, [(":status", "200")], end_stream=True)
    client.ping(b"12345678")
    pieces = [(OPENED, b"otlp"), (SENT, request), (ANSWERED, server.data_to_send())]
    if not answered:
        pieces = [(OPENED, b"otlp"), (SENT, request[: len(PREFACE)])]
    pieces += [(SENT, client.data_to_send()), (FAILED, b"connection reset"), (CLOSED, b"")]
    records = [Record(kind, 1, 0, data) for kind, data in pieces]
    assert [one.status for one in Exchanges().feed(records)] == statuses


def test_many_send_at_once(tap: Tap) -> None:
    def work(number: int) -> None:
        for at in range(20):
            content = event(run_id=f"{number}-{at}")
            post(tap.lineage_port, "/api/v1/lineage", json.dumps(content).encode())

    threads = [Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    ids = {one.content["run"]["runId"] for one in taken(tap).events}
    assert ids == {f"{number}-{at}" for number in range(8) for at in range(20)}


def test_what_was_taken_is_not_taken_again(tap: Tap) -> None:
    post(tap.lineage_port, "/api/v1/lineage", json.dumps(event()).encode())
    wait_for(lambda: tap.connections == 0, what="the connection's end")
    assert len(tap.take().events) == 1
    post(tap.lineage_port, "/api/v1/lineage", json.dumps(event("START")).encode())
    [second] = taken(tap).events
    assert second.content["eventType"] == "START"
    assert second.request == 2


def test_a_part_may_be_taken_at_a_time(tap: Tap) -> None:
    for number in range(3):
        body = json.dumps(event(run_id=str(number))).encode()
        post(tap.lineage_port, "/api/v1/lineage", body)
    wait_for(lambda: tap.connections == 0, what="the connections' end")
    first = tap.take(tap.size // 2)
    assert 0 < len(first.events) < 3
    ids = [one.content["run"]["runId"] for one in (*first.events, *tap.take().events)]
    assert sorted(ids) == ["0", "1", "2"]


def test_no_credential_is_in_the_session(tap: Tap) -> None:
    post(
        tap.lineage_port,
        "/api/v1/lineage",
        json.dumps(event()).encode(),
        Authorization="Bearer s3cret",
    )
    assert "s3cret" not in repr(taken(tap))


def test_what_listens_behind_is_gone() -> None:
    def refuse(_first: bytes) -> socket.socket:
        raise ConnectionRefusedError(111, "Connection refused")

    with Tap(otlp=refuse) as tap:
        with pytest.raises((ConnectionError, http.client.HTTPException)):
            post(tap.otlp_port, "/v1/traces", spans().SerializeToString())
        request = only_request(taken(tap))
    assert request.problem == "Connection refused"
    assert not request.acknowledged


def test_a_grpc_client_that_cannot_be_connected_is_on_record() -> None:
    def refuse(_first: bytes) -> socket.socket:
        raise ConnectionRefusedError(111, "Connection refused")

    with Tap(otlp=refuse) as tap:
        send(tap.otlp_port, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes(9))
        request = only_request(taken(tap))
    assert (request.channel, request.problem) == ("otlp-grpc", "Connection refused")


def answered(status: int, body: bytes = b"", **headers: str) -> Any:
    """A receiver that answers every request so."""

    def dial(_first: bytes) -> socket.socket:
        ours, theirs = socket.socketpair()

        def serve() -> None:
            with ours:
                ours.recv(1 << 20)
                named = "".join(f"{k.replace('_', '-')}: {v}\r\n" for k, v in headers.items())
                ours.sendall(
                    f"HTTP/1.1 {status} x\r\n{named}content-length: {len(body)}\r\n\r\n".encode()
                    + body
                )
                ours.recv(1)

        Thread(target=serve, daemon=True).start()
        return theirs

    return dial


def test_an_answer_passes_as_it_is_and_is_on_record() -> None:
    with Tap(otlp=answered(503, b"busy", Retry_After="7")) as tap:
        connection = http.client.HTTPConnection("127.0.0.1", tap.otlp_port, timeout=10)
        connection.request("POST", "/v1/traces", spans().SerializeToString())
        answer = connection.getresponse()
        assert (answer.status, answer.headers["Retry-After"], answer.read()) == (503, "7", b"busy")
        connection.close()
        request = only_request(taken(tap))
    assert (request.status, request.message, request.acknowledged) == ("HTTP 503", "busy", False)


def test_a_partial_success_is_no_acknowledgement() -> None:
    body = ExportTraceServiceResponse()
    body.partial_success.rejected_spans = 1
    body.partial_success.error_message = "too old"
    kind = {"Content_Type": "application/x-protobuf"}
    with Tap(otlp=answered(200, body.SerializeToString(), **kind)) as tap:
        post(tap.otlp_port, "/v1/traces", spans(2).SerializeToString(), **kind)
        request = only_request(taken(tap))
    assert (request.rejected, request.message, request.acknowledged) == (1, "too old", False)
