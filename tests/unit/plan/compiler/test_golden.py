"""Whole generated configs, word for word.

After a change that is meant: ``FLOE_UPDATE_GOLDEN=1 pytest tests/unit/plan/compiler/test_golden.py``,
then read the difference before committing it.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from floe_lineage_marquez import MarquezPlugin
from floe_telemetry_jaeger import JaegerPlugin

from floe_local.plan.compiler.compile import compile_outputs
from floe_local.plan.plugins.calls import call_plugin
from floe_local.plan.values import Kind

if TYPE_CHECKING:
    from collections.abc import Callable

    from floe_local.plan.artifacts import Compiled
    from floe_local.plan.blueprint.model import LocatedBlueprint

GOLDEN = Path(__file__).parent / "golden"
ARTIFACTS = ("otlp_collector_config", "openlineage_config")


@pytest.fixture
def compiled(  # noqa: PLR0917 - fixtures
    blueprints: dict[str, LocatedBlueprint],
    manifest: Callable[..., Any],
    telemetry: Callable[..., Any],
    lineage: Callable[..., Any],
    adr_jaeger: dict[str, Any],
    adr_marquez: dict[str, Any],
) -> dict[str, Compiled]:
    reference = (
        call_plugin(JaegerPlugin(), Kind.TELEMETRY),
        call_plugin(MarquezPlugin(), Kind.LINEAGE),
    )
    literal = (telemetry(adr_jaeger), lineage(adr_marquez))
    return {
        "reference": compile_outputs(manifest(), reference, blueprints),
        "adr-literal": compile_outputs(manifest(), literal, blueprints),
    }


@pytest.mark.parametrize("artifact", ARTIFACTS)
@pytest.mark.parametrize("pair", ["reference", "adr-literal"])
def test_the_generated_config_is_the_golden_one(
    pair: str, artifact: str, compiled: dict[str, Compiled]
) -> None:
    file = GOLDEN / f"{pair}.{artifact}.yaml"
    text = yaml.safe_dump(compiled[pair][artifact], sort_keys=False)
    if os.environ.get("FLOE_UPDATE_GOLDEN"):
        file.write_text(text, encoding="utf-8")
    assert text == file.read_text(encoding="utf-8")
