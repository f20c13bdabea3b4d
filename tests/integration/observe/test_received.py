"""What lies between the Collector's receiver and its exporters, on stacks of their own."""

from __future__ import annotations

import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest
import yaml

from floe_local.plan.blueprint.model import compose_folder
from floe_local.testing import FloeLocal
from tests.integration.observe.test_run import codes, run_on, texts

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import PluginSite

pytestmark = pytest.mark.integration

PLUGIN = """
from floe_telemetry_jaeger import JaegerPlugin

class ScrubPlugin(JaegerPlugin):
    name = "scrub"

    def get_otlp_exporter_config(self):
        config = super().get_otlp_exporter_config()
        config["service"]["pipelines"]["traces"]["processors"] = ["attributes/scrub"]
        actions = [{"key": "number", "action": "delete"}]
        return {**config, "processors": {"attributes/scrub": {"actions": actions}}}
"""


def project(folder: Path, site: PluginSite) -> Path:
    """A project whose plugin deletes an attribute, and that keeps half of all traces."""
    group = {"floe.telemetry_backends": {"scrub": "ScrubPlugin"}}
    site.add(PLUGIN, module="floe_telemetry_scrub", points=group)
    shutil.copytree(compose_folder() / "jaeger", folder / "blueprints" / "scrub")
    blueprint = folder / "blueprints" / "scrub" / "blueprint.yaml"
    blueprint.write_text(blueprint.read_text().replace("name: jaeger\n", "name: scrub\n", 1))
    manifest = folder / "manifest.yaml"
    manifest.write_text(
        yaml.safe_dump(
            {
                "plugins": {"telemetry_backend": "scrub"},
                "local": {"blueprints": ["blueprints"], "sampling": 0.5},
            }
        )
    )
    return manifest


def test_processors_are_causes_and_what_they_do_not_explain_is_a_loss(
    tmp_path: Path, plugin_site: PluginSite
) -> None:
    with FloeLocal(project(tmp_path, plugin_site)) as stack:
        result = run_on(stack, "spans=0", "traces=60")
        [kept] = [one for one in result.verdict.stored if one.signal == "spans"]
        assert 0 < kept.stored < kept.acknowledged == 61
        assert set(codes(result)) == {"left-out-by-processor", "changed-by-processor"}
        left_out = kept.acknowledged - kept.stored
        [said] = texts(result, "left-out-by-processor")
        assert said.startswith(f"probabilistic_sampler: it left out {left_out} of 61 spans")
        changed = texts(result, "changed-by-processor")
        assert all("attributes.number" in text for text in changed)
        assert all(text.endswith("(attributes/scrub)") for text in changed)
        assert result.exit_code == 0
        jaeger = stack.get_container("jaeger")
        subprocess.run(["docker", "stop", "-t1", str(jaeger.ID)], check=True)
        result = run_on(stack, "spans=0", "traces=60", deadline_s=4.0)
        assert codes(result)["not-stored"] > 0
        assert "processors left out" in texts(result, "not-stored")[0]
        assert result.exit_code == 1


def test_metrics_and_logs_are_counted_to_the_exporter(tmp_path: Path) -> None:
    manifest = tmp_path / "manifest.yaml"
    manifest.write_text(yaml.safe_dump({"plugins": {"telemetry_backend": "grafana-cloud"}}))
    with FloeLocal(manifest) as stack:
        result = run_on(stack, "points=3")
        counted = {
            one.signal: (one.acknowledged, one.stored, one.exported)
            for one in result.verdict.stored
        }
        assert counted["metric points"] == (3, 3, True)
        assert codes(result) == {}
        assert result.exit_code == 0
