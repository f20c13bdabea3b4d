"""One poll loop and one deadline for everything that is waited for."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from functools import partial
from threading import Event
from time import monotonic
from typing import TYPE_CHECKING, NamedTuple, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

_FIRST_SECONDS = 0.05
_LONGEST_SECONDS = 0.5
_GROWTH = 1.5

Asked = TypeVar("Asked")
Said = TypeVar("Said")


class Reply(NamedTuple):
    """Whether an answer is as it should be, and whether asking again is of no use."""

    good: bool
    final: bool = False


def poll_apart(
    groups: Mapping[str, list[Asked]],
    ask: Callable[[Asked], tuple[Reply, Said]],
    *,
    deadline: float,
    threads: int,
    pause_of: Callable[[Asked], float] = lambda _: 0.0,
    on_round: Callable[[str, int, int], None] = lambda _name, _good, _all: None,
) -> list[tuple[Asked, Said, Reply, float]]:
    """`poll` each group on its own, at the same time: one that hangs holds up no other.

    Args:
        groups: what to ask for, by who is asked.
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
                    asked,
                    ask,
                    deadline=deadline,
                    threads=threads,
                    pause_s=max(map(pause_of, asked), default=0.0),
                    over=over,
                    on_round=partial(on_round, name),
                )
                for name, asked in groups.items()
            ]
            return [answer for job in jobs for answer in job.result()]
        finally:
            over.set()  # after ^C nobody waits for the deadline


def poll(
    asked: Iterable[Asked],
    ask: Callable[[Asked], tuple[Reply, Said]],
    *,
    deadline: float,
    threads: int,
    pause_s: float = 0.0,
    over: Event | None = None,
    on_round: Callable[[int, int], None] = lambda _good, _all: None,
) -> list[tuple[Asked, Said, Reply, float]]:
    """Ask until every answer is good or final, or the deadline has passed.

    Args:
        asked: what to ask for; each is asked for at least once.
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
    pending, done, pause = list(asked), [], max(_FIRST_SECONDS, pause_s)
    count = len(pending)
    on_round(0, count)
    over = over or Event()

    def one(item: Asked) -> tuple[Asked, Said, Reply, float]:
        reply, said = ask(item)
        return item, said, reply, monotonic()

    with ThreadPoolExecutor(threads, thread_name_prefix="read-back") as pool:
        while True:
            answers = list(pool.map(one, pending))
            late = over.is_set() or monotonic() + pause > deadline
            done += [a for a in answers if late or a[2].good or a[2].final]
            pending = [a[0] for a in answers if not (late or a[2].good or a[2].final)]
            on_round(sum(reply.good for _, _, reply, _ in done), count)
            if not pending:
                return done
            over.wait(pause)
            pause = max(min(pause * _GROWTH, _LONGEST_SECONDS), pause_s)
