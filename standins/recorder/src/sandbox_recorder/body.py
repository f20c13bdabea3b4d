"""Uncompressed bodies, never more of them than the limit: a small one can hold a huge one."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING

import zstandard

from sandbox_recorder.refusals import Refused

if TYPE_CHECKING:
    from collections.abc import Callable

_CHUNK = 64 * 1024
_ZSTD_WINDOW = 8 * 1024 * 1024  # what decoders have to support, by RFC 8878
_GZIP, _DEFLATE = 31, 15  # zlib's names for the two headers


def plain_body(wire: bytes, encoding: str, limit: int) -> bytes:
    """Uncompress a body.

    Args:
        wire: What came over the wire.
        encoding: identity, gzip, deflate or zstd.
        limit: Bytes, uncompressed.

    Raises:
        Refused: 413 above the limit, 400 if it is not what the encoding says, 415 for an
            encoding that is not known here.
    """
    if encoding not in _READERS:
        raise Refused(415, f"content encoding {encoding!r} is not understood")
    if len(wire) > limit:  # nothing that is kept gets larger by being compressed
        raise Refused(413, f"the body is larger than {limit} bytes")
    try:
        plain = _READERS[encoding](wire, limit)
    except (zlib.error, zstandard.ZstdError) as problem:
        raise Refused(400, f"the body is not {encoding}: {problem}") from problem
    if len(plain) > limit:
        raise Refused(413, f"the body is larger than {limit} bytes")
    return plain


def _identity(wire: bytes, _limit: int) -> bytes:
    return wire


def _gzip(wire: bytes, limit: int) -> bytes:
    return _inflated(wire, limit, _GZIP)


def _deflate(wire: bytes, limit: int) -> bytes:
    return _inflated(wire, limit, _DEFLATE)


def _inflated(wire: bytes, limit: int, header: int) -> bytes:
    """Inflate one part after the other, up to one byte more than the limit."""
    plain = bytearray()
    while len(plain) <= limit:
        part = zlib.decompressobj(header)
        plain += part.decompress(wire, limit + 1 - len(plain))
        if len(plain) > limit:
            break
        if not part.eof:
            message = "it ends before its end"
            raise zlib.error(message)
        wire = part.unused_data
        if not wire:
            break
    return bytes(plain)


def _zstd(wire: bytes, limit: int) -> bytes:
    announced = zstandard.frame_content_size(wire)
    if announced > limit:
        return bytes(limit + 1)
    decompressor = zstandard.ZstdDecompressor(max_window_size=_ZSTD_WINDOW)
    with decompressor.stream_reader(wire, read_size=_CHUNK, read_across_frames=True) as stream:
        plain = stream.read(limit + 1)
    if len(plain) < announced:
        message = "it ends before its end"
        raise zstandard.ZstdError(message)
    return plain


_READERS: dict[str, Callable[[bytes, int], bytes]] = {
    "identity": _identity,
    "gzip": _gzip,
    "deflate": _deflate,
    "zstd": _zstd,
}
