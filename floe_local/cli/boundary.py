"""The one place where what a command raised becomes a message with an exit code."""

from __future__ import annotations

import os
import sys
import tempfile
import traceback
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Self

import typer

from floe_local.cli.output import write_json
from floe_local.errors import ExitCode, FloeError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import TracebackType

_BROKEN_PIPE = 141
_HELP = "NoArgsIsHelpError"
"""Raised by a group without a command, in a module of typer's that is private."""


class ReaderGoneError(Exception):
    """Whoever read stdout has gone, as `head` does."""


class InterruptedByUserError(FloeError):
    """^C, or SIGTERM."""

    exit_code = ExitCode.INTERRUPTED


@contextmanager
def beyond_typer() -> Iterator[None]:
    """Rename what typer would turn into an exit of its own, without a word or a document.

    Raises:
        ReaderGoneError: a broken pipe.
        InterruptedByUserError: an interrupt.
    """
    try:
        yield
    except BrokenPipeError as error:
        raise ReaderGoneError from error
    except KeyboardInterrupt as error:
        raise _interrupted() from error


def _interrupted() -> InterruptedByUserError:
    hint = "`floe-local status` shows what is there"
    return InterruptedByUserError("interrupted", "interrupted", hint)


class Boundary:
    """Catches whatever leaves its block; `exit_code` is what the process ends with.

    A FloeError is printed with its hint; a bug as one line that names the log with its
    traceback; an interruption as itself. With `as_json`, errors are JSON on stdout.
    """

    def __init__(self, command: str, *, as_json: bool) -> None:
        self.command = command
        self.as_json = as_json
        self.exit_code: int = ExitCode.OK

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> bool:
        if error is not None:
            self.exit_code = self._report(error)
        return True

    def _report(self, error: BaseException) -> int:
        if isinstance(error, SystemExit):
            return error.code if isinstance(error.code, int) else ExitCode.BUG
        if isinstance(error, typer.Exit):
            return error.exit_code
        if type(error).__name__ == _HELP:
            sys.stderr.write(f"{error}\n")
            return ExitCode.BAD_INPUT
        if isinstance(error, ReaderGoneError):
            _silence_stdout()
            return _BROKEN_PIPE
        told = _told(error)
        self._print(told)
        return told.exit_code

    def _print(self, error: FloeError) -> None:
        if self.as_json:
            write_json(self.command, {"error": error.told}, ok=False)
            return
        sys.stderr.write(f"error: {error.reason} [{error.code}]\n")
        if error.hint:
            sys.stderr.write(f"  hint: {error.hint}\n")


class _BugError(FloeError):
    exit_code = ExitCode.BUG


def _told(error: BaseException) -> FloeError:
    """Any error as one that can be told to a user."""
    if isinstance(error, FloeError):
        return error
    if isinstance(error, KeyboardInterrupt | typer.Abort):
        return _interrupted()
    usage = getattr(error, "format_message", None)  # the class is click's or typer's own
    if callable(usage):
        reason = " ".join(usage().split())
        return FloeError("usage", reason, f"see `{_command_of(error)} --help`")
    log = _write_log(error)
    reason = f"this is a bug in floe-local: {type(error).__name__}; its traceback is in {log}"
    return _BugError("bug", reason, "please report it, with that file")


def _command_of(error: BaseException) -> str:
    """The command that was asked for, as far as it was understood."""
    return str(getattr(getattr(error, "ctx", None), "command_path", "floe-local"))


def _write_log(error: BaseException) -> Path:
    """Write the traceback, with credentials masked, to a file of its own."""
    from floe_local.plan.plugins.foreign_code import mask

    lines = traceback.format_exception(type(error), error, error.__traceback__)
    handle, name = tempfile.mkstemp(prefix="floe-local-bug-", suffix=".log")
    with os.fdopen(handle, "w", encoding="utf-8", errors="backslashreplace") as log:
        log.write(mask("".join(lines), os.environ))
    return Path(name)


def _silence_stdout() -> None:
    """Let the interpreter flush into nothing when the reader has gone."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
