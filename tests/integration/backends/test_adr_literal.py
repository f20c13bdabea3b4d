"""The four reference classes of ADR-0035, to the letter, in one stack."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import requests

from floe_local.operations.show import explain
from floe_local.plan.values import Signal
from floe_local.prove.report import Verdict
from floe_local.testing import FloeLocal
from tests.integration.backends.conftest import manifest

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.integration

RECEIVED = {Verdict.RECEIVED, Verdict.BY_STAND_IN}
PLAYED = {Verdict.BY_SANDBOX}
OLD_PATH = "/api/service/openlineage/event"


def test_all_four_pass_the_saas_ones_in_the_sandbox(
    adr_site: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    del adr_site
    for name in ("DD_API_KEY", "ATLAN_HOST", "ATLAN_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    file = manifest(tmp_path, ("jaeger", "datadog"), ("marquez", "atlan"))
    with FloeLocal(file) as stack:
        report = stack.smoke_test()
        assert report.ok, [
            (c.backend, c.signal, c.hop, c.reason) for c in report.checks if c.reason
        ]
        told = {
            (c.backend, c.signal, c.verdict)
            for c in report.checks
            if c.verdict is not Verdict.SKIPPED
        }
        assert {(b, s) for b, s, v in told if v in RECEIVED} == {
            ("jaeger", Signal.TRACES),
            ("marquez", Signal.LINEAGE),
        }
        # The ADR's class has pipelines for traces and metrics, and none for logs.
        assert {(b, s) for b, s, v in told if v in PLAYED} == {
            ("datadog", Signal.TRACES),
            ("datadog", Signal.METRICS),
            ("atlan", Signal.LINEAGE),
        }
        [moved] = [c for c in explain(stack.where).changes if c.rule == "retired-path"]
        assert (moved.level, moved.before) == ("warning", OLD_PATH.lstrip("/"))
        url = stack.endpoints["atlan-sandbox.sandbox"].rstrip("/")
        assert requests.post(f"{url}{OLD_PATH}", json={}, timeout=5).status_code == 404
