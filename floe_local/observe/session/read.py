"""Reads what was recorded elsewhere: OpenLineage events, OTLP JSON, session files."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from floe_local.errors import InputError
from floe_local.observe.session.file import is_header, session_of
from floe_local.observe.session.model import Event, ObservedSession, TapFault, joined

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

_SUFFIXES = {".json", ".ndjson", ".jsonl"}
_DIGITS = re.compile(r"(\d+)")
_EXCERPT = 80


def read_files(paths: Iterable[Path]) -> ObservedSession:
    """Read files, and the JSON files of folders, in the order of their numbers.

    Raises:
        InputError: there is no such file, or a session file cannot be read.
    """
    return joined(
        read_text(_text(file), str(file))
        for path in paths
        for file in (sorted(_files(path), key=_natural) if path.is_dir() else [path])
    )


def read_text(text: str, name: str) -> ObservedSession:
    """Read one file's text; what is no JSON is a fault of the session.

    That may be a session file, one JSON value over many lines, or a value a line. A value is an
    OpenLineage event, an OTLP request, or a list of either.
    """
    lines = text.splitlines(keepends=True)
    if lines and is_header(_parsed(lines[0])):
        return session_of(lines, name)
    whole = _parsed(text)
    values = [(name, whole)] if whole is not None else _each(lines, name)
    return joined(part for place, value in values for part in _read(value, place))


def _read(value: Any, place: str) -> Iterator[ObservedSession]:
    """Read one JSON value as what it is."""
    if isinstance(value, list):
        for index, item in enumerate(value):
            yield from _read(item, f"{place}[{index}]")
    elif isinstance(value, TapFault):
        yield ObservedSession(faults=(value,))
    elif isinstance(value, dict) and any(key.startswith("resource") for key in value):
        yield _otlp(value, place)
    else:
        yield ObservedSession(events=(Event(content=value, place=place),))


def _otlp(value: dict[str, Any], place: str) -> ObservedSession:
    from floe_local.observe.session.otlp import read_json  # noqa: PLC0415 - protobuf is slow to load

    try:
        return read_json(value, place)
    except ValueError as error:
        return ObservedSession(faults=(TapFault("no-otlp", str(error), place),))


def _each(lines: list[str], name: str) -> Iterator[tuple[str, Any]]:
    for number, line in enumerate(lines, 1):
        if line.strip():
            try:
                yield f"{name}:{number}", json.loads(line)
            except (ValueError, RecursionError) as error:
                fault = f"no JSON: {error} in {line[:_EXCERPT].strip()!r}"
                yield f"{name}:{number}", TapFault("no-json", fault, f"{name}:{number}")


def _parsed(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):  # the latter: nested a thousand deep
        return None


def _files(folder: Path) -> list[Path]:
    found = [file for file in folder.iterdir() if file.suffix in _SUFFIXES and file.is_file()]
    if not found:
        raise InputError(
            "no-events",
            f"{folder} has no {', '.join(sorted(_SUFFIXES))} files",
            "name one that has",
        )
    return found


def _natural(path: Path) -> list[Any]:
    """Names by their numbers: 2 before 10."""
    return [int(part) if part.isdigit() else part for part in _DIGITS.split(path.name)]


def _text(path: Path) -> str:
    try:
        return path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not UTF-8"
        raise InputError("unreadable", f"{path}: {reason}", "name a file with events") from error
