"""The loop that waits: by a clock of the test's own."""

from __future__ import annotations

from itertools import islice, repeat
from math import inf
from operator import not_

import pytest

from floe_local.until import growing, until


class Clock:
    """A clock that moves when somebody waits, and stops the loop at a given time."""

    def __init__(self, stop_at: float = inf) -> None:
        self.now = 100.0
        self.stop_at = stop_at

    def read(self) -> float:
        return self.now

    def wait(self, seconds: float) -> bool:
        self.now += seconds
        return self.now >= self.stop_at


def calls_until(ready_at: float, *, within_s: float, stop_at: float = inf) -> tuple[bool, float]:
    """Whether the probe was ready in the end, and when it was called last."""
    clock, last = Clock(stop_at), [0.0]

    def probe() -> bool:
        last[0] = clock.now - 100.0
        return last[0] >= ready_at

    found = until(probe, within_s, repeat(1.0), wait=clock.wait, clock=clock.read)
    return found, last[0]


@pytest.mark.parametrize(
    ("ready_at", "within_s", "stop_at", "expected"),
    [
        (0.0, 5.0, inf, (True, 0.0)),
        (0.0, 0.0, inf, (True, 0.0)),
        (3.0, 5.0, inf, (True, 3.0)),
        (5.0, 5.0, inf, (True, 5.0)),
        (9.0, 5.0, inf, (False, 5.0)),
        (9.0, 5.5, inf, (False, 5.0)),
        (9.0, 0.0, inf, (False, 0.0)),
        (9.0, inf, 102.0, (False, 1.0)),
    ],
)
def test_it_ends_when_ready_at_the_deadline_or_when_stopped(
    ready_at: float, within_s: float, stop_at: float, expected: tuple[bool, float]
) -> None:
    assert calls_until(ready_at, within_s=within_s, stop_at=stop_at) == expected


def test_it_returns_what_was_found_last_and_ends_with_the_pauses() -> None:
    left = [2, 1, 0]
    assert until(lambda: left.pop(0), 5.0, repeat(0.0), done=not_) == 0
    assert until(lambda: 7, 5.0, (), done=not_) == 7


def test_an_error_of_the_probe_ends_it() -> None:
    with pytest.raises(ZeroDivisionError):
        until(lambda: 1 // 0, 5.0, repeat(0.0))


def test_pauses_grow_from_the_least_to_half_a_second() -> None:
    pauses = list(islice(growing(), 9))
    assert (pauses[0], pauses[-1]) == (0.05, 0.5)
    assert pauses == sorted(pauses)
    assert list(islice(growing(2.0), 3)) == [2.0] * 3
