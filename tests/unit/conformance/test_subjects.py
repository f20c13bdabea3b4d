"""What `plugins test` finds in a blueprint before the plugin runs: whether its stack could."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from floe_local.conformance.subjects import find_subjects
from floe_local.errors import InputError
from floe_local.operations.plugin_checks import check_plugins
from floe_local.operations.request import manifest_blueprints
from floe_local.operations.show import explain
from floe_local.operations.stacks import Where
from floe_local.plan.manifest.model import Manifest
from floe_local.plan.plugins.output import BackendRef
from floe_local.plan.values import Kind

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

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
        with find_subjects("acme") as (subject,):
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
    "a key twice": (BLUEPRINT + "name: acme\n", "name: duplicate key"),
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


GROUP = "floe_local.blueprints"
ASTRAY = {
    "name": ({GROUP: {"acmee": "acme"}}, "blueprint.yaml", ["'acmee'", "did you mean 'acme'?"]),
    "name's case": ({GROUP: {"Acme": "acme"}}, "blueprint.yaml", ["did you mean 'acme'?"]),
    "other name": ({GROUP: {"tempo": "acme"}}, "blueprint.yaml", ["did you mean 'acme'?"]),
    "group": (
        {"floe_local.blueprint": {"acme": "acme"}},
        "blueprint.yaml",
        ["'floe_local.blueprint'", f"did you mean '{GROUP}'?"],
    ),
    "dashed group": ({"floe-local.blueprints": {"acme": "acme"}}, "blueprint.yaml", [GROUP]),
    "short group": ({"floe.blueprints": {"acme": "acme"}}, "blueprint.yaml", [GROUP]),
    "no entry point": ({}, "blueprint.yaml", ["acme/blueprint.yaml", 'acme = "acme"']),
    "neither": ({}, "blueprint.yml", ["acme/blueprint.yml"]),
    "file's ending": ({GROUP: {"acme": "acme"}}, "blueprint.yml", ["rename", "blueprint.yml"]),
    "file's case": ({GROUP: {"acme": "acme"}}, "Blueprint.yaml", ["rename", "Blueprint.yaml"]),
    "file's plural": ({GROUP: {"acme": "acme"}}, "blueprints.yaml", ["rename"]),
    "left out": ({GROUP: {"acme": "acme"}}, "other.txt", ["the wheel leaves it out"]),
    "no package": ({GROUP: {"acme": "acmee"}}, "blueprint.yaml", ["no package of that name"]),
    "class": ({GROUP: {"acme": "acme:Plugin"}}, "blueprint.yml", ["rename"]),
    "module": ({GROUP: {"acme": "acme.plugin"}}, "blueprint.yaml", ["without a module"]),
}


@pytest.mark.parametrize("case", ASTRAY)
def test_a_blueprint_that_is_there_and_not_found_is_named(
    case: str, plugin_site: PluginSite, telemetry_source: Any
) -> None:
    points, file, expected = ASTRAY[case]
    package = plugin_site.folder / "acme"
    package.mkdir()
    (package / "__init__.py").write_text(telemetry_source())
    (package / file).write_text(BLUEPRINT)
    plugins = {"floe.telemetry_backends": {"acme": "acme:Plugin"}}
    plugin_site.metadata("acme-floe", "1.2", {**plugins, **points})

    with find_subjects("acme") as (subject,):
        fault = subject.blueprint_fault
    with pytest.raises(InputError) as caught:  # as `up` and `explain` say it
        manifest_blueprints(Manifest(backends=(BackendRef(kind=Kind.TELEMETRY, name="acme"),)))

    assert fault is not None
    assert (fault.reason, fault.hint) == (caught.value.reason, caught.value.hint)
    said = f"{fault.reason}; {fault.hint}"
    assert "acme-floe" in said
    assert not [text for text in expected if text not in said], said


def test_a_plugin_without_a_blueprint_may_stand_beside_one_with(
    plugin_site: PluginSite, telemetry_source: Any
) -> None:
    package = plugin_site.folder / "acme"
    package.mkdir()
    (package / "__init__.py").write_text(telemetry_source())
    (package / "blueprint.yaml").write_text(BLUEPRINT)
    points = {"floe.telemetry_backends": {"acme": "acme:Plugin", "acme-console": "acme:Plugin"}}
    plugin_site.metadata("acme-floe", "1.2", {**points, GROUP: {"acme": "acme"}})

    with find_subjects("acme-console") as (subject,):
        assert subject.blueprint_fault is None
        assert subject.blueprint is None


def test_two_ports_for_one_endpoint_are_a_warning_at_once(
    plugin_site: PluginSite, telemetry_source: Any, tmp_path: Path
) -> None:
    package = plugin_site.folder / "acme"
    package.mkdir()
    (package / "__init__.py").write_text(telemetry_source('name = "acme"').replace("odd:", "acme:"))
    (package / "blueprint.yaml").write_text(BLUEPRINT.replace("4317", "14317"))
    points = {"floe.telemetry_backends": {"acme": "acme:Plugin"}, GROUP: {"acme": "acme"}}
    plugin_site.metadata("acme-floe", "1.2", points)
    (tmp_path / "manifest.yaml").write_text("plugins: {telemetry_backend: acme}\n")

    (report,) = check_plugins("acme", collector=False).plugins
    (told,) = report.result("compiles").warnings
    (warning,) = explain(Where(folder=tmp_path)).warnings

    for text in (told, warning):
        assert "names port 4317" in text
        assert "14317" in text
        assert "mend blueprint.yaml" in text


@pytest.mark.parametrize(
    ("group", "package", "advice"),
    [
        ("floe.telemetry_backend", "acme", "did you mean 'floe.telemetry_backends'?"),
        ("floe.lineage-backends", "acme", "did you mean 'floe.lineage_backends'?"),
        ("floe.telemetry_backends", "acmee", "did you mean 'acme'?"),
    ],
)
def test_a_folder_whose_entry_points_are_misspelt(
    group: str, package: str, advice: str, tmp_path: Path
) -> None:
    (tmp_path / "src" / "acme").mkdir(parents=True)
    (tmp_path / "src" / "acme" / "__init__.py").write_text("")
    project = f'[project]\nname = "acme"\n[project.entry-points."{group}"]\nacme = "{package}:P"\n'
    (tmp_path / "pyproject.toml").write_text(project)

    with pytest.raises(InputError) as caught, find_subjects(tmp_path):
        pass

    assert advice in caught.value.hint


@pytest.mark.parametrize("ending", ["", "\\n"], ids=["no line", "a line"])
def test_a_credential_that_is_printed_is_found(
    ending: str, plugin_site: PluginSite, telemetry_source: Any
) -> None:
    body = f"""
        def validate_connection(self):
            import os
            print(os.environ.get("ODD_TOKEN"), end="{ending}")
            raise ConnectionError("no")
    """
    points = {"floe.telemetry_backends": {"odd": "Plugin"}}
    plugin_site.add(telemetry_source(body), module="odd", points=points)

    (report,) = check_plugins("odd", collector=False).plugins

    assert "what it prints holds the value of ODD_TOKEN" in report.result("credentials").reason
