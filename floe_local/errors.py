"""The errors that floe-local raises on purpose.

Each says what happened and where (`reason`), what to do next (`hint`), and which
exit code the command line ends with. One boundary, `floe_local.cli.boundary`, prints them.
"""

from __future__ import annotations

import errno
import re
from contextlib import contextmanager
from enum import IntEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import os
    from collections.abc import Iterator

_UNPRINTABLE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
"""Control characters but newline and tab, what turns the direction of text, lone surrogates."""


def printable(text: str) -> str:
    r"""Text that a terminal shows and UTF-8 holds: other characters as ``\x1b``, ``\ud800``."""
    return _UNPRINTABLE.sub(lambda found: ascii(found[0])[1:-1], text)


@contextmanager
def on_path(path: str | os.PathLike[str]) -> Iterator[None]:
    """Let errors of the system name the file or folder: those of a full disk or a lock do not.

    Raises:
        OSError: as it came, with `filename`; text that is not UTF-8 is one (EILSEQ), too.
    """
    try:
        yield
    except OSError as error:
        if error.filename is None:
            error.filename = str(path)
        raise
    except UnicodeError as error:
        raise OSError(errno.EILSEQ, f"not UTF-8: {error}", str(path)) from error


@contextmanager
def writing(path: str | os.PathLike[str]) -> Iterator[None]:
    """Within it, a file that the user asked for is written.

    Raises:
        MachineError: ``output``: it cannot be.
    """
    try:
        with on_path(path):
            yield
    except OSError as error:
        reason = f"cannot write {error.filename}: {error.strerror}"
        raise MachineError("output", reason) from error


class ExitCode(IntEnum):
    """What the process's exit status means (docs/cli.md)."""

    OK = 0
    CHECK_FAILED = 1
    BAD_INPUT = 2
    ENVIRONMENT = 3
    NOT_READY = 4
    BUG = 70
    INTERRUPTED = 130


class FloeError(Exception):
    """Something that the user, the plugin's author or the machine can mend.

    Args:
        code: stable identifier in kebab case, e.g. ``port-taken``.
        reason: what happened and where (file, line, field); it is made printable.
        hint: what to do next; a command where there is one.
    """

    exit_code = ExitCode.BAD_INPUT

    def __init__(self, code: str, reason: str, hint: str = "") -> None:
        self.code = code
        self.reason = printable(reason)
        self.hint = printable(hint)
        super().__init__(self.reason)

    def as_dict(self) -> dict[str, str]:
        """Code, reason and hint, as JSON tells them."""
        return {"code": self.code, "reason": self.reason, "hint": self.hint}


class InputError(FloeError):
    """The manifest, a plugin, a blueprint or the command line is wrong (exit 2)."""

    exit_code = ExitCode.BAD_INPUT


class MachineError(FloeError):
    """The machine is not ready: no engine, no image, a taken port (exit 3)."""

    exit_code = ExitCode.ENVIRONMENT


class NotReadyError(FloeError):
    """The stack did not become ready (exit 4)."""

    exit_code = ExitCode.NOT_READY


class CheckFailedError(FloeError):
    """A check was made and failed (exit 1)."""

    exit_code = ExitCode.CHECK_FAILED
