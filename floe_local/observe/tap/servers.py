"""What a connection is joined with where no stack is: a sink that takes everything.

And the one for OpenLineage, which hands each event on. Both speak on one end of a pair of
sockets; the splicer has the other.
"""

from __future__ import annotations

import socket
from threading import Thread
from typing import TYPE_CHECKING, NamedTuple

from floe_local.observe.tap.splice import HTTP2

if TYPE_CHECKING:
    from collections.abc import Callable

_CHUNK = 256 * 1024
_WINDOW = 1 << 24
_HUGE_FRAME = 1 << 20
_EMPTY_MESSAGE = b"\0\0\0\0\0"
_GRPC_PATHS = "/opentelemetry.proto.collector."
_UNIMPLEMENTED = "12"
_KINDS = ("application/json", "application/x-protobuf")
"""The content types that a Collector takes."""


class PostedRequest(NamedTuple):
    """One HTTP request; header names are in lower case."""

    method: str
    path: str
    headers: tuple[tuple[str, str], ...]
    body: bytes

    def header(self, name: str) -> str:
        """The value of a header; empty: there is none."""
        return next((value for key, value in self.headers if key == name), "")


class Answer(NamedTuple):
    """Its answer."""

    status: int
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""


Handler = "Callable[[PostedRequest], Answer]"


def sink(first: bytes) -> socket.socket:
    """A connection with what takes all OTLP and answers as a Collector does."""
    return _served(_serve_grpc if first.startswith(HTTP2) else _serve_otlp)


def lineage_server(handler: Callable[[PostedRequest], Answer]) -> Callable[[bytes], socket.socket]:
    """A function that connects with an HTTP server which lets `handler` answer."""
    return lambda _first: _served(lambda end: _serve_http(end, handler))


def take_event(asked: PostedRequest) -> Answer:
    """Answer as a lineage backend does that takes every event."""
    if asked.method != "POST":
        return Answer(404)
    return Answer(201, (("content-type", "application/json"),), b"{}")


def _served(serve: Callable[[socket.socket], None]) -> socket.socket:
    ours, theirs = socket.socketpair()

    def run() -> None:
        with ours:
            try:
                serve(ours)
            except OSError:  # the client has gone
                return

    Thread(target=run, name="tap-sink", daemon=True).start()
    return theirs


def _serve_otlp(end: socket.socket) -> None:
    def handler(asked: PostedRequest) -> Answer:
        if asked.method != "POST" or not asked.path.partition("?")[0].startswith("/v1/"):
            return Answer(404)
        kind = asked.header("content-type").partition(";")[0].strip().lower()
        if kind not in _KINDS:
            supported = f"415 unsupported media type, supported: [{', '.join(_KINDS)}]"
            return Answer(415, (("content-type", "text/plain"),), supported.encode())
        return Answer(200, (("content-type", kind),), b"{}" if "json" in kind else b"")

    _serve_http(end, handler, reads_body=False)  # it may be long, or never end


def _serve_http(
    end: socket.socket, handler: Callable[[PostedRequest], Answer], *, reads_body: bool = True
) -> None:
    import h11  # noqa: PLC0415 - only when something comes

    connection = h11.Connection(h11.SERVER)
    try:
        while asked := _next_request(end, connection, reads_body=reads_body):
            answer = handler(asked)
            headers = [*answer.headers, ("content-length", str(len(answer.body)))]
            response = h11.Response(status_code=answer.status, headers=headers)
            data = connection.send(response) or b""
            data += connection.send(h11.Data(data=answer.body)) or b""
            end.sendall(data + (connection.send(h11.EndOfMessage()) or b""))
            if connection.our_state is not h11.DONE or connection.their_state is not h11.DONE:
                return
            connection.start_next_cycle()
    except h11.RemoteProtocolError as error:
        if connection.our_state in {h11.IDLE, h11.SEND_RESPONSE}:
            reason = str(error).encode("latin-1", "replace")
            head = f"HTTP/1.1 {error.error_status_hint} \r\nconnection: close\r\n"
            end.sendall(f"{head}content-length: {len(reason)}\r\n\r\n".encode() + reason)


