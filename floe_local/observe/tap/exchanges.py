"""Bytes of connections → requests with their answers, for HTTP/1.1 and HTTP/2.

Nothing is answered here: the tap only looks on.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import h11
from hpack import Decoder, HPACKError
from hyperframe.exceptions import HyperframeError
from hyperframe.frame import (
    ContinuationFrame,
    DataFrame,
    Frame,
    GoAwayFrame,
    HeadersFrame,
    RstStreamFrame,
    SettingsFrame,
)

from floe_local.observe.tap.splice import HTTP2
from floe_local.observe.tap.spool import ANSWERED, CLOSED, FAILED, OPENED, SENT

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from floe_local.observe.tap.spool import Record

_KEPT = {"content-type", "content-encoding", "grpc-encoding", "grpc-status", "grpc-message"}
"""The headers that are looked at; no other is kept, least of all `authorization`."""

_BOTH_DONE = {h11.CLIENT: h11.DONE, h11.SERVER: h11.DONE}
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
_FRAME_HEAD = 9
_LARGEST_TABLE = 1 << 20


@dataclass
class Exchange:
    """One request and its answer, as far as they came."""

    channel: str
    at: int
    http2: bool = False
    path: str = ""
    method: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    body: bytearray = field(default_factory=bytearray)
    sent_whole: bool = False
    status: int = 0
    answer_headers: dict[str, str] = field(default_factory=dict)
    answer: bytearray = field(default_factory=bytearray)
    answered_at: int | None = None
    problem: str = ""


class Exchanges:
    """Gathers the exchanges of all connections from what a spool holds."""

    def __init__(self) -> None:
        self._channels: dict[int, str] = {}
        self._open: dict[int, _Http1 | _Http2] = {}
        self._faults: dict[int, str] = {}
        self._last: dict[int, Record] = {}
        self._answered: set[int] = set()

    def feed(self, records: Iterable[Record]) -> Iterator[Exchange]:
        """Return the exchanges that are complete with these records."""
        for record in records:
            yield from self._one(record)

    def finish(self) -> Iterator[Exchange]:
        """Return what is incomplete, once nothing more comes."""
        for connection in list(self._open):
            yield from self._close(connection)

    def _one(self, record: Record) -> Iterator[Exchange]:
        number = record.connection
        if record.kind == OPENED:
            self._channels[number] = record.data.decode()
        elif record.kind == FAILED:
            self._faults[number] = record.data.decode(errors="replace")
        elif record.kind == CLOSED:
            yield from self._close(number)
        else:
            if number not in self._open:
                kind = _Http2 if record.data.startswith(HTTP2) else _Http1
                self._open[number] = kind(self._channels.get(number, ""))
            self._last[number] = record
            for exchange in self._open[number].feed(record):
                self._answered.add(number)
                yield exchange

    def _close(self, number: int) -> Iterator[Exchange]:
        fault = self._faults.pop(number, "")
        last, connection = self._last.pop(number, None), self._open.pop(number, None)
        rest = list(connection.rest()) if connection else []
        has_requests = bool(rest) or number in self._answered
        if fault and last and last.kind == SENT and not has_requests:  # it never came to one
            channel = self._channels.get(number, "")
            rest = [Exchange(channel, last.at, http2=isinstance(connection, _Http2))]
        for exchange in rest:
            if not exchange.problem:
                exchange.problem = fault
            yield exchange
        self._answered.discard(number)


class _Http1:
    """One HTTP/1.1 connection."""

    def __init__(self, channel: str) -> None:
        self._channel = channel
        self._client = h11.Connection(h11.SERVER)  # it reads what a client sends
        self._server = h11.Connection(h11.CLIENT)
        self._waiting: list[Exchange] = []
        self._sending: Exchange | None = None
        self._broken: Exchange | None = None

    def feed(self, record: Record) -> Iterator[Exchange]:
        """Return the exchanges that are complete with this record."""
        if self._broken:
            return
        try:
            if record.kind == SENT:
                self._sent(record)
            elif record.kind == ANSWERED:
                yield from self._answered(record)
        except h11.ProtocolError as error:
            self._broken = self._sending or Exchange(self._channel, record.at)
            self._broken.problem = f"no HTTP: {error}"
            if self._broken not in self._waiting:
                self._waiting.append(self._broken)

    def _sent(self, record: Record) -> None:
        self._client.receive_data(record.data)
        for event in _events(self._client):
            if isinstance(event, h11.Request):
                self._sending = _of_request(self._channel, record.at, event)
                self._waiting.append(self._sending)
            elif isinstance(event, h11.Data) and self._sending:
                self._sending.body += event.data
            elif isinstance(event, h11.EndOfMessage):
                self._end_of_request()

    def _end_of_request(self) -> None:
        if self._sending:
            self._sending.sent_whole = True
        self._sending = None
        # For this parser the request is answered: the next may come.
        self._client.send(h11.Response(status_code=200, headers=[(b"content-length", b"0")]))
        self._client.send(h11.EndOfMessage())
        if self._client.states == _BOTH_DONE:
            self._client.start_next_cycle()

    def _answered(self, record: Record) -> Iterator[Exchange]:
        self._server.receive_data(record.data)
        while self._waiting:
            exchange = self._waiting[0]
            self._expect_answer(exchange.method)
            for event in _events(self._server):
                if isinstance(event, h11.Response):
                    exchange.status = event.status_code
                    exchange.answer_headers = _kept(event.headers)
                elif isinstance(event, h11.Data):
                    exchange.answer += event.data
                elif isinstance(event, h11.EndOfMessage):
                    exchange.answered_at = record.at
                    break
            else:
                return  # it goes on in a later record
            yield self._waiting.pop(0)
            if self._server.states != _BOTH_DONE:
                return  # it was the last one of this connection
            self._server.start_next_cycle()

    def _expect_answer(self, method: str) -> None:
        """Let the parser of answers know what was asked: HEAD has no body."""
        if self._server.our_state is h11.IDLE:
            plain = h11.Request(method=method, target=b"/", headers=[(b"host", b"x")])
            self._server.send(plain)
            self._server.send(h11.EndOfMessage())

    def rest(self) -> list[Exchange]:
        """Return what was never answered, or never whole."""
        return self._waiting


class _Http2:
    """One HTTP/2 connection: frames are read, flow control is the two ends' business."""

    def __init__(self, channel: str) -> None:
        self._channel = channel
        self._ways = {SENT: _Way(), ANSWERED: _Way()}
        self._ways[SENT].skip = len(PREFACE)
        self._streams: dict[int, Exchange] = {}
        self._broken = False

    def feed(self, record: Record) -> Iterator[Exchange]:
        """Return the exchanges that are complete with this record."""
        if self._broken:
            return
        way = self._ways[record.kind]
        try:
            for frame in way.frames(record.data):
                if record.kind == SENT:
                    self._sent(way, frame, record.at)
                else:
                    self._answered(way, frame, record.at)
                done = self._streams.get(frame.stream_id)
                if done and done.answered_at is not None:
                    yield self._streams.pop(frame.stream_id)
        except (HyperframeError, HPACKError, ValueError) as error:
            self._broken = True
            for exchange in self._streams.values():
                exchange.problem = f"no HTTP/2: {error}"

    def _sent(self, way: _Way, frame: Frame, at: int) -> None:
        if isinstance(frame, HeadersFrame | ContinuationFrame):
            headers = way.headers(frame)
            if headers is not None:
                exchange = Exchange(self._channel, at, http2=True, headers=_named(headers))
                exchange.path, exchange.method = (
                    headers.get(":path", ""),
                    headers.get(":method", ""),
                )
                self._streams.setdefault(frame.stream_id, exchange)
        exchange_of = self._streams.get(frame.stream_id)
        if exchange_of is None:
            return
        if isinstance(frame, DataFrame):
            exchange_of.body += frame.data
        if "END_STREAM" in frame.flags:
            exchange_of.sent_whole = True
        if isinstance(frame, RstStreamFrame):
            exchange_of.problem = "the client broke it off"
            exchange_of.answered_at = at

    def _answered(self, way: _Way, frame: Frame, at: int) -> None:
        exchange = self._streams.get(frame.stream_id)
        if isinstance(frame, HeadersFrame | ContinuationFrame):
            headers = way.headers(frame)
            if exchange and headers:
                if headers.get(":status", "").isdigit():
                    exchange.status = int(headers[":status"])
                exchange.answer_headers |= _named(headers)
        if exchange is None:
            return
        if isinstance(frame, DataFrame):
            exchange.answer += frame.data
        if isinstance(frame, RstStreamFrame):
            exchange.problem = "the server broke it off"
        if "END_STREAM" in frame.flags or isinstance(frame, RstStreamFrame):
            exchange.answered_at = at

    def rest(self) -> list[Exchange]:
        """Return what was never answered, or never whole."""
        return list(self._streams.values())


