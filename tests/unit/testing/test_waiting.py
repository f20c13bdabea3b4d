"""The tests' own way of waiting can fail, and says what there was."""

from __future__ import annotations

import pytest

from tests.waiting import wait_for


def test_the_first_true_answer_is_given() -> None:
    answers = iter([None, [], [3]])

    assert wait_for(lambda: next(answers), "an answer") == [3]


def test_what_does_not_come_fails_the_test_with_what_there_is() -> None:
    with pytest.raises(pytest.fail.Exception, match=r"not within 0\.1 s: nothing there"):
        wait_for(lambda: False, lambda: "nothing there", 0.1)
