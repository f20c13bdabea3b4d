"""The reference pair, from no manifest at all: up, proven, changed, down."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
import yaml

from floe_local.operations.down import down
from floe_local.operations.request import UpSettings
from floe_local.operations.show import env, explain, render, urls
from floe_local.operations.smoke_test import smoke_test
from floe_local.operations.stacks import Where
from floe_local.operations.status import status
from floe_local.operations.up import up
from floe_local.plan.stack.model import identify
from floe_local.prove.targets import SmokeOptions
from floe_local.run.compose_cli import find_compose
from floe_local.run.process import run

if TYPE_CHECKING:
    from pathlib import Path

    from floe_local.run.engine import Engine
    from tests.integration.stack.conftest import Stacks

pytestmark = pytest.mark.integration

MANIFEST = """
plugins: {telemetry_backend: jaeger, lineage_backend: marquez}
"""


def test_the_whole_way(engine: Engine, stacks: Stacks, tmp_path: Path) -> None:
    where = Where(folder=tmp_path)
    project = identify(tmp_path).project
    stacks.projects.add(project)
    (tmp_path / "manifest.yaml").write_text(MANIFEST)
    settings = UpSettings(free_ports=True)

    assert up(where, settings).changed
    assert status(where, engine).ready
    assert smoke_test(where, SmokeOptions()).ok
    again = up(where, settings)
    assert not again.changed

    before = {c.service: c.id for c in engine.containers(project)}
    (tmp_path / "manifest.yaml").write_text(
        MANIFEST + "local: {resource_attributes: {team: data}}\n"
    )
    assert up(where, settings).changed
    after = {c.service: c.id for c in engine.containers(project)}
    assert [name for name in before if before[name] != after[name]] == ["otel-collector"]
    assert smoke_test(where, SmokeOptions()).ok

    inside = json.loads(env(where, "json", container=True).text)
    assert {u.container_url for u in urls(where).urls} >= {
        inside["OTEL_EXPORTER_OTLP_ENDPOINT"] + "/",
        inside["OPENLINEAGE_URL"].removesuffix("api/v1/lineage"),
    }
    down(where, volumes=True, engine=engine)
    assert not engine.holdings(project)


def test_render_is_valid_for_compose_without_an_engine(tmp_path: Path) -> None:
    where = Where(folder=tmp_path)
    output = tmp_path / "out"
    files = render(where, output).files
    assert not (tmp_path / ".floe-local").exists()
    checked = run(
        [find_compose(), "-f", str(output / "stack.compose.yaml"), "config"],
        env={"DOCKER_HOST": "unix:///nowhere.sock", "FLOE_SECRET_POSTGRES": ""},
    )
    services = yaml.safe_load(checked.output)["services"]
    assert set(services) == set(yaml.safe_load(files["stack.compose.yaml"])["services"])
    assert services["marquez"]["image"] == "marquezproject/marquez:0.51.1"
    assert explain(where).otlp_collector_config is not None
