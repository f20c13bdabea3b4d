"""Exchanges → items of a session."""

from __future__ import annotations

import json
import struct
import zlib
from typing import TYPE_CHECKING
from urllib.parse import unquote

from floe_local.observe.session.model import Event, ObservedSession, TakenRequest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from floe_local.observe.tap.exchanges import Exchange

OPENLINEAGE = "openlineage"
OTLP = "otlp"
_FRAME = struct.Struct(">BI")
_GZIP_WBITS = 47
"""zlib's: gzip's or zlib's header, whichever is there."""
_MESSAGE = 300
_SECOND_NS = 10**9


def session_of(exchange: Exchange, number: int) -> ObservedSession:
    """Return the request, and what came with it; a body that cannot be read is its `problem`."""
    items, problem = ObservedSession(), exchange.problem
    if not problem and not exchange.sent_whole:
        problem = f"it was cut off after {len(exchange.body)} bytes"
    if not problem and exchange.method in {"POST", "PUT"}:
        try:
            items = _items(exchange, number)
        except (ValueError, zlib.error, RecursionError) as error:
            problem = str(error)
    request = _request(exchange, number, problem)
    return ObservedSession(
        requests=(request,), spans=items.spans, metrics=items.metrics, logs=items.logs,
        events=items.events,
    )  # fmt: skip


def _items(exchange: Exchange, number: int) -> ObservedSession:
    place = f"request {number}"
    if exchange.channel == OPENLINEAGE:
        content = json.loads(_plain(exchange))
        at = exchange.at / _SECOND_NS
        values = content if isinstance(content, list) else [content]
        many = len(values) > 1
        return ObservedSession(
            events=tuple(
                Event(value, f"{place}[{i}]" if many else place, number, at)
                for i, value in enumerate(values)
            )
        )
    from floe_local.observe.session import otlp  # noqa: PLC0415 - protobuf is slow to load

    signal = otlp.signal_of(exchange.path)
    if not signal:
        message = f"{exchange.path} is no path of OTLP"
        raise ValueError(message)
    if exchange.http2 and exchange.headers.get("content-type", "").startswith("application/grpc"):
        [*messages] = _messages(exchange)
        parts = [otlp.read_protobuf(signal, body, place, number) for body in messages]
        return parts[0] if parts else ObservedSession()
    body = _plain(exchange)
    if _is_json(exchange.headers, body):
        return otlp.read_json(json.loads(body or b"{}"), place, number)
    return otlp.read_protobuf(signal, body, place, number)


def _is_json(headers: dict[str, str], body: bytes) -> bool:
    return "json" in headers.get("content-type", "") or body[:1] == b"{"


def _messages(exchange: Exchange) -> Iterator[bytes]:
    """The messages of a gRPC request; each is compressed or not."""
    body, at = bytes(exchange.body), 0
    while at < len(body):
        if len(body) - at < _FRAME.size:
            message = "a gRPC message without its length"
            raise ValueError(message)
        compressed, length = _FRAME.unpack_from(body, at)
        at += _FRAME.size
        content = body[at : at + length]
        if len(content) < length:
            message = f"a gRPC message of {length} bytes has {len(content)}"
            raise ValueError(message)
        at += length
        encoding = exchange.headers.get("grpc-encoding", "identity") if compressed else "identity"
        yield decompressed(content, encoding)


def _plain(exchange: Exchange) -> bytes:
    return decompressed(bytes(exchange.body), exchange.headers.get("content-encoding", "identity"))


def decompressed(body: bytes, encoding: str) -> bytes:
    """Return a body without its compression, as a header names it.

    Raises:
        ValueError: nobody knows that compression.
        zlib.error: it is not compressed so.
    """
    if encoding.strip().lower() in {"", "identity"}:
        return body
    if encoding.strip().lower() in {"gzip", "deflate", "x-gzip"}:
        return zlib.decompress(body, _GZIP_WBITS)
    message = f"floe-local does not know the compression {encoding!r}"
    raise ValueError(message)


def _request(exchange: Exchange, number: int, problem: str) -> TakenRequest:
    status, acknowledged, message = _answer(exchange)
    rejected = 0
    if acknowledged and exchange.channel == OTLP and exchange.answer:
        rejected, partial = _partial(exchange)
        message = partial or message
    ended = exchange.answered_at
    return TakenRequest(
        number=number,
        at=exchange.at / _SECOND_NS,
        channel=exchange.channel if exchange.channel == OPENLINEAGE else _protocol(exchange),
        path=exchange.path,
        size=len(exchange.body),
        status=status,
        acknowledged=acknowledged and not rejected,
        rejected=rejected,
        message=message[:_MESSAGE],
        problem=problem,
        seconds=None if ended is None else (ended - exchange.at) / _SECOND_NS,
    )


def _protocol(exchange: Exchange) -> str:
    return "otlp-grpc" if exchange.http2 else "otlp-http"


def _answer(exchange: Exchange) -> tuple[str, bool, str]:
    """The answer's status, whether it takes the request, and what it says besides."""
    grpc = exchange.answer_headers.get("grpc-status")
    if grpc is not None:
        message = unquote(exchange.answer_headers.get("grpc-message", ""))
        return f"gRPC {grpc}", grpc == "0", message
    if not exchange.status or exchange.answered_at is None:
        return "", False, ""
    taken = exchange.status // 100 == 2 and not exchange.http2  # noqa: PLR2004 - a class of HTTP's
    said = "" if taken else bytes(exchange.answer[:_MESSAGE]).decode("utf-8", "replace")
    return f"HTTP {exchange.status}", taken, said


def _partial(exchange: Exchange) -> tuple[int, str]:
    from floe_local.observe.session import otlp  # noqa: PLC0415 - protobuf is slow to load

    signal = otlp.signal_of(exchange.path)
    if not signal:
        return 0, ""
    body = bytes(exchange.answer)
    if exchange.http2:
        return otlp.partial_success(signal, body[_FRAME.size :], as_json=False)
    return otlp.partial_success(signal, body, as_json=_is_json(exchange.answer_headers, body))
