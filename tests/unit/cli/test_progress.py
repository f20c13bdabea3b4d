"""Progress is a line for each new thing, and no more."""

from __future__ import annotations

from typing import TYPE_CHECKING

from floe_local.cli.progress import Ticker, line
from floe_local.run.progress import Progress

if TYPE_CHECKING:
    import pytest


def test_a_phase_is_told_once(capsys: pytest.CaptureFixture[str]) -> None:
    ticker = Ticker()
    for detail in ("one", "two", "three"):
        ticker(Progress(subject="db", phase="pulling", detail=detail))
    ticker(Progress(subject="db", phase="pulled", elapsed_s=3.2))
    told = capsys.readouterr().err.splitlines()
    assert len(told) == 2
    assert told[0].endswith("one")
    assert "3.2 s" in told[1]


def test_an_ending_is_marked() -> None:
    assert line(Progress(subject="db", phase="ready")).startswith("✓ db")
    assert line(Progress(subject="db", phase="failed")).startswith("✗ db")
