"""Every shape in which plugins return their exporters, from an installed plugin to `explain`."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from floe_local.errors import InputError
from floe_local.operations.show import Explanation, explain
from floe_local.operations.stacks import Where

RULES = Path(__file__).parents[2] / "docs" / "rules.md"
PLUGIN = """
from floe_core.plugins import TelemetryBackendPlugin

class Plugin(TelemetryBackendPlugin):
    name = "odd"
    version = "0.1.0"
    floe_api_version = {api!r}

    def get_otlp_exporter_config(self):
        return {config!r}

    def get_helm_values(self):
        return {{}}

    def validate_connection(self):
        return True
"""
OLDER = """
    def get_pipeline_config(self):
        return {"traces": {"exporters": ["otlp/odd"]}}
"""
EXPORTERS = {"otlp_grpc/odd": {"endpoint": "odd:4317", "tls": {"insecure": True}}}
TRACES = ["traces"]
ALL = ["traces", "metrics", "logs"]


class Shape(NamedTuple):
    """What a plugin returns; the rule that tells of it; the exporter and signals it becomes."""

    config: dict[str, Any]
    rule: str
    exporter: str = "otlp_grpc/odd"
    signals: list[str] = ALL
    members: str = ""


def whole(**pipeline: list[str]) -> dict[str, Any]:
    return {"exporters": EXPORTERS, "service": {"pipelines": {"traces": pipeline}}}


SHAPES = {
    "A": Shape(whole(receivers=["otlp"], exporters=["otlp_grpc/odd"]), "", signals=TRACES),
    "B": Shape(whole(exporters=["otlp_grpc/odd"]), "exporter-config-shape-b", signals=TRACES),
    "C": Shape({"exporters": EXPORTERS}, "exporter-config-shape-c"),
    "D": Shape({"otlp/odd": {"endpoint": "odd:4317"}}, "exporter-config-shape-d"),
    "D, with pipelines": Shape(
        {"otlp/odd": {"endpoint": "odd:4317"}},
        "exporter-config-shape-d",
        signals=TRACES,
        members=OLDER,
    ),
    "E": Shape(
        {"exporter_type": "otlp", "endpoint": "odd:4317", "insecure": True, "protocol": "grpc"},
        "exporter-config-shape-e",
        exporter="otlp_grpc",
    ),
    "E, console": Shape(
        {"exporter_type": "console"}, "exporter-config-shape-e", exporter="debug/odd"
    ),
}


BLUEPRINT = """
blueprint: 1
name: odd
title: Odd
kind: telemetry
accepts: [traces, metrics, logs]
ingest: {otlp-grpc: otlp-grpc}
services:
  odd:
    image: {upstream: "odd:1"}
    endpoints: [{name: otlp-grpc, port: 4317, protocol: otlp-grpc}]
"""


def explained(
    site: Any, folder: Path, source: str, blueprint: str | None = BLUEPRINT
) -> Explanation:
    site.add(source, module="odd", points={"floe.telemetry_backends": {"odd": "Plugin"}})
    manifest = "plugins: {telemetry_backend: odd}\n"
    if blueprint:
        (folder / "blueprint.yaml").write_text(blueprint)
        manifest += "local: {blueprints: [.]}\n"
    (folder / "manifest.yaml").write_text(manifest)
    return explain(Where(folder=folder))


@pytest.mark.parametrize("name", SHAPES)
def test_a_shape_is_one_config_and_its_rule_is_told(
    name: str, plugin_site: Any, tmp_path: Path
) -> None:
    shape = SHAPES[name]
    source = PLUGIN.format(config=shape.config, api="1.0") + shape.members

    told = explained(plugin_site, tmp_path, source)

    shapes = {c.rule for c in told.changes if c.rule.startswith("exporter-config-shape")}
    assert shapes == ({shape.rule} if shape.rule else set())
    assert told.otlp_collector_config is not None
    pipelines = told.otlp_collector_config["service"]["pipelines"]
    used = [s for s, pipeline in pipelines.items() if pipeline["exporters"] == [shape.exporter]]
    assert sorted(used) == sorted(shape.signals)


def test_each_shape_has_its_place_in_the_documentation() -> None:
    documented = set(re.findall(r"`(exporter-config-shape-\w)`", RULES.read_text()))
    assert documented == {shape.rule for shape in SHAPES.values() if shape.rule}


@pytest.mark.parametrize("api", ["1.0", "1.7.2", "2.0.0"])
def test_a_plugin_for_either_floe_api_is_explained(
    api: str, plugin_site: Any, tmp_path: Path
) -> None:
    source = PLUGIN.format(config={"exporters": EXPORTERS}, api=api)
    assert explained(plugin_site, tmp_path, source).otlp_collector_config


def test_a_console_needs_no_blueprint(plugin_site: Any, tmp_path: Path) -> None:
    source = PLUGIN.format(config={"exporter_type": "console"}, api="1.0")

    told = explained(plugin_site, tmp_path, source, blueprint=None)

    assert told.otlp_collector_config is not None
    pipelines = told.otlp_collector_config["service"]["pipelines"]
    assert [pipelines[signal]["exporters"] for signal in ALL] == [["debug/odd"]] * 3


def test_a_backend_that_is_anywhere_needs_one(plugin_site: Any, tmp_path: Path) -> None:
    source = PLUGIN.format(config={"exporters": EXPORTERS}, api="1.0")

    with pytest.raises(InputError, match="no blueprint of that name"):
        explained(plugin_site, tmp_path, source, blueprint=None)
