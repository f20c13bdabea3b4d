"""How results and progress reach the terminal."""

from __future__ import annotations

import codecs
import json
import re
import sys
from collections.abc import Callable
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, TextIO

from floe_local.errors import FloeError, on_path, writing
from floe_local.report import Tinted

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    from pydantic import BaseModel
    from rich.console import Console
    from rich.text import Text

SCHEMA = "floe-local/v1"
_PIPE_WIDTH = 500
_SENTENCES = {"detail", "hint", "reason", "warnings"}
STDOUT = "standard output"
_SURROGATE = re.compile("[\ud800-\udfff]")
"""In a name that is not UTF-8."""


_complete: ContextVar[Callable[[str], str]] = ContextVar("_complete", default=str)
"""What makes the commands in hints complete, while a command runs."""


@contextmanager
def completing_hints(complete: Callable[[str], str]) -> Iterator[None]:
    """Within it, hints are printed and raised with their commands complete.

    Args:
        complete: the session's, which knows the options that the command was given.
    """
    token = _complete.set(complete)
    try:
        yield
    except FloeError as error:
        error.reason, error.hint = complete(error.reason), complete(error.hint)
        raise
    finally:
        _complete.reset(token)


def console() -> Console:
    """A terminal, without colours where NO_COLOR or a pipe says so."""
    from rich.console import Console

    width = None if sys.stdout.isatty() else _PIPE_WIDTH
    return Console(width=width, highlight=False, emoji=False, markup=False)


def write(text: str) -> None:
    """Plain text to stdout, as it is."""
    with on_path(STDOUT):
        sys.stdout.write(text if text.endswith("\n") else f"{text}\n")


def say(text: str, style: str = "") -> None:
    """A sentence of floe-local's own to stdout: the commands in it can be pasted."""
    if not style:
        write(_complete.get()(text))
        return
    from rich.text import Text

    with on_path(STDOUT):
        console().print(Text(_complete.get()(text), style=style), soft_wrap=True)


def write_file(file: Path, text: str) -> None:
    """A report to a file.

    Raises:
        MachineError: it cannot be written.
    """
    with writing(file):
        file.write_text(_complete.get()(text), encoding="utf-8", errors="backslashreplace")


def warn(warnings: Iterable[str]) -> None:
    """Warnings to stderr, a line each."""
    sys.stderr.writelines(f"warning: {_complete.get()(warning)}\n" for warning in warnings)


def write_json(command: str, body: BaseModel | dict[str, Any], *, ok: bool = True) -> None:
    """The one JSON document of a command: the body's fields behind schema, command, ok."""
    fields = body if isinstance(body, dict) else body.model_dump(mode="json")
    text = document_text(command, fields, ok=ok)
    write(text if _takes_unicode(sys.stdout) else json.dumps(json.loads(text), indent=2))


def document_text(command: str, fields: dict[str, Any], *, ok: bool) -> str:
    """A command's JSON document as text; in ASCII where it holds what UTF-8 does not."""
    document = {"schema": SCHEMA, "command": command, "ok": ok, **_hints_complete(fields)}
    text = json.dumps(document, indent=2, ensure_ascii=False)
    return json.dumps(document, indent=2) if _SURROGATE.search(text) else text


def _hints_complete(value: Any, key: str = "") -> Any:
    """A document with the commands complete in what are sentences of floe-local's own."""
    if isinstance(value, dict):
        return {name: _hints_complete(inner, name) for name, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [_hints_complete(inner, key) for inner in value]
    return _complete.get()(value) if key in _SENTENCES and isinstance(value, str) else value


def _takes_unicode(stream: TextIO) -> bool:
    """Whether a stream is in UTF-8; of others, only what JSON escapes is sure to arrive."""
    return codecs.lookup(stream.encoding or "ascii").name == "utf-8"


def write_table(
    headings: Sequence[str], rows: Iterable[Sequence[object]], *, folding: int = 1
) -> None:
    """A table without borders; a pipe gets each row on one line.

    A terminal folds the last `folding` columns where they are too long. The others stay
    whole, so that a URL can be clicked and copied.
    """
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    for left, heading in zip(range(len(headings), 0, -1), headings, strict=True):
        table.add_column(heading, header_style="bold", overflow="fold", no_wrap=left > folding)
    for row in rows:
        table.add_row(*(_cell(cell) for cell in row))
    with on_path(STDOUT):
        console().print(table)


def _cell(value: object) -> Text:
    from rich.text import Text

    return Text(_complete.get()(str(value)), style=value.style if isinstance(value, Tinted) else "")
