from __future__ import annotations

import signal
from threading import Thread

import pytest

from floe_local.run.interrupts import defer_signals, interrupt_once


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_that_is_held_back_comes_at_the_end(number: signal.Signals) -> None:
    done = []

    def work() -> None:
        with defer_signals():
            signal.raise_signal(number)
            done.append("all of it")
        done.append("what follows")

    with interrupt_once(), pytest.raises(KeyboardInterrupt):
        work()
    assert done == ["all of it"]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_second_interrupt_leaves_the_clean_up_alone(number: signal.Signals) -> None:
    cleaned = []

    def work() -> None:
        try:
            signal.raise_signal(signal.SIGINT)
        finally:
            signal.raise_signal(number)
            cleaned.append("all of it")

    with interrupt_once(), pytest.raises(KeyboardInterrupt):
        work()
    assert cleaned == ["all of it"]


def test_what_was_ignored_stays_ignored() -> None:
    former = signal.signal(signal.SIGTERM, signal.SIG_IGN)
    with defer_signals():
        signal.raise_signal(signal.SIGTERM)
    assert signal.signal(signal.SIGTERM, former) is signal.SIG_IGN


def test_another_thread_is_left_alone() -> None:
    handler = signal.getsignal(signal.SIGTERM)
    seen = []

    def look() -> None:
        with defer_signals():
            seen.append(signal.getsignal(signal.SIGTERM))

    thread = Thread(target=look)
    thread.start()
    thread.join()
    assert seen == [handler]
