"""The one place where what a command raised becomes a message with an exit code."""

from __future__ import annotations

import errno
import os
import sys
import tempfile
import traceback
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Self

import typer

from floe_local.cli.output import write_json
from floe_local.errors import ExitCode, FloeError, MachineError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import TracebackType

_BROKEN_PIPE = 141
_HELP = "NoArgsIsHelpError"
"""Raised by a group without a command, in a module of typer's that is private."""

_OURS = {errno.EBADF, errno.ECHILD, errno.EFAULT, errno.EINVAL, errno.ENOTSOCK, errno.ESRCH}
"""What only a program that is wrong gets from the system, where no file is named."""

_HINTS = {
    errno.ENOSPC: "make room on that disk, and run this again",
    errno.EDQUOT: "make room within your quota, and run this again",
    errno.EROFS: "that disk is read-only: work in a folder that can be written",
    errno.EACCES: "let your user read and write there, and run this again",
    errno.EPERM: "let your user read and write there, and run this again",
    errno.ENOTDIR: "a file has the name of a folder: move it away, and run this again",
    errno.EISDIR: "a folder has the name of a file: move it away, and run this again",
    errno.EEXIST: "something else has that name: move it away, and run this again",
    errno.EMFILE: "let more files be open (`ulimit -n 4096`), and run this again",
    errno.ENFILE: "the whole machine has too many files open",
    errno.ENAMETOOLONG: "use a shorter name",
    errno.ELOOP: "links go round in a circle there: mend them",
    errno.EILSEQ: "mend it, or move it away, and run this again",
}


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
        told = _as_error(error)
        self._print(told)
        return told.exit_code

    def _print(self, error: FloeError) -> None:
        try:
            if self.as_json:
                write_json(self.command, {"error": error.as_dict()}, ok=False)
            sys.stdout.flush()
        except OSError:  # the error may be that stdout takes nothing
            _silence_stdout()
        else:
            if self.as_json:
                return
        sys.stderr.write(f"error: {error.reason} [{error.code}]\n")
        if error.hint:
            sys.stderr.write(f"  hint: {error.hint}\n")


class _BugError(FloeError):
    exit_code = ExitCode.BUG


def _as_error(error: BaseException) -> FloeError:
    """Any error as one that can be told to a user."""
    if isinstance(error, FloeError):
        return error
    if isinstance(error, KeyboardInterrupt | typer.Abort):
        return _interrupted()
    usage = getattr(error, "format_message", None)  # the class is click's or typer's own
    if callable(usage):
        reason = " ".join(usage().split())
        return FloeError("usage", reason, f"see `{_command_of(error)} --help`")
    if found := of_the_machine(error):
        return found
    try:
        log = f"is in {_write_log(error)}"
    except OSError as full:
        log = f"could not be written: {full}"
    reason = f"this is a bug in floe-local: {type(error).__name__}; its traceback {log}"
    return _BugError("bug", reason, "please report it, with that file")


def of_the_machine(error: BaseException) -> MachineError | None:
    """What the system, or the engine in the middle of its work, refused; None: it is a bug.

    An OSError is the machine's where it names a file, or a number that no mistake of this
    program gives.
    """
    if isinstance(error, UnicodeEncodeError) and error.reason == "surrogates not allowed":
        reason = f"{error.object}: a name that is not UTF-8"
        return MachineError("file-name", reason, "rename the file or folder")
    if not isinstance(error, OSError):
        return None
    if error.errno is None:
        libraries = {kind.__module__.partition(".")[0] for kind in type(error).__mro__}
        if not libraries & {"docker", "requests"}:
            return None
        reason = f"the Docker engine broke off: {error}"
        return MachineError("engine-error", reason, "see whether `docker info` answers")
    if error.filename is None and error.errno in _OURS:
        return None
    where = f"{os.fsdecode(error.filename)}: " if isinstance(error.filename, str | bytes) else ""
    hint = _HINTS.get(error.errno, "mend what the system names, and run this again")
    return MachineError("system", f"{where}{error.strerror}", hint)


def _command_of(error: BaseException) -> str:
    """The command that was asked for, as far as it was understood."""
    return str(getattr(getattr(error, "ctx", None), "command_path", "floe-local"))


def _write_log(error: BaseException) -> Path:
    """Write the traceback, with credentials masked, to a file of its own."""
    from floe_local.plan.secrets.mask import mask

    lines = traceback.format_exception(type(error), error, error.__traceback__)
    handle, name = tempfile.mkstemp(prefix="floe-local-bug-", suffix=".log")
    with os.fdopen(handle, "w", encoding="utf-8", errors="backslashreplace") as log:
        log.write(mask("".join(lines), os.environ))
    return Path(name)


def _silence_stdout() -> None:
    """Let the interpreter flush into nothing when the reader has gone."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
