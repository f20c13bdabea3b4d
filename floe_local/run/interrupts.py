"""^C while a stack changes: the first one interrupts, and its clean-up is left alone."""

from __future__ import annotations

import signal
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import FrameType

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


@contextmanager
def interrupt_once() -> Iterator[None]:
    """Within it, SIGINT and SIGTERM raise KeyboardInterrupt once and are ignored from then on.

    Elsewhere than in the main thread, where no signal arrives, it does nothing.
    """

    def interrupt(_number: int, _frame: FrameType | None) -> None:
        ignore_signals()
        raise KeyboardInterrupt

    with _handled_by(interrupt):
        yield


@contextmanager
def defer_signals() -> Iterator[None]:
    """Within it, SIGINT and SIGTERM wait; one that came is delivered at its end.

    For what must not be left half-way: a thread that has begun but whose pool does not know
    of it yet is waited for by nobody.
    """
    came: list[int] = []
    with _handled_by(lambda number, _frame: came.append(number)):
        yield
    if came:
        signal.raise_signal(signal.Signals(came[0]))


@contextmanager
def _handled_by(handler: Callable[[int, FrameType | None], None]) -> Iterator[None]:
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    former = {number: signal.signal(number, handler) for number in _SIGNALS}
    try:
        yield
    finally:
        for number, one in former.items():
            signal.signal(number, one)


def ignore_signals() -> None:
    """Ignore SIGINT and SIGTERM, until the `interrupt_once` around it ends."""
    if threading.current_thread() is threading.main_thread():
        for number in _SIGNALS:
            signal.signal(number, signal.SIG_IGN)
