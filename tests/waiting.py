"""Waiting for what comes in its own time, up to a deadline."""

from __future__ import annotations

from time import monotonic, sleep
from typing import TYPE_CHECKING, TypeVar

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

Answer = TypeVar("Answer")

WITHIN_S = 30.0
BETWEEN_TWO_LOOKS_S = 0.05


def wait_for(
    ask: Callable[[], Answer], what: str | Callable[[], str], within_s: float = WITHIN_S
) -> Answer:
    """Ask until the answer is true, and give it; fail the test when the deadline has passed.

    Args:
        ask: what is asked again and again.
        what: is waited for; a function is called when it did not come, to say what there is.
        within_s: seconds from now.
    """
    deadline = monotonic() + within_s
    while not (answer := ask()):
        if monotonic() > deadline:
            said = what if isinstance(what, str) else what()
            pytest.fail(f"not within {within_s:g} s: {said}", pytrace=False)
        sleep(BETWEEN_TWO_LOOKS_S)
    return answer
