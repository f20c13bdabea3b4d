"""Progress is a table that moves on a terminal; elsewhere a line for each new thing."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import pytest
from rich.console import Console

from floe_local.cli.progress import Display, LiveDisplay, Silence, Ticker, board_table, line, moves
from floe_local.report import styled
from floe_local.run.progress import Board, Progress

if TYPE_CHECKING:
    from collections.abc import Callable

TERMINAL = {"TERM": "xterm"}


def test_a_phase_is_told_once(capsys: pytest.CaptureFixture[str]) -> None:
    ticker = Ticker()
    for detail in ("one", "two", "three"):
        ticker(Progress(subject="db", phase="pulling", detail=detail))
    ticker(Progress(subject="db", phase="pulled", elapsed_s=3.2))
    told = capsys.readouterr().err.splitlines()
    assert len(told) == 2
    assert told[0].endswith("one")
    assert "3.2 s" in told[1]


def test_within_a_phase_there_is_a_line_a_minute(capsys: pytest.CaptureFixture[str]) -> None:
    seconds = iter(range(0, 200, 10))
    ticker = Ticker(clock=lambda: float(next(seconds)))
    for number in range(13):
        ticker(Progress(subject="db", phase="building", detail=f"{number} of 12 packages"))
    told = capsys.readouterr().err.splitlines()
    assert [text.split()[-4] for text in told] == ["0", "6", "12"]


def test_an_ending_is_marked() -> None:
    assert line(Progress(subject="db", phase="ready")).startswith("✓ db")
    assert line(Progress(subject="db", phase="failed")).startswith("✗ db")


def board() -> Board:
    """A stack that is on its way, 30 s on the monotonic clock."""
    events = (
        Progress(subject="collector", phase="building", detail="412 of 915 packages"),
        Progress(subject="db", phase="starting"),
        Progress(subject="db", phase="ready", elapsed_s=3.2),
        Progress(subject="web", phase="starting", detail="waits for port 80", elapsed_s=4.0),
    )
    known = Board()
    for event in events:
        known = known.after(event, 30.0)
    return known


def drawn(*, width: int = 100, colour: bool = False) -> str:
    console = Console(
        file=io.StringIO(),
        width=width,
        force_terminal=colour,
        color_system="standard" if colour else None,
    )
    with console.capture() as captured:
        console.print(board_table(board(), 36.0))
    return captured.get()


def test_the_table_has_a_row_for_each_subject() -> None:
    rows = [text.split() for text in drawn().splitlines()]
    assert [row[:5] for row in rows] == [
        ["·", "collector", "building", "6.0", "s"],
        ["✓", "db", "ready", "3.2", "s"],
        ["·", "web", "starting", "10.0", "s"],
    ]
    assert "412 of 915 packages" in drawn()
    assert "waits for port 80" in drawn()


def test_a_narrow_terminal_keeps_a_row_on_a_line() -> None:
    told = drawn(width=40).splitlines()
    assert len(told) == 3
    assert told[2].startswith("·  web        starting  10.0 s")


def test_what_is_ready_is_green() -> None:
    assert "\x1b[32mready" in drawn(colour=True)


@pytest.mark.parametrize(
    ("word", "style"),
    [
        ("ready 3.2 s", "green"),
        ("received-by-stand-in", "green"),
        ("failed", "red"),
        ("not ready: nothing answers", "red"),
        ("accepted, not verified", "yellow"),
        ("skipped", "dim"),
        ("jaeger", ""),
    ],
)
def test_a_verdict_has_a_colour(word: str, style: str) -> None:
    assert styled(word) == style


@pytest.mark.parametrize(
    ("environ", "terminal", "expected"),
    [
        (TERMINAL, True, True),
        (TERMINAL | {"NO_COLOR": "1"}, True, True),
        (TERMINAL, False, False),
        (TERMINAL | {"CI": "true"}, True, False),
        ({"TERM": "dumb"}, True, False),
        ({}, True, False),
    ],
)
def test_only_a_terminal_moves(
    environ: dict[str, str],
    terminal: bool,  # noqa: FBT001 - a case's values
    expected: bool,  # noqa: FBT001 - a case's values
) -> None:
    assert moves(environ, terminal=terminal) is expected


def live_display() -> LiveDisplay:
    return LiveDisplay(Console(file=io.StringIO(), force_terminal=True))


@pytest.mark.parametrize("make", [Silence, Ticker, live_display])
def test_a_warning_that_was_shown_is_known(make: Callable[[], Display]) -> None:
    display = make()
    display(Progress(subject="warning", phase="two ports differ"))
    assert display.has_warned("two ports differ") is (make is not Silence)
    assert not display.has_warned("another")
    if isinstance(display, LiveDisplay):
        display.end(erase=True)


@pytest.mark.parametrize("erase", [True, False])
def test_a_live_table_ends_tidily(erase: bool) -> None:  # noqa: FBT001 - a case's value
    console = Console(file=io.StringIO(), width=60, force_terminal=True, record=True)
    display = LiveDisplay(console)
    display(Progress(subject="db", phase="starting"))
    with display.paused():
        console.print("Build db?")
    display.note("$ " + "a-long-command " * 10)
    display.end(erase=erase)
    screen = console.file
    assert isinstance(screen, io.StringIO)
    assert "$ " + "a-long-command " * 10 in screen.getvalue()
    after = screen.getvalue().rpartition("starting")[2]
    assert "\x1b[?25h" in after  # the cursor is shown again
    assert ("\x1b[1A\x1b[2K" in after) is erase
