"""Runs the command; the terminal, and what it prints, are its own."""

from __future__ import annotations

import os
import signal
import subprocess
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from types import FrameType

NOT_FOUND = 127
NOT_EXECUTABLE = 126
_BY_SIGNAL = 128
_PASSED_ON = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT)


class CommandProcess:
    """A command, started once."""

    def __init__(self, command: Sequence[str], environ: Mapping[str, str]) -> None:
        self._command, self._environ = command, environ
        self.problem = ""

    def run(self) -> int:
        """Run it until it ends; signals are for it.

        Returns:
            Its exit code; 128 + n after signal n, 127 where there is no such command, 126 where
            it cannot be run: `problem` then says why.
        """
        with _passing_on() as passed:
            try:
                process = subprocess.Popen(self._command, env=dict(self._environ))  # noqa: S603
            except FileNotFoundError:
                self.problem = f"{self._command[0]}: command not found"
                return NOT_FOUND
            except OSError as error:
                self.problem = f"{self._command[0]}: {error.strerror}"
                return NOT_EXECUTABLE
            passed.append(process)
            code = process.wait()
        return _BY_SIGNAL - code if code < 0 else code


def is_left_running(mark: str) -> bool:
    """Whether a process may live on that a command left, by a mark that its environment has.

    True, too, where this machine does not show the environments of processes.
    """
    processes = Path("/proc")
    if not (processes / "self" / "environ").exists():
        return True
    for file in processes.glob("[0-9]*/environ"):
        with suppress(OSError):  # another user's, or gone
            if mark.encode() in file.read_bytes():
                return True
    return False


@contextmanager
def _passing_on() -> Iterator[list[subprocess.Popen[bytes]]]:
    """Pass signals on to the command; those that a terminal sends, it has itself."""
    processes: list[subprocess.Popen[bytes]] = []

    def pass_on(number: int, _frame: FrameType | None) -> None:
        of_the_terminal = number in {signal.SIGINT, signal.SIGQUIT} and _in_the_foreground()
        for process in processes:
            if not of_the_terminal and process.poll() is None:
                process.send_signal(number)

    before = {number: signal.signal(number, pass_on) for number in _PASSED_ON}
    try:
        yield processes
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _in_the_foreground() -> bool:
    """Whether this process, and so the command, is what a terminal's ^C reaches."""
    try:
        terminal = os.open("/dev/tty", os.O_RDONLY | os.O_NOCTTY)
    except OSError:
        return False
    try:
        return os.tcgetpgrp(terminal) == os.getpgrp()
    except OSError:
        return False
    finally:
        os.close(terminal)
