"""The whole recording of a real Marquez, as it is and under other names."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    Replay = Callable[[Any, Any], tuple[Any, Any]]

pytestmark = pytest.mark.integration

NOT_FOLLOWED = {
    "namespace put",
    "namespace put, no owner",
    "dataset versions",
    "column lineage",
    "delete namespace",
    "namespace after delete",
}
"""Routes that nothing depends on: docs/stand-in.md lists them."""

OTHER_NAMES = {
    "floe-contract": "shop.warehous",
    "contract-put": "a:made.by+me",
    "orders": "dishes",
    "report": "review",
    "only": "solo",
    "ghost": "spuk5",
    "orphan": "waise7",
    "0190f3c2-0000-7000-8000": "0aaaf3c2-1111-4222-9333",
    "run-1": "run/2",
}


def differing(server: Any, cases: list[Any], replay: Replay) -> dict[str, tuple[Any, Any]]:
    """The cases, in order, whose answer is not the recorded one."""
    followed = [case for case in cases if case.name not in NOT_FOLLOWED]
    answers = {case.name: replay(server, case) for case in followed}
    return {name: (got, wanted) for name, (got, wanted) in answers.items() if got != wanted}


def test_every_recorded_request_is_answered_as_recorded(
    empty_server: Any, recorded: list[Any], replay: Replay
) -> None:
    assert len(recorded) == 93
    assert {case.name for case in recorded} >= NOT_FOLLOWED
    assert differing(empty_server, recorded, replay) == {}


def test_the_same_requests_under_other_names_and_ids(
    empty_server: Any, recorded: list[Any], replay: Replay
) -> None:
    renamed = [case.renamed(OTHER_NAMES) for case in recorded]
    assert differing(empty_server, renamed, replay) == {}


def test_a_wrong_answer_is_noticed(empty_server: Any, recorded: list[Any], replay: Replay) -> None:
    """The comparison itself can fail: with the run's end left out, its state is another."""
    cases = [
        case for case in recorded if case.name not in {"complete", "complete again (same event)"}
    ]
    assert "run after complete" in differing(empty_server, cases, replay)
