"""`floe-local render`: a stack's files, or Helm values."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import yaml

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.unit.cli.conftest import Ended


def test_helm_values_are_one_yaml_document(project: Path, floe: Callable[..., Ended]) -> None:
    ended = floe("render", "helm")
    assert ended.code == 0
    assert list(yaml.safe_load(ended.out)) == ["opentelemetry-collector", "jaeger", "marquez"]
    assert "# Not covered:" in ended.out
    assert list(project.iterdir()) == []


def test_json_has_values_and_what_they_do_not_cover(
    project: Path, floe: Callable[..., Ended]
) -> None:
    del project
    document = json.loads(floe("render", "helm", "--json").out)
    assert document["ok"] is True
    assert yaml.safe_load(document["files"]["values.yaml"]) == document["values"]
    assert {gap["what"] for gap in document["not_covered"]} >= {"Secret marquez-db"}


def test_helm_values_are_written_to_a_folder(project: Path, floe: Callable[..., Ended]) -> None:
    ended = floe("render", "helm", "-o", "out")
    assert ended.out == f"wrote {project / 'out' / 'values.yaml'}\n"
    assert yaml.safe_load((project / "out" / "values.yaml").read_text(encoding="utf-8"))


def test_a_backend_that_runs_elsewhere_is_not_played(
    project: Path, floe: Callable[..., Ended]
) -> None:
    (project / "manifest.yaml").write_text("plugins: {telemetry_backend: datadog}")
    document = json.loads(floe("render", "helm", "--json").out)
    config = document["values"]["opentelemetry-collector"]["alternateConfig"]
    assert config["exporters"]["datadog"]["api"]["key"] == "${env:DD_API_KEY}"
    assert "sandbox" not in json.dumps(document["values"])


def test_production_rules_hold_for_another_environment(
    project: Path, floe: Callable[..., Ended]
) -> None:
    (project / "prod").mkdir()
    (project / "prod" / "manifest.yaml").write_text("plugins: {telemetry_backend: jaeger}")
    ended = floe("-e", "prod", "render", "helm", "--json")
    assert ended.code == 2
    assert ended.error["code"] == "plain-text"


def test_without_an_argument_it_is_the_stack(project: Path, floe: Callable[..., Ended]) -> None:
    assert floe("render", "-o", "out").code == 0
    assert (project / "out" / "stack.compose.yaml").is_file()
    assert floe("render", "stack").out.startswith("# --- ")
    assert floe("render", "helmet").code == 2
