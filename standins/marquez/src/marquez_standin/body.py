"""The body of a request: from bytes to JSON, in the encodings that the real server reads."""

from __future__ import annotations

import json
import re
import zlib
from typing import TYPE_CHECKING, Any, NoReturn, TypeAlias

from marquez_standin.errors import error

if TYPE_CHECKING:
    from collections.abc import Callable

    Header: TypeAlias = Callable[[str], str | None]

_WORD = r"[^\s/;,=\"]+"
_MEDIA_TYPE = re.compile(
    rf"\s*(?P<type>{_WORD}/{_WORD})\s*(?:;\s*(?:{_WORD}=(?:{_WORD}|\"[^\"]*\")\s*)?)*"
)
_GZIP = zlib.MAX_WBITS | 16
# An escaped half of a surrogate pair without its other half; the first group is left alone.
_HALVES = re.compile(
    r"(\\\\|\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2})"
    r"|\\u[dD][89a-fA-F][0-9a-fA-F]{2}"
)
_WHITE = " \t\r\n"
BLANK = "".join(map(chr, range(0x21)))
"""What the real server trims off a text."""


class Repeated(dict[str, Any]):
    """An object with a key that is there twice: the last value counts, all are checked."""

    earlier: tuple[tuple[str, Any], ...] = ()


def read(data: bytes, header: Header) -> Any:
    """Read the body of a request; an empty one is None.

    What stands behind the first JSON value is ignored; of a key that is there twice the
    last value counts.

    Args:
        data: The body as it was sent.
        header: Gives a header of the request, or None.

    Returns:
        The JSON value.

    Raises:
        ApiError: 400 or 415 for the type of the content, 500 for what cannot be read.
    """
    _check_type(header("Content-Type"))
    text = _decoded(_unpacked(data, header("Content-Encoding") or ""))
    text = _HALVES.sub(lambda found: found[1] or "?", text.lstrip(_WHITE))
    if not text:
        return None
    try:
        value, _ = _DECODER.raw_decode(text)
    except (ValueError, RecursionError) as problem:
        raise error(500, f"the body is not JSON: {problem}") from problem
    return value


def _check_type(kind: str | None) -> None:
    if kind is None:
        raise error(415, "the request has no Content-Type: it must be application/json")
    found = _MEDIA_TYPE.fullmatch(kind)
    if found is None:
        raise error(400, f"{kind!r} is not a Content-Type")
    if found["type"].lower() != "application/json":
        raise error(415, f"the Content-Type must be application/json, not {found['type']}")


def _unpacked(data: bytes, encoding: str) -> bytes:
    """The body without gzip; the real server reads every other encoding as plain."""
    if encoding.strip().lower() != "gzip":
        return data
    unpacker = zlib.decompressobj(_GZIP)
    try:
        unpacked = unpacker.decompress(data)
    except zlib.error as problem:
        raise error(500, f"the body is not gzip: {problem}") from problem
    if not unpacker.eof:
        raise error(500, "the gzip of the body is cut short")
    return unpacked


def _decoded(data: bytes) -> str:
    """UTF-8, UTF-16 or UTF-32, whatever the Content-Type says of it."""
    try:
        text = data.decode(json.detect_encoding(data), "surrogatepass").removeprefix("\ufeff")
    except UnicodeDecodeError as problem:
        raise error(500, f"the body cannot be decoded: {problem}") from problem
    return text.encode(errors="replace").decode()


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) == len(pairs):
        return value
    repeated = Repeated(value)
    repeated.earlier = tuple(pairs)
    return repeated


def _number(text: str) -> float | str:
    """A fraction; one that no double can hold is a text, as the real server prints it."""
    number = float(text)
    return f"{number}".replace("inf", "Infinity") if number in _INFINITE else number


def _constant(text: str) -> NoReturn:
    raise ValueError(text)


_INFINITE = (float("inf"), float("-inf"))
_DECODER = json.JSONDecoder(
    object_pairs_hook=_object, parse_float=_number, parse_constant=_constant
)
