"""The one loop of all that is waited for."""

from __future__ import annotations

from time import monotonic, sleep
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

Probed = TypeVar("Probed")


def until(
    probe: Callable[[], Probed],
    within_s: float,
    pauses: Iterable[float],
    *,
    done: Callable[[Probed], bool] = bool,
    wait: Callable[[float], bool | None] = sleep,
    clock: Callable[[], float] = monotonic,
) -> Probed:
    """Call `probe` until what it finds is `done`, and return what it found last.

    Args:
        probe: called at least once; what it raises ends the loop.
        within_s: seconds from now. A pause that would end later is not begun.
        pauses: seconds between two calls, one after the other; their end ends the loop.
        done: whether nothing more is waited for.
        wait: pauses for so many seconds; true says that the loop is to end (`Event.wait`).
        clock: seconds that only grow.
    """
    deadline = clock() + within_s
    found = probe()
    for pause in pauses:
        if done(found) or clock() + pause > deadline or wait(pause):
            break
        found = probe()
    return found


def growing(least_s: float = 0.0) -> Iterator[float]:
    """Pauses from 0.05 to 0.5 seconds, each half as long again; none shorter than `least_s`."""
    pause = 0.05
    while True:
        yield max(pause, least_s)
        pause = min(pause * 1.5, 0.5)
