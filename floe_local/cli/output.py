"""How results and progress reach the terminal."""

from __future__ import annotations

import codecs
import json
import re
import sys
from typing import TYPE_CHECKING, Any, TextIO

from floe_local.errors import MachineError, on_path

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from pydantic import BaseModel
    from rich.console import Console

SCHEMA = "floe-local/v1"
_PIPE_WIDTH = 500
STDOUT = "standard output"
_SURROGATE = re.compile("[\ud800-\udfff]")
"""In a name that is not UTF-8."""


def console() -> Console:
    """A terminal, without colours where NO_COLOR or a pipe says so."""
    from rich.console import Console

    width = None if sys.stdout.isatty() else _PIPE_WIDTH
    return Console(width=width, highlight=False, emoji=False, markup=False)


def write(text: str) -> None:
    """Plain text to stdout, as it is."""
    with on_path(STDOUT):
        sys.stdout.write(text if text.endswith("\n") else f"{text}\n")


def write_file(file: Path, text: str) -> None:
    """A result to a file.

    Raises:
        MachineError: it cannot be written.
    """
    try:
        file.write_text(text, encoding="utf-8", errors="backslashreplace")
    except OSError as error:
        raise MachineError("output", f"cannot write {file}: {error.strerror}") from error


def warn(warnings: Iterable[str]) -> None:
    """Warnings to stderr, a line each."""
    sys.stderr.writelines(f"warning: {warning}\n" for warning in warnings)


def write_json(command: str, body: BaseModel | dict[str, Any], *, ok: bool = True) -> None:
    """The one JSON document of a command: the body's fields behind schema, command, ok."""
    fields = body if isinstance(body, dict) else body.model_dump(mode="json")
    document = {"schema": SCHEMA, "command": command, "ok": ok, **fields}
    text = json.dumps(document, indent=2, ensure_ascii=False)
    plain = _takes_unicode(sys.stdout) and not _SURROGATE.search(text)
    write(text if plain else json.dumps(document, indent=2))


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
    from rich.text import Text

    table = Table(box=None, pad_edge=False)
    for left, heading in zip(range(len(headings), 0, -1), headings, strict=True):
        table.add_column(heading, overflow="fold", no_wrap=left > folding)
    for row in rows:
        table.add_row(*(Text(str(cell)) for cell in row))
    with on_path(STDOUT):
        console().print(table)
