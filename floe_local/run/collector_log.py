"""What the Collector, and other programs in Go that log by zap, write: messages, not stacks."""

from __future__ import annotations

import json
import re
from itertools import pairwise
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

_ENTRY = re.compile(
    r"^\S+\t(?P<level>debug|info|warn|error|dpanic|panic|fatal)\t(?:\S+\.go:\d+\t)?"
    r"(?P<message>[^\t]*)(?:\t(?P<fields>\{.*\}))?\s*$"
)
"""zap's console encoding: time, level, where in the code, message, fields as JSON."""

_FRAME = re.compile(r"^\t\S+\.(?:go|s):\d+(?: \+0x[0-9a-f]+)?\s*$")
"""The second line of a frame of a stack; the first names the function."""

_GOROUTINE = re.compile(r"^goroutine \d+ \[")
_COMPONENT = ("otelcol.component.id", "name")
_KIND = ("otelcol.component.kind", "kind")
_SIGNAL = ("otelcol.signal", "data_type")


class LogEntry(NamedTuple):
    """One message. `component` is the id of what wrote it, `kind` its kind (``exporter``).

    `signal` is what it was about (``traces``).
    """

    level: str
    message: str
    component: str
    kind: str
    signal: str
    error: str


def readable(lines: Sequence[str]) -> tuple[str, ...]:
    """Return what a person reads of a log: no stacks, of a message's fields only the error."""
    return tuple(_as_text(line) for line in _without_stacks(lines))


def export_errors(lines: Iterable[str]) -> dict[tuple[str, str], str]:
    """Return why each exporter could not send a signal last, by exporter id and signal."""
    entries = filter(None, map(_entry, lines))
    return {
        (one.component, one.signal): one.error
        for one in entries
        if one.kind == "exporter" and one.error
    }


def _as_text(line: str) -> str:
    entry = _entry(line)
    if entry is None:
        return line
    said = f"{entry.component}: {entry.error}" if entry.component and entry.error else entry.error
    about = said or entry.component
    return f"{entry.level}: {entry.message}" + (f" ({about})" if about else "")


def _entry(line: str) -> LogEntry | None:
    match = _ENTRY.match(line)
    if match:
        return _with(match["level"], match["message"], _parsed(match["fields"] or "{}"))
    fields = _parsed(line)
    if {"level", "msg"} <= fields.keys():
        return _with(str(fields["level"]), str(fields["msg"]), fields)
    return None


def _with(level: str, message: str, fields: dict[str, Any]) -> LogEntry:
    def first(names: Iterable[str]) -> str:
        return str(next((fields[name] for name in names if name in fields), ""))

    return LogEntry(
        level, message, first(_COMPONENT), first(_KIND), first(_SIGNAL), first(("error",))
    )


def _parsed(text: str) -> dict[str, Any]:
    try:
        fields = json.loads(text)
    except ValueError:
        return {}
    return fields if isinstance(fields, dict) else {}


def _without_stacks(lines: Sequence[str]) -> Iterator[str]:
    for line, following in pairwise([*lines, ""]):
        if not (_FRAME.match(line) or _FRAME.match(following) or _GOROUTINE.match(line)):
            yield line
