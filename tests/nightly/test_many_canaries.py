"""What is too long for every commit: a thousand canaries, each accounted for."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from floe_local.testing import FloeLocal

pytestmark = pytest.mark.nightly

COUNT = 1000


def test_a_thousand_of_each_are_accounted_for(floe_stack: FloeLocal) -> None:
    report = floe_stack.smoke_test(count=COUNT, deadline=120)
    assert report.ok, report.reason
    accounts = {account.signal: account for account in report.bulk}
    assert set(accounts) == {"traces", "lineage"}
    for account in accounts.values():
        assert (account.sent, account.acknowledged, account.stored) == (COUNT, COUNT, COUNT)
        assert account.missing == ()
