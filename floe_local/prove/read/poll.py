"""One poll loop and one deadline for everything that is waited for."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from functools import partial
from threading import Event
from time import monotonic
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from floe_local.until import growing, until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

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
    items = dict(enumerate(asked))
    answers: dict[int, tuple[Asked, Said, Reply, float]] = {}
    on_round(0, len(items))

    def one(index: int) -> None:
        reply, said = ask(items[index])
        answers[index] = (items[index], said, reply, monotonic())

    def one_round() -> bool:
        ended = _ended(answers)
        list(pool.map(one, [index for index in items if index not in ended]))
        on_round(sum(reply.good for _, _, reply, _ in answers.values()), len(items))
        return _ended(answers) == items.keys()

    with ThreadPoolExecutor(threads, thread_name_prefix="read-back") as pool:
        until(one_round, deadline - monotonic(), growing(pause_s), wait=(over or Event()).wait)
    return [answers[index] for index in items]


def _ended(answers: dict[int, tuple[Asked, Said, Reply, float]]) -> set[int]:
    return {index for index, (_, _, reply, _) in answers.items() if reply.good or reply.final}
