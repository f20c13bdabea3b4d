"""`plugins test` with what a unit test has not: the real Collector, a stack."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from floe_local.errors import MachineError
from floe_local.operations.plugin_checks import LIVE, check_plugins
from floe_local.operations.scaffold import new_plugin
from floe_local.operations.status import list_stacks
from floe_local.plan.values import Kind
from floe_local.run.images import Policy
from tests.plugins.conftest import Workbench

if TYPE_CHECKING:
    from tests.conftest import PluginSite

pytestmark = pytest.mark.integration

ROOT = Path(__file__).parents[3]
LIVE_CASES = {
    "tests/adr/plugins/floe-telemetry-jaeger": "traces received",
    "tests/adr/plugins/floe-lineage-marquez": "lineage received",
    "plugins/floe-lineage-atlan": "lineage received-by-sandbox",
}
"""Distributions, and what the smoke test of each says."""


@pytest.mark.skipif(shutil.which("otelcol") is not None, reason="a binary goes before the image")
def test_the_real_collector_refuses_a_key_that_it_does_not_know(tmp_path: Path) -> None:
    folder = Path(new_plugin("odd", Kind.TELEMETRY, tmp_path).folder)
    source = folder / "src" / "floe_telemetry_odd" / "plugin.py"
    source.write_text(source.read_text("utf-8").replace('"endpoint": self', '"end_point": self'))
    (plugin,) = check_plugins(folder).plugins
    result = plugin.result("collector")
    assert result.outcome == "failed", plugin
    assert "end_point" in result.reason
    assert "telemetry plugin 'odd' (floe-telemetry-odd 0.1.0)" in result.reason


@pytest.mark.parametrize("folder", LIVE_CASES)
def test_a_folder_s_plugin_is_brought_up_smoke_tested_and_taken_down(folder: str) -> None:
    before = {s.stack for s in list_stacks().stacks}  # others run at the same time
    (plugin,) = check_plugins(ROOT / folder, live=True, policy=Policy(build="always")).plugins
    result = plugin.result(LIVE)
    assert result.outcome == "passed", result
    assert result.reason.startswith(LIVE_CASES[folder])
    left = [s.stack for s in list_stacks().stacks if s.stack.startswith("plugin-test-")]
    assert set(left) <= before


def test_an_image_that_cannot_be_had_is_the_machine_s_fault(tmp_path: Path) -> None:
    folder = Path(new_plugin("odd", Kind.LINEAGE, tmp_path).folder)
    with pytest.raises(MachineError) as caught:
        check_plugins(folder, live=True)
    assert "example/odd:1.0.0" in caught.value.reason


STARTS: dict[str, tuple[str, set[str], str]] = {
    "a file that is not there": (
        "{'basicauth': {'htpasswd': {'file': '/nowhere'}}}",
        {"collector"},
        "/nowhere: no such file",
    ),
    "a health check of its own": ("{'health_check': {}}", set(), ""),
    "a storage of its own": ("{'file_storage/own': {'directory': '/data'}}", set(), ""),
}


@pytest.mark.parametrize("case", STARTS)
def test_the_collector_is_started_on_the_config_that_up_would_run(
    case: str, plugin_site: PluginSite
) -> None:
    extensions, fails, told = STARTS[case]
    bench = Workbench(plugin_site)
    bench.blueprint()
    pipelines = "{'traces': {'receivers': ['otlp'], 'exporters': ['otlp_grpc/odd']}}"
    report = bench.check(
        f"def get_otlp_exporter_config(self):\n    extensions = {extensions}; return {{'extensions': extensions, 'exporters': "
        "{'otlp_grpc/odd': {'endpoint': 'odd:4317'}}, 'service': {'extensions': list(extensions), "
        f"'pipelines': {pipelines}}}}}",
        collector=True,
    )
    assert {check.check for check in report.checks if check.outcome == "failed"} == fails, report
    assert told in report.result("collector").reason
    assert report.result("collector").outcome != "skipped"
