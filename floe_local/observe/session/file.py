"""The session file: NDJSON, a header and a line for each item (docs/run.md)."""

from __future__ import annotations

import json
from dataclasses import asdict, fields
from typing import TYPE_CHECKING, Any

from floe_local.errors import InputError
from floe_local.observe.session.model import (
    ITEMS,
    VERSION,
    About,
    Event,
    LogRecord,
    Metric,
    ObservedSession,
    Span,
    TakenRequest,
    TapFault,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from floe_local.observe.session.model import Item

HEADER = "floe-local-session"
KINDS: dict[str, type[Item]] = {
    "request": TakenRequest,
    "span": Span,
    "metric": Metric,
    "log": LogRecord,
    "event": Event,
    "fault": TapFault,
}
"""What a line's `item` says → what it holds, in the order of `ITEMS`."""


def lines_of(session: ObservedSession) -> Iterator[str]:
    """Return a session as the lines of its file."""
    yield _line({HEADER: VERSION, **asdict(session.about)})
    for kind, field in zip(KINDS, ITEMS, strict=True):
        names = [f.name for f in fields(KINDS[kind])]
        for item in getattr(session, field):
            yield _line({"item": kind, **{name: getattr(item, name) for name in names}})


def is_header(content: Any) -> bool:
    """Tell whether a JSON value is the first line of a session file."""
    return isinstance(content, dict) and HEADER in content


def session_of(lines: Iterable[str], name: str) -> ObservedSession:
    """Read a session file; `name` is what errors call it.

    A session that was cut short is as much as was written.

    Raises:
        InputError: another version wrote it, or a line is not one of a session.
    """
    numbered = enumerate(lines, 1)
    about = _about(next(numbered, (1, ""))[1], name)
    items: dict[str, list[Any]] = {kind: [] for kind in KINDS}
    for number, line in numbered:
        if not line.endswith("\n"):  # the disk was full, or the writer was killed
            items["fault"].append(
                TapFault("session-cut-short", "the session file ends in the middle of a line", name)
            )
            break
        kind, item = _item(line, f"{name}:{number}")
        items[kind].append(item)
    found = {field: tuple(items[kind]) for kind, field in zip(KINDS, ITEMS, strict=True)}
    return ObservedSession(about=about, **found)


def _about(line: str, name: str) -> About:
    try:
        header = json.loads(line)
        version = header.pop(HEADER)
        if version == VERSION:
            return About(**{**header, "command": tuple(header["command"])})
    except (ValueError, AttributeError, KeyError, TypeError):
        raise _unreadable(f"{name}:1", "no header of a session file") from None
    raise InputError(
        "session-version",
        f"{name}: version {version} of the session file, and this floe-local reads {VERSION}",
        "record it again with this version of floe-local",
    )


def _item(line: str, place: str) -> tuple[str, Item]:
    try:
        content = json.loads(line)
        kind = content.pop("item")
        return kind, KINDS[kind](**content)
    except (ValueError, AttributeError, KeyError, TypeError):
        raise _unreadable(place, "no line of a session file") from None


def _unreadable(place: str, reason: str) -> InputError:
    return InputError("session-file", f"{place}: {reason}", "docs/run.md says what its lines hold")


def _line(content: dict[str, Any]) -> str:
    return json.dumps(content, ensure_ascii=False, separators=(",", ":")) + "\n"
