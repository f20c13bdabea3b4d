"""The one door to processes.

A command that fails raises an error that holds the command as it can be pasted into a shell,
and the end of what it printed. Values that are secrets are never shown. With the logger
``floe_local.process`` at INFO, each command is shown before it runs.
"""

from __future__ import annotations

import logging
import math
import os
import shlex
import signal
import subprocess
import threading
from collections import deque
from contextlib import contextmanager, suppress
from itertools import repeat
from typing import IO, TYPE_CHECKING, NamedTuple

from floe_local.errors import FloeError, MachineError
from floe_local.plan.caller import for_tools
from floe_local.plan.secrets.mask import hide
from floe_local.until import until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

log = logging.getLogger("floe_local.process")

TAIL_LINES = 20
POLL_S = 0.1
"""How often a command that may be stopped is looked at."""
GRACE_S = 5.0
"""How long an interrupted command may take to end before it is killed."""


class Finished(NamedTuple):
    """A command that ended. `output` is its stdout with, merged in, its stderr."""

    command: str
    returncode: int
    output: str


def pasteable(
    command: Sequence[str],
    *,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
    secrets: Sequence[str] = (),
) -> str:
    """The command as a shell takes it, with folder and variables, without secrets."""
    where = f"cd {shlex.quote(str(cwd))} && " if cwd else ""
    settings = "".join(f"{name}={shlex.quote(value)} " for name, value in (env or {}).items())
    shown = f"{where}{settings}{shlex.join(command)}"
    return hide(shown, [*map(shlex.quote, secrets), *secrets])


def run(
    command: Sequence[str],
    *,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
    caller: Mapping[str, str] | None = None,
    own_group: bool = True,
    stdin: str = "",
    timeout_s: float | None = None,
    check: bool = True,
    secrets: Sequence[str] = (),
    on_line: Callable[[str], None] | None = None,
    stop: threading.Event | None = None,
    error: type[FloeError] = MachineError,
) -> Finished:
    """Run a command to its end; however this function is left, the command has ended.

    Args:
        command: program and arguments; no shell is involved.
        cwd: folder to run in.
        env: variables added to those of the caller.
        caller: what it sees of the caller's environment; None: as `caller.for_tools`.
        own_group: whether ^C on the terminal leaves the command alone, and this function
            ends it with all that it started.
        stdin: what the command reads.
        timeout_s: seconds after which the command is ended.
        check: whether a status other than 0 is an error.
        secrets: values that are shown as ``***``.
        on_line: called with each line of output as it is printed.
        stop: once another thread has set it, the command is ended.
        error: the kind that is raised.

    Raises:
        FloeError: of kind `error`: ``command-missing``, ``command-failed``,
            ``command-timeout`` or ``command-stopped``.
    """
    shown = pasteable(command, cwd=cwd, env=env, secrets=secrets)
    log.info("%s", shown)
    environment = {**(for_tools(os.environ) if caller is None else caller), **(env or {})}
    process = _start(command, shown, cwd=cwd, env=environment, own_group=own_group, error=error)
    with _until_its_end(process, on_line) as lines:
        try:
            _feed(process, stdin)
            if not _wait(process, timeout_s, stop):
                raise error("command-stopped", f"stopped: {shown}")
        except subprocess.TimeoutExpired:
            reason = f"no end after {timeout_s:g} s: {shown}{_tail(lines, secrets)}"
            raise error("command-timeout", reason) from None  # it holds the command as it is
    finished = Finished(
        command=shown, returncode=process.returncode, output=hide("".join(lines), secrets)
    )
    if check and process.returncode != 0:
        reason = f"status {process.returncode} from: {shown}{_tail(lines, secrets)}"
        raise error("command-failed", reason)
    return finished


def _start(
    command: Sequence[str],
    shown: str,
    *,
    cwd: Path | None,
    env: Mapping[str, str],
    own_group: bool,
    error: type[FloeError],
) -> subprocess.Popen[str]:
    try:
        return subprocess.Popen(  # noqa: S603 - this is the door
            command,
            cwd=cwd,
            env=env,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            encoding="utf-8",
            errors="replace",
            start_new_session=own_group,  # ^C reaches this process only, which ends the group
            umask=0o022,  # modes of what it makes are the recipe's, not the caller's
        )
    except FileNotFoundError as missing:
        hint = f"Install {command[0]}, or put it on PATH."
        raise error(
            "command-missing", f"there is no {missing.filename} to run: {shown}", hint
        ) from missing
    except PermissionError as denied:
        raise error("command-missing", f"{denied.filename} may not be run: {shown}") from denied


def _wait(
    process: subprocess.Popen[str], timeout_s: float | None, stop: threading.Event | None
) -> bool:
    """Wait for the end of a command; False where `stop` was set before it."""
    if stop is None:
        process.wait(timeout_s)
        return True
    limit_s = math.inf if timeout_s is None else timeout_s
    if until(lambda: process.poll() is not None, limit_s, repeat(POLL_S), wait=stop.wait):
        return True
    if stop.is_set():
        return False
    raise subprocess.TimeoutExpired(process.args, limit_s)


@contextmanager
def _until_its_end(
    process: subprocess.Popen[str], on_line: Callable[[str], None] | None
) -> Iterator[deque[str]]:
    """The lines that a command prints, as they come; after the block it has ended."""
    lines: deque[str] = deque()
    reader = threading.Thread(target=_read, args=(process.stdout, lines, on_line), daemon=True)
    reader.start()
    try:
        yield lines
    finally:
        _end(process)
        reader.join(GRACE_S)


def _feed(process: subprocess.Popen[str], text: str) -> None:
    if process.stdin is None:
        return
    with suppress(BrokenPipeError), process.stdin as stdin:  # it need not read its input
        stdin.write(text)


def _read(stream: IO[str] | None, lines: deque[str], on_line: Callable[[str], None] | None) -> None:
    if stream is None:
        return
    with stream:
        for line in stream:
            lines.append(line)
            if on_line:
                on_line(line.rstrip("\n"))


def _end(process: subprocess.Popen[str]) -> None:
    """End the command's whole group, politely first. Nothing to do when it has ended."""
    if process.poll() is not None:
        return
    for signal_number in (signal.SIGTERM, signal.SIGKILL):
        try:
            if os.getpgid(process.pid) == process.pid:
                os.killpg(process.pid, signal_number)
            else:
                process.send_signal(signal_number)
            process.wait(GRACE_S)
        except ProcessLookupError:
            return
        except subprocess.TimeoutExpired:
            continue
        else:
            return


def _tail(lines: deque[str], secrets: Sequence[str]) -> str:
    last = [line.rstrip("\n") for line in list(lines)[-TAIL_LINES:]]
    return hide("".join(f"\n  {line}" for line in last), secrets)
