"""The one loop of all that is waited for, and what it does for many things at once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from functools import partial
from threading import Event
from time import monotonic, sleep
from typing import TYPE_CHECKING, NamedTuple, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

_Found = TypeVar("_Found")
_Item = TypeVar("_Item")
_Answer = TypeVar("_Answer")


def until(
    probe: Callable[[], _Found],
    within_s: float,
    pauses: Iterable[float],
    *,
    done: Callable[[_Found], bool] = bool,
    wait: Callable[[float], bool | None] = sleep,
    clock: Callable[[], float] = monotonic,
) -> _Found:
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


class Reply(NamedTuple):
    """Whether an answer is as it should be, and whether asking again is of no use."""

    good: bool
    final: bool = False


def poll_apart(
    groups: Mapping[str, list[_Item]],
    ask: Callable[[_Item], tuple[Reply, _Answer]],
    *,
    deadline: float,
    threads: int,
    pause_of: Callable[[_Item], float] = lambda _: 0.0,
    on_round: Callable[[str, int, int], None] = lambda _name, _good, _all: None,
) -> list[tuple[_Item, _Answer, Reply, float]]:
    """`poll` each group on its own, at the same time: one that hangs holds up no other.

    Args:
        groups: what to ask for, by whom.
        ask: as for `poll`.
        deadline: on the monotonic clock, for all together.
        threads: how many requests at a time, in each group.
        pause_of: seconds between two looks at the same; the longest counts for its group.
        on_round: called in threads with a group's name, how many of its answers are good, and
            how many there are to be: at the start, and after each round.
    """
    if not groups:
        return []
    over = Event()
    with ThreadPoolExecutor(len(groups), thread_name_prefix="poll") as pool:
        try:
            jobs = [
                pool.submit(
                    poll,
                    items,
                    ask,
                    deadline=deadline,
                    threads=threads,
                    pause_s=max(map(pause_of, items), default=0.0),
                    over=over,
                    on_round=partial(on_round, name),
                )
                for name, items in groups.items()
            ]
            return [answer for job in jobs for answer in job.result()]
        finally:
            over.set()  # after ^C nobody waits for the deadline


def poll(
    items: Iterable[_Item],
    ask: Callable[[_Item], tuple[Reply, _Answer]],
    *,
    deadline: float,
    threads: int,
    pause_s: float = 0.0,
    over: Event | None = None,
    on_round: Callable[[int, int], None] = lambda _good, _all: None,
) -> list[tuple[_Item, _Answer, Reply, float]]:
    """Ask until every answer is good or final, or the deadline has passed.

    Args:
        items: what to ask for, each at least once.
        ask: makes one request and judges it; called in threads.
        deadline: on the monotonic clock, for all together.
        threads: how many requests at a time.
        pause_s: seconds between two rounds, at least.
        over: once it is set, the round that is under way is the last.
        on_round: called with how many answers are good, and how many there are to be: at the
            start, and after each round.

    Returns:
        Each with its last answer, and when that came (monotonic clock).
    """
    by_index = dict(enumerate(items))
    answers: dict[int, tuple[_Item, _Answer, Reply, float]] = {}
    on_round(0, len(by_index))

    def one(index: int) -> None:
        reply, answer = ask(by_index[index])
        answers[index] = (by_index[index], answer, reply, monotonic())

    def one_round() -> bool:
        ended = _ended(answers)
        list(pool.map(one, [index for index in by_index if index not in ended]))
        on_round(sum(reply.good for _, _, reply, _ in answers.values()), len(by_index))
        return _ended(answers) == by_index.keys()

    with ThreadPoolExecutor(threads, thread_name_prefix="read-back") as pool:
        until(one_round, deadline - monotonic(), growing(pause_s), wait=(over or Event()).wait)
    return [answers[index] for index in by_index]


def _ended(answers: dict[int, tuple[_Item, _Answer, Reply, float]]) -> set[int]:
    return {index for index, (_, _, reply, _) in answers.items() if reply.good or reply.final}
