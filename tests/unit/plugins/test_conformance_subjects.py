"""What `plugins test` finds in a blueprint before the plugin runs: whether its stack could."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from floe_local.conformance.subjects import subjects

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.conftest import PluginSite

BLUEPRINT = """
blueprint: 1
name: acme
title: Acme
kind: telemetry
accepts: [traces]
ingest: {otlp-grpc: otlp}
services:
  acme:
    image: {upstream: "acme:1"}
    endpoints: [{name: otlp, port: 4317, protocol: otlp-grpc}]
"""


@pytest.fixture
def fault(plugin_site: PluginSite, telemetry_source: Any) -> Callable[[str], str | None]:
    """What is said against a plugin's blueprint; None: nothing."""

    def of(text: str) -> str | None:
        package = plugin_site.folder / "acme"
        package.mkdir()
        (package / "__init__.py").write_text(telemetry_source())
        (package / "blueprint.yaml").write_text(text)
        points = {"floe.telemetry_backends": {"acme": "acme:Plugin"}}
        plugin_site.metadata(
            "acme-floe", "1.2", {**points, "floe_local.blueprints": {"acme": "acme"}}
        )
        with subjects("acme") as (subject,):
            found = subject.blueprint_fault
        return f"{found.reason}; {found.hint}" if found else None

    return of


def test_a_blueprint_that_can_run(fault: Any) -> None:
    assert fault(BLUEPRINT + "requires: [postgres]\n") is None


CANNOT_RUN = {
    "no such requirement": (BLUEPRINT + "requires: [nope]\n", "there is no blueprint 'nope'"),
    "itself": (BLUEPRINT + "requires: [acme]\n", "'acme' requires itself"),
    "a part's service": (
        BLUEPRINT.replace("  acme:\n", "  postgres:\n") + "requires: [postgres]\n",
        "'postgres' and 'acme' both have a service 'postgres'",
    ),
    "the Collector's service": (
        BLUEPRINT.replace("  acme:\n", "  otel-collector:\n"),
        "'collector' and 'acme' both have a service 'otel-collector'",
    ),
    "broken YAML": ("a: [", "broken YAML"),
    "a key twice": (BLUEPRINT + "name: acme\n", "name: is there twice"),
}


@pytest.mark.parametrize("case", CANNOT_RUN)
def test_a_blueprint_that_cannot_run_names_who_brought_it(case: str, fault: Any) -> None:
    text, expected = CANNOT_RUN[case]

    said = fault(text)

    assert said is not None
    assert expected in said
    assert "acme-floe 1.2" in said


def test_a_recipe_that_is_not_there(fault: Any) -> None:
    said = fault(BLUEPRINT.replace('{upstream: "acme:1"}', "{recipe: image}"))

    assert "image/recipe.yaml: No such file" in said
