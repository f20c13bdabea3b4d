"""Waiting for many answers: one that hangs holds up nobody else's."""

from __future__ import annotations

import os
import signal
from threading import Event
from time import monotonic

import pytest

from floe_local.run.interrupts import interrupt_once
from floe_local.until import Reply, poll, poll_apart

PATIENCE = 10.0


def test_what_is_not_good_is_asked_again_and_what_is_final_is_not() -> None:
    asked: list[str] = []

    def ask(item: str) -> tuple[Reply, int]:
        asked.append(item)
        return Reply(good=asked.count(item) == 3, final=item == "no"), asked.count(item)

    answers = poll(["yes", "no"], ask, deadline=monotonic() + PATIENCE, threads=2)
    assert {(item, said, reply.good) for item, said, reply, _ in answers} == {
        ("yes", 3, True),
        ("no", 1, False),
    }


def test_a_group_that_hangs_holds_up_no_other() -> None:
    others_done = Event()
    tries: list[str] = []

    def ask(item: str) -> tuple[Reply, bool]:
        if item == "hangs":
            return Reply(good=True), others_done.wait(PATIENCE)
        tries.append(item)
        good = len(tries) == 3  # so it takes several rounds
        if good:
            others_done.set()
        return Reply(good=good), True

    groups = {"a": ["hangs"], "b": ["answers"]}
    answers = poll_apart(groups, ask, deadline=monotonic() + PATIENCE, threads=1)
    assert [(item, said) for item, said, _, _ in answers] == [("hangs", True), ("answers", True)]
    assert poll_apart({}, ask, deadline=monotonic(), threads=1) == []


def test_a_backend_that_limits_how_often_it_is_asked_is_not_asked_more() -> None:
    tries: list[str] = []

    def ask(item: str) -> tuple[Reply, None]:
        tries.append(item)
        return Reply(good=tries.count(item) == 3), None

    groups = {"a": ["limited"], "b": ["not"]}
    pauses = {"limited": PATIENCE * 2, "not": 0.0}
    started = monotonic()
    poll_apart(groups, ask, deadline=started + PATIENCE, threads=1, pause_of=pauses.__getitem__)
    assert (tries.count("limited"), tries.count("not")) == (1, 3)
    assert monotonic() - started < PATIENCE


def test_an_interrupt_waits_for_no_deadline() -> None:
    def ask(item: str) -> tuple[Reply, None]:
        if item == "interrupts":
            os.kill(os.getpid(), signal.SIGTERM)
        return Reply(good=False), None

    groups = {"a": ["never good"], "b": ["interrupts"], "c": ["never good either"]}
    with interrupt_once(), pytest.raises(KeyboardInterrupt):
        poll_apart(groups, ask, deadline=monotonic() + 3600, threads=1)