def _next_request(
    end: socket.socket, connection: object, *, reads_body: bool
) -> PostedRequest | None:
    import h11  # noqa: PLC0415 - only when something comes

    assert isinstance(connection, h11.Connection)  # noqa: S101 - h11 is imported late
    request, body = None, []
    while True:
        event = connection.next_event()
        if event is h11.NEED_DATA:
            if connection.they_are_waiting_for_100_continue:
                end.sendall(
                    connection.send(h11.InformationalResponse(status_code=100, headers=[])) or b""
                )
            connection.receive_data(end.recv(_CHUNK))
        elif isinstance(event, h11.Request):
            request = event
        elif isinstance(event, h11.Data):
            body += [bytes(event.data)] if reads_body else []
        elif isinstance(event, h11.EndOfMessage) and request:
            headers = tuple((k.decode("latin-1"), v.decode("latin-1")) for k, v in request.headers)
            method, path = request.method.decode("latin-1"), request.target.decode("latin-1")
            return PostedRequest(method, path, headers, b"".join(body))
        else:
            return None


def _serve_grpc(end: socket.socket) -> None:
    from h2.config import H2Configuration  # noqa: PLC0415 - only when something comes
    from h2.connection import H2Connection  # noqa: PLC0415
    from h2.events import DataReceived, RequestReceived, StreamEnded  # noqa: PLC0415
    from h2.exceptions import ProtocolError  # noqa: PLC0415
    from h2.settings import SettingCodes  # noqa: PLC0415

    connection = H2Connection(H2Configuration(client_side=False, header_encoding="latin-1"))
    connection.initiate_connection()
    sizes: dict[SettingCodes | int, int] = {
        SettingCodes.INITIAL_WINDOW_SIZE: _WINDOW,
        SettingCodes.MAX_FRAME_SIZE: _HUGE_FRAME,
    }
    connection.update_settings(sizes)
    # h2 allows a size from the client's acknowledgement on, and not yet in the segment that has it.
    connection.max_inbound_frame_size = _HUGE_FRAME
    connection.increment_flow_control_window(_WINDOW)
    end.sendall(connection.data_to_send())
    paths: dict[int, str] = {}
    while data := end.recv(_CHUNK):
        try:
            for event in connection.receive_data(data):
                if isinstance(event, RequestReceived):
                    named = {str(name): str(value) for name, value in event.headers or ()}
                    paths[event.stream_id] = named.get(":path", "")
                elif isinstance(event, DataReceived):
                    length = event.flow_controlled_length
                    connection.acknowledge_received_data(length, event.stream_id)
                elif isinstance(event, StreamEnded):
                    path = paths.pop(event.stream_id, "")
                    _answer_grpc(connection, event.stream_id, path)
        except ProtocolError:
            end.sendall(connection.data_to_send())
            return
        end.sendall(connection.data_to_send())


def _answer_grpc(connection: object, stream: int, path: str) -> None:
    from h2.connection import H2Connection  # noqa: PLC0415 - only when something comes

    assert isinstance(connection, H2Connection)  # noqa: S101 - h2 is imported late
    known = path.startswith(_GRPC_PATHS)
    head = [(":status", "200"), ("content-type", "application/grpc")]
    if not known:
        status = [("grpc-status", _UNIMPLEMENTED), ("grpc-message", f"unknown service {path}")]
        connection.send_headers(stream, [*head, *status], end_stream=True)
        return
    connection.send_headers(stream, head)
    connection.send_data(stream, _EMPTY_MESSAGE)
    connection.send_headers(stream, [("grpc-status", "0"), ("grpc-message", "")], end_stream=True)
