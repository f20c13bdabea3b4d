"""Bodies are uncompressed up to their limit, and not a byte further."""

from __future__ import annotations

import gzip
import tracemalloc
import zlib
from typing import TYPE_CHECKING

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st
from sandbox_recorder.body import plain_body
from sandbox_recorder.refusals import Refused

if TYPE_CHECKING:
    from collections.abc import Callable

MIB = 1024 * 1024


def streamed(data: bytes) -> bytes:
    """Zstandard as a stream has it: nothing says how long it will be."""
    maker = zstandard.ZstdCompressor(write_content_size=False).compressobj()
    return maker.compress(data) + maker.flush()


PACKED: dict[str, Callable[[bytes], bytes]] = {
    "identity": bytes,
    "gzip": gzip.compress,
    "deflate": zlib.compress,
    "zstd": zstandard.ZstdCompressor().compress,
}


def refusal(wire: bytes, encoding: str, limit: int) -> Refused:
    with pytest.raises(Refused) as caught:
        plain_body(wire, encoding, limit)
    return caught.value


@pytest.mark.parametrize("encoding", PACKED)
@given(data=st.binary(max_size=3000))
def test_every_encoding_gives_the_body_back(encoding: str, data: bytes) -> None:
    assert plain_body(PACKED[encoding](data), encoding, 4096) == data


@pytest.mark.parametrize("encoding", PACKED)
def test_the_limit_itself_is_allowed(encoding: str) -> None:
    assert len(plain_body(PACKED[encoding](b"a" * 1000), encoding, 1000)) == 1000
    assert refusal(PACKED[encoding](b"a" * 1001), encoding, 1000).status == 413


@pytest.mark.parametrize(
    ("encoding", "pack"),
    [(name, pack) for name, pack in PACKED.items() if name != "identity"] + [("zstd", streamed)],
)
def test_a_bomb_does_not_fill_memory(encoding: str, pack: Callable[[bytes], bytes]) -> None:
    bomb = pack(bytes(64 * MIB))
    assert len(bomb) < MIB
    tracemalloc.start()
    try:
        assert refusal(bomb, encoding, 3 * MIB).status == 413
        assert tracemalloc.get_traced_memory()[1] < 16 * MIB
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "zstd"])
@pytest.mark.parametrize("spoil", [lambda wire: wire[:-9], lambda _: b"nonsense", lambda _: b""])
def test_what_is_not_what_it_says_is_refused(
    encoding: str, spoil: Callable[[bytes], bytes]
) -> None:
    wire = spoil(PACKED[encoding](bytes(range(256)) * 8))
    assert refusal(wire, encoding, MIB).status == 400


def test_parts_of_gzip_are_one_body() -> None:
    assert plain_body(gzip.compress(b"one") + gzip.compress(b"two"), "gzip", 100) == b"onetwo"
    assert refusal(gzip.compress(b"a" * 60) * 2, "gzip", 100).status == 413


def test_an_unknown_encoding_is_refused() -> None:
    assert refusal(b"x", "br", 100).status == 415


def test_a_window_of_zstandard_that_would_fill_memory_is_refused() -> None:
    wide = zstandard.ZstdCompressionParameters(window_log=27, write_content_size=False)
    maker = zstandard.ZstdCompressor(compression_params=wide).compressobj()
    wire = maker.compress(b"a") + maker.flush()
    assert refusal(wire, "zstd", 256 * MIB).status == 400
