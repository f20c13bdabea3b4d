"""The fixtures of floe-local's pytest plugin."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from openlineage.client import OpenLineageClient

from floe_local.testing.pytest_plugin import aliases_removed

if TYPE_CHECKING:
    import pytest


def test_what_a_client_adds_to_the_environment_goes_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENLINEAGE_URL", "http://127.0.0.1:9")
    before = dict(os.environ)
    with aliases_removed():
        OpenLineageClient()
        assert {*os.environ} > {*before}  # or there is nothing to remove
    assert dict(os.environ) == before
