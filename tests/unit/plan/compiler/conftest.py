"""What the compiler's tests share: shipped blueprints, outputs as the ADR's plugins give them."""

from __future__ import annotations

from copy import deepcopy
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from floe_local.plan.blueprint.lookup import find_blueprints
from floe_local.plan.blueprint.model import LocatedBlueprint
from floe_local.plan.blueprint.placement import resolve_placement
from floe_local.plan.compiler.compile import compile_outputs
from floe_local.plan.manifest.model import LocalSettings, Manifest
from floe_local.plan.plugins.output import PluginOutput
from floe_local.plan.values import Egress

if TYPE_CHECKING:
    from collections.abc import Callable

    from floe_local.plan.artifacts import Compiled
    from floe_local.plan.blueprint.model import Blueprint

ADR_JAEGER = {
    "exporters": {"jaeger": {"endpoint": "jaeger:14250", "tls": {"insecure": True}}},
    "service": {
        "pipelines": {
            "traces": {"receivers": ["otlp"], "processors": ["batch"], "exporters": ["jaeger"]}
        }
    },
}
ADR_MARQUEZ = {
    "type": "http",
    "url": "http://marquez:5000/api/v1/lineage",
    "timeout": 5.0,
    "endpoint": "api/v1/lineage",
}
ADR_STRATEGY = {
    "strategy": "environment_based",
    "template": "floe-{environment}",
    "environment_var": "FLOE_ENVIRONMENT",
}


def telemetry_output(config: Any, name: str = "jaeger", **more: Any) -> PluginOutput:
    return PluginOutput(
        kind="telemetry",
        name=name,
        distribution=f"floe-telemetry-{name}",
        distribution_version="1.2.3",
        exporter_config=config,
        **more,
    )


def lineage_output(
    transport: Any, strategy: Any = ADR_STRATEGY, name: str = "marquez", **more: Any
) -> PluginOutput:
    return PluginOutput(
        kind="lineage",
        name=name,
        distribution=f"floe-lineage-{name}",
        distribution_version="1.2.3",
        transport=transport,
        namespace_strategy=strategy,
        **more,
    )


@pytest.fixture(scope="session")
def blueprints() -> dict[str, LocatedBlueprint]:
    return resolve_placement(find_blueprints(["collector", "jaeger", "marquez"]), live=False)


def placed(*blueprints: Blueprint) -> dict[str, LocatedBlueprint]:
    """Blueprints of a test's own, without a sandbox, where a stack runs them."""
    found = {
        b.name: LocatedBlueprint(blueprint=b, folder=Path(), source="a test") for b in blueprints
    }
    return resolve_placement(found, live=False)


def egress_of(*, live: bool) -> Egress:
    """What may be called with `--live`, or without."""
    return Egress.ANYWHERE if live else Egress.STACK


@pytest.fixture(scope="session")
def telemetry() -> Callable[..., PluginOutput]:
    return telemetry_output


@pytest.fixture(scope="session")
def lineage() -> Callable[..., PluginOutput]:
    return lineage_output


@pytest.fixture(scope="session")
def manifest() -> Callable[..., Manifest]:
    """Make a manifest with the given `local` settings."""

    def make(environment: str = "local", **local: Any) -> Manifest:
        settings = LocalSettings.model_validate(local)
        return Manifest(project="shop", environment=environment, local=settings)

    return make


@pytest.fixture(scope="session")
def compile_config(
    blueprints: dict[str, LocatedBlueprint], manifest: Callable[..., Manifest]
) -> Callable[..., Compiled]:
    """Compile exporter configs of Jaeger's name, against the shipped blueprints."""

    def run(config: Any, name: str = "jaeger", more: Any = None, **local: Any) -> Compiled:
        output = telemetry_output(config, name, **(more or {}))
        return compile_outputs(manifest(**local), (output,), blueprints)

    return run


@pytest.fixture(scope="session")
def compile_transport(
    blueprints: dict[str, LocatedBlueprint], manifest: Callable[..., Manifest]
) -> Callable[..., Compiled]:
    """Compile a transport of Marquez's name, against the shipped blueprints."""

    def run(
        transport: Any, name: str = "marquez", strategy: Any = ADR_STRATEGY, *, live: bool = False
    ) -> Compiled:
        outputs = (lineage_output(transport, strategy, name),)
        return compile_outputs(manifest(), outputs, blueprints, egress=egress_of(live=live))

    return run


@pytest.fixture
def adr_jaeger() -> dict[str, Any]:
    return deepcopy(ADR_JAEGER)


@pytest.fixture
def adr_marquez() -> dict[str, Any]:
    return deepcopy(ADR_MARQUEZ)
