"""Alternating runs of two commands, told as a ratio of medians."""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


@dataclass(frozen=True)
class Comparison:
    """Seconds of each round, ours and the other's, in the order they were run."""

    what: str
    ours: tuple[float, ...]
    other: tuple[float, ...]
    unit: str = "s"

    @property
    def ratio(self) -> float:
        """Ours over the other's, of medians; below 1 is better."""
        return statistics.median(self.ours) / statistics.median(self.other)

    def row(self) -> str:
        """A row of the table that is printed."""
        ours, other = (
            f"{statistics.median(v):.2f} ({min(v):.2f} to {max(v):.2f})"
            for v in (self.ours, self.other)
        )
        return f"| {self.what} | {ours} {self.unit} | {other} {self.unit} | {self.ratio:.2f} |"


def alternate(
    what: str, ours: Callable[[], float], other: Callable[[], float], rounds: int, unit: str = "s"
) -> Comparison:
    """Measure both in turn, so that whatever else the machine does hits both alike."""
    pairs = []
    for number in range(rounds):
        pairs.append((ours(), other()))
        sys.stderr.write(f"{what}: round {number + 1} of {rounds}: {pairs[-1]}\n")
    return Comparison(what, tuple(p[0] for p in pairs), tuple(p[1] for p in pairs), unit)


def timed(command: Sequence[str], environment: dict[str, str] | None = None) -> float:
    """How many seconds `command` took; it must succeed."""
    start = time.perf_counter()
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    took = time.perf_counter() - start
    if done.returncode:
        raise SystemExit(f"{' '.join(command)} failed:\n{done.stdout}\n{done.stderr}")
    return took
