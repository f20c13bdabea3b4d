"""Progress on stderr: a line whenever something new happens, with its time."""

from __future__ import annotations

import logging
import sys
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from floe_local.cli.session import Session
    from floe_local.run.progress import Progress, Report

_EVERY_S = 10.0
_ENDINGS = {"ready", "built", "pulled", "down", "present", "saved", "loaded"}


class Ticker:
    """Prints a line for each new phase of a subject; within a phase, one every ten seconds."""

    def __init__(self) -> None:
        self._phase: dict[str, str] = {}
        self._told: dict[str, float] = {}

    def __call__(self, event: Progress) -> None:
        """Print an event, if it is new."""
        now = time.monotonic()
        same = self._phase.get(event.subject) == event.phase
        if same and now - self._told[event.subject] < _EVERY_S:
            return
        self._phase[event.subject], self._told[event.subject] = event.phase, now
        sys.stderr.write(line(event))


def line(event: Progress) -> str:
    """An event as a line: subject, phase, seconds, detail."""
    mark = "✓" if event.phase in _ENDINGS else "✗" if event.phase == "failed" else "·"
    took = f"{event.elapsed_s:6.1f} s" if event.elapsed_s else ""
    return f"{mark} {event.subject:<28} {event.phase:<12} {took:>8}  {event.detail}".rstrip() + "\n"


def reporter(session: Session) -> Report:
    """Whom an operation reports to: nobody with --quiet; with --verbose, commands are shown."""
    from floe_local.run.progress import silent

    if session.verbose:
        show_commands()
    return silent if session.quiet else Ticker()


def show_commands() -> None:
    """Print each command that is run, as it can be pasted into a shell."""
    from floe_local.run.process import log

    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter("$ %(message)s"))
    log.addHandler(handler)
    log.setLevel(logging.INFO)
