"""Progress on stderr: a table that lives on a terminal, plain lines elsewhere."""

from __future__ import annotations

import logging
import os
import sys
import time
from collections.abc import Callable
from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol

from floe_local.report import styled

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from rich.console import Console
    from rich.live import Live
    from rich.spinner import Spinner
    from rich.table import Table

    from floe_local.cli.session import Session
    from floe_local.run.progress import Board, Progress, Row

_EVERY_S = 60.0
_REFRESHES_PER_S = 8
_SUBJECT_WIDTH = 44
_WARNING = "warning"


class Display(Protocol):
    """Who an operation reports to."""

    def __call__(self, event: Progress) -> None:
        """Show an event."""

    def note(self, text: str) -> None:
        """Print a line of its own, beside what is shown."""

    def has_warned(self, text: str) -> bool:
        """Whether this warning was shown meanwhile, and need not be repeated at the end."""

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Within it nothing moves, so that a question can be read and answered."""


class Silence:
    """Shows no progress."""

    def __init__(self) -> None:
        self._warned: set[str] = set()

    def __call__(self, event: Progress) -> None:
        """Show nothing."""

    def has_warned(self, text: str) -> bool:
        """Whether this warning was shown."""
        return text in self._warned

    def note(self, text: str) -> None:
        """Print a line."""
        sys.stderr.write(f"{text}\n")

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Nothing moves anyway."""
        yield


class Ticker(Silence):
    """Prints a line for each new phase of a subject; within a phase, one a minute."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._clock = clock
        self._phase: dict[str, str] = {}
        self._told: dict[str, float] = {}

    def __call__(self, event: Progress) -> None:
        """Print an event, if it is new."""
        if event.subject == _WARNING:
            self._warned.add(event.phase)
        now = self._clock()
        same = self._phase.get(event.subject) == event.phase
        if same and now - self._told[event.subject] < _EVERY_S:
            return
        self._phase[event.subject], self._told[event.subject] = event.phase, now
        sys.stderr.write(line(event))


class LiveDisplay:
    """A table on a terminal that moves in place, with a row for each subject.

    What is printed meanwhile to stderr appears above it. Once all went well it is erased, as
    the command's result follows; after an error its last state stays, and says how far it came.
    """

    def __init__(self, console: Console) -> None:
        from rich.spinner import Spinner

        from floe_local.run.progress import Board

        self._console = console
        self._board = Board()
        self._warned: set[str] = set()
        self._spinner = Spinner("dots", style="cyan")
        self._live = self._start()

    def _start(self) -> Live:
        from rich.live import Live

        live = Live(
            console=self._console,
            get_renderable=lambda: board_table(self._board, time.monotonic(), self._spinner),
            refresh_per_second=_REFRESHES_PER_S,
            redirect_stdout=False,
        )
        live.start()
        return live

    def __call__(self, event: Progress) -> None:
        """Put an event on the table."""
        if event.subject == _WARNING:
            self._warned.add(event.phase)
            self.note(f"warning: {event.phase}")
            return
        self._board = self._board.after(event, time.monotonic())

    def has_warned(self, text: str) -> bool:
        """Whether this warning was shown above the table."""
        return text in self._warned

    def note(self, text: str) -> None:
        """Print a line above the table, whole, so that it can be copied."""
        from rich.text import Text

        self._console.print(Text(text, style="dim"), soft_wrap=True)

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Take the table away for a while."""
        self.end(erase=True)
        try:
            yield
        finally:
            self._live = self._start()

    def end(self, *, erase: bool) -> None:
        """Stop; let the table's last state stay unless `erase`."""
        self._live.transient = erase or not self._board.rows
        self._live.stop()


def board_table(board: Board, now: float, spinner: Spinner | None = None) -> Table:
    """A board as a table: subject, phase, seconds, and what it is doing or waiting for.

    Args:
        board: what is known.
        now: on the monotonic clock, for the seconds of what is under way.
        spinner: what moves before that; None: a dot.
    """
    from rich.table import Table
    from rich.text import Text

    rows = board.rows.values()
    table = Table(box=None, show_header=False, pad_edge=False)
    for justify in ("left", "left", "left", "right"):
        table.add_column(no_wrap=True, justify=justify)
    table.add_column(overflow="ellipsis")  # where it is narrow, the details give way
    if spinner and not rows:
        table.add_row(spinner, Text("preparing", style="dim"))
    for row in rows:
        style = styled(row.phase)
        moving = spinner if spinner and not row.ended else Text(_mark(row.phase), style=style)
        table.add_row(
            moving,
            Text(_short(row.subject), style="bold" if not row.ended else ""),
            Text(row.phase, style=style),
            Text(_seconds(row, now), style="dim"),
            Text(row.detail, style="dim", no_wrap=True, overflow="ellipsis"),
        )
    return table


def _short(subject: str) -> str:
    return subject if len(subject) <= _SUBJECT_WIDTH else f"…{subject[1 - _SUBJECT_WIDTH :]}"


def _seconds(row: Row, now: float) -> str:
    seconds = row.seconds(now)
    return f"{seconds:.1f} s" if seconds else ""


def _mark(phase: str) -> str:
    from floe_local.run.progress import ENDINGS, FAILED

    return "✗" if phase == FAILED else "✓" if phase in ENDINGS else "·"


def line(event: Progress) -> str:
    """An event as a line: subject, phase, seconds, detail."""
    took = f"{event.elapsed_s:6.1f} s" if event.elapsed_s else ""
    return (
        f"{_mark(event.phase)} {event.subject:<28} {event.phase:<12} {took:>8}  {event.detail}"
    ).rstrip() + "\n"


@contextmanager
def progress(session: Session) -> Iterator[Display]:
    """Whom an operation reports to, while it runs: a live table, lines, or nobody with --quiet.

    With --verbose, commands are shown, too.
    """
    display = _display(session)
    went_well = False
    try:
        with _show_commands(display) if session.verbose else _nothing():
            yield display
        went_well = True
    finally:
        _end(display, erase=went_well)


def _display(session: Session) -> Display:
    if session.quiet:
        return Silence()
    if not moves(os.environ, terminal=sys.stderr.isatty()):
        return Ticker()
    from rich.console import Console

    return LiveDisplay(Console(stderr=True, highlight=False, emoji=False, markup=False))


def _end(display: Display, *, erase: bool) -> None:
    if isinstance(display, LiveDisplay):
        display.end(erase=erase)


def moves(environ: Mapping[str, str], *, terminal: bool) -> bool:
    """Whether what is printed to stderr may move in place."""
    return terminal and environ.get("TERM") not in {None, "", "dumb"} and not environ.get("CI")


@contextmanager
def _nothing() -> Iterator[None]:
    yield


@contextmanager
def _show_commands(display: Display) -> Iterator[None]:
    """Within it, each command that is run is printed, as it can be pasted into a shell."""
    from floe_local.run.process import log

    handler = _Notes(display)
    log.addHandler(handler)
    log.setLevel(logging.INFO)
    try:
        yield
    finally:
        log.removeHandler(handler)


class _Notes(logging.Handler):
    def __init__(self, display: Display) -> None:
        super().__init__()
        self._display = display

    def emit(self, record: logging.LogRecord) -> None:
        self._display.note(f"$ {record.getMessage()}")
