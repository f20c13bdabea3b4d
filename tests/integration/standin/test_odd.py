"""Odd events get the status that a real Marquez gave them, as docs/stand-in.md lists it."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest

from bench.compare_marquez import DOCUMENT, listed_differences, post
from bench.odd_events import odd_events

if TYPE_CHECKING:
    from bench.odd_events import Odd

RECORDED: dict[str, dict[str, int]] = json.loads(
    (Path(__file__).parent / "recorded/odd.json").read_text()
)
ODD = odd_events(uuid4().hex[:8])
SHARE = 4


def status_of(odd: Odd) -> int:
    place, _, value = odd.name.partition(": ")
    return RECORDED[place][value]


def is_listed(odd: Odd) -> bool:
    patterns = listed_differences(DOCUMENT.read_text())
    return any(fnmatchcase(f"odd, status: {odd.name}", pattern) for pattern in patterns)


def test_every_odd_event_was_sent_to_the_real_server() -> None:
    recorded = {f"{place}: {value}" for place, values in RECORDED.items() for value in values}
    assert {odd.name for odd in ODD} == recorded


@pytest.mark.integration
def test_the_stand_in_answers_as_the_real_server_did(server: Any) -> None:
    """Each fourth, and all encodings and texts; `just compare --odd -1` sends every one."""
    bodies = [odd for odd in ODD if odd.name.startswith(("body", "text", "whole", "content"))]
    chosen = [odd for odd in {*ODD[::SHARE], *bodies} if not is_listed(odd)]

    def send(odd: Odd) -> int:
        return post(server.session, server.api, odd.body, odd.headers, chunked=odd.chunked)

    with ThreadPoolExecutor(4) as senders:
        got = dict(zip((odd.name for odd in chosen), senders.map(send, chosen), strict=True))
    assert got == {odd.name: status_of(odd) for odd in chosen}