class _Way:
    """One direction of an HTTP/2 connection."""

    def __init__(self) -> None:
        self.skip = 0
        self._buffer = bytearray()
        self._decoder = Decoder()
        self._decoder.max_allowed_table_size = _LARGEST_TABLE  # the other end allowed what is used
        self._block = bytearray()
        self._ends_stream = False

    def frames(self, data: bytes) -> Iterator[Frame]:
        """Return the frames that are whole."""
        self._buffer += data
        if self.skip:
            if len(self._buffer) < self.skip:
                return
            del self._buffer[: self.skip]
            self.skip = 0
        at = 0
        try:
            while len(self._buffer) - at >= _FRAME_HEAD:
                head = memoryview(bytes(self._buffer[at : at + _FRAME_HEAD]))
                frame, length = Frame.parse_frame_header(head)
                end = at + _FRAME_HEAD + length
                if len(self._buffer) < end:
                    break
                body = bytes(self._buffer[at + _FRAME_HEAD : end])
                at = end
                if not isinstance(frame, SettingsFrame | GoAwayFrame):
                    frame.parse_body(memoryview(body))
                    yield frame
        finally:
            del self._buffer[:at]

    def headers(self, frame: HeadersFrame | ContinuationFrame) -> dict[str, str] | None:
        """Return a block's headers once it is whole; None: it goes on."""
        self._block += frame.data
        if "END_HEADERS" not in frame.flags:
            return None
        pairs = self._decoder.decode(bytes(self._block), raw=True)
        self._block.clear()
        return {_text(name): _text(value) for name, value, *_ in pairs}


def _events(parser: h11.Connection) -> Iterator[object]:
    """Yield what a parser makes of the bytes that it has, until it needs more."""
    while True:
        event = parser.next_event()
        if event is h11.NEED_DATA or event is h11.PAUSED or isinstance(event, h11.ConnectionClosed):
            return
        yield event


def _of_request(channel: str, at: int, request: h11.Request) -> Exchange:
    return Exchange(
        channel,
        at,
        path=request.target.decode("latin-1"),
        method=request.method.decode("latin-1"),
        headers=_kept(request.headers),
    )


def _kept(headers: Iterable[tuple[bytes, bytes]]) -> dict[str, str]:
    return _named({_text(name): _text(value) for name, value in headers})


def _named(headers: dict[str, str]) -> dict[str, str]:
    return {name: value for name, value in headers.items() if name.lower() in _KEPT}


def _text(value: bytes | str) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else value
