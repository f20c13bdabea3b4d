"""Request bodies: JSON, and the messages of the real server for what is no JSON."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from marquez_standin.errors import ApiError, error

if TYPE_CHECKING:
    from collections.abc import Sequence

_SOURCE = (
    "[Source: (org.glassfish.jersey.message.internal."
    "ReaderInterceptorExecutor$UnCloseableInputStream); line: {line}, column: {column}]"
)


def parse(text: str) -> Any:
    """Parse a body; an empty one is None.

    Args:
        text: The body, decoded.

    Returns:
        The JSON value.

    Raises:
        ApiError: If it is no JSON: the status 500 with the code 400, as the real server has it.
    """
    if not text.strip():
        return None
    try:
        return json.loads(text)
    except json.JSONDecodeError as problem:
        raise _unreadable_json(text, problem) from problem


def _unreadable_json(text: str, problem: json.JSONDecodeError) -> ApiError:
    if problem.pos >= len(text.rstrip()):
        start = _SOURCE.format(line=1, column=1)
        message = (
            f"Unexpected end-of-input: expected close marker for Object (start marker at {start})"
        )
        return unreadable(message, text, len(text))
    found = text[problem.pos]
    expected = "expected a value"
    if "property name" in problem.msg:
        expected = "was expecting double-quote to start field name"
    message = f"Unexpected character ('{found}' (code {ord(found)})): {expected}"
    return unreadable(message, text, problem.pos + 1)


def unreadable(message: str, text: str, position: int, chain: Sequence[str] = ()) -> ApiError:
    """The answer to a body that cannot be read.

    Args:
        message: What is wrong.
        text: The body.
        position: Where, as an index into the body.
        chain: The keys that lead there, outermost first.
    """
    line = text.count("\n", 0, position) + 1
    column = position - text.rfind("\n", 0, position)
    trail = f" (through reference chain: {'->'.join(chain)})" if chain else ""
    return error(500, f"{message}\n at {_SOURCE.format(line=line, column=column)}{trail}", code=400)


def position_of(text: str, key: str) -> int | None:
    """Where the value of a top-level key starts in the text of a JSON object, or None."""
    decoder = json.JSONDecoder()
    place = text.index("{") + 1
    while (quote := text.find('"', place)) >= 0:
        name, after = decoder.raw_decode(text, quote)
        value = _skip(text, after, " \t\r\n:")
        if name == key:
            return value
        _, end = decoder.raw_decode(text, value)
        place = end
    return None


def _skip(text: str, place: int, ignored: str) -> int:
    while text[place] in ignored:
        place += 1
    return place


def end_of(text: str) -> int:
    """Where the closing brace of a JSON object is."""
    return len(text.rstrip()) - 1
