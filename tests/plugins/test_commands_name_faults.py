"""A plugin that misbehaves is named, with distribution, version and cause; nothing is changed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.conftest import PluginSite
    from tests.unit.cli.conftest import Ended

PLUGIN = """
import os
import time
from floe_core.plugins import TelemetryBackendPlugin

class Plugin(TelemetryBackendPlugin):
    name, version, floe_api_version = "odd", "9.9.9", "2.0.0"

    def get_otlp_exporter_config(self):
        BODY

    def get_helm_values(self):
        return {}

    def validate_connection(self):
        return True
"""
MANIFEST = "plugins:\n  telemetry_backend: odd\nlocal: {plugin_deadline: LIMIT}\n"
WHO = "manifest.yaml:2: telemetry plugin 'odd' (odd-plugin 1.2.3): get_otlp_exporter_config()"
OWNER = "telemetry plugin 'odd' (odd-plugin 1.2.3)"
PIPELINE = '"service": {"pipelines": {"traces": {"exporters": ["EXPORTER"]}}}'
EXPORTERS = '"exporters": {"otlp_grpc/a": {"endpoint": "a:4317"}}'

CASES = {
    "raises": ("raise OSError(os.environ['ODD_TOKEN'])", "plugin-raised", f"{WHO} raised OSError"),
    "hangs": ("time.sleep(600)", "plugin-timeout", f"{WHO} did not end within 1.5 s (hung at "),
    "exits": ("raise SystemExit(0)", "plugin-raised", f"{WHO} called sys.exit(0)"),
    "dies": ("os._exit(3)", "plugin-crashed", f"{WHO} ended the process with exit code 3"),
    "crashes": ("os.kill(os.getpid(), 11)", "plugin-crashed", f"{WHO} was ended by SIGSEGV"),
    "a list": ("return ['x']", "plugin-returned-no-dict", f"{WHO} returned a list, not a dict"),
    "nothing": ("return None", "plugin-returned-no-dict", f"{WHO} returned"),
    "objects": ("return {'a': object()}", "plugin-not-json", f"{WHO} returned something"),
    "no config": ("return {'colour': 'red'}", "plugin-output", f"{OWNER}: "),
    "exporters a list": ("return {'exporters': ['a']}", "plugin-output", f"{OWNER}: exporters"),
    "unknown exporter": (
        f"return {{{EXPORTERS}, {PIPELINE.replace('EXPORTER', 'otlp_grpc/b')}}}",
        "plugin-output",
        f"{OWNER}: service.pipelines.traces.exporters: 'otlp_grpc/b' is not defined",
    ),
    "a literal secret": (
        f"return {{{EXPORTERS[:-2]}, 'headers': {{'api_key': 'x1y2z3'}}}}}}}}",
        "plugin-output",
        f"{OWNER}: exporters.otlp_grpc/a.headers.api_key: holds a credential written out",
    ),
    "unused exporter": (
        f"return {{{EXPORTERS[:-1]}, 'debug': {{}}}}, {PIPELINE.replace('EXPORTER', 'debug')}}}",
        "plugin-output",
        f"{OWNER}: exporters.otlp_grpc/a: no pipeline uses it",
    ),
}


@pytest.fixture(autouse=True)
def _known_plugin(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (project / "manifest.yaml").write_text(MANIFEST.replace("LIMIT", "30"))
    monkeypatch.setenv("ODD_TOKEN", "not-to-be-told")


def install(
    site: PluginSite, source: str, *, name: str = "odd_plugin", version: str = "1.2.3"
) -> None:
    points = {"floe.telemetry_backends": {"odd": "Plugin"}}
    site.add(source, module=name, points=points, version=version)


@pytest.mark.parametrize("case", CASES)
def test_a_plugin_that_misbehaves_is_named(
    case: str, plugin_site: PluginSite, project: Path, floe: Callable[..., Ended]
) -> None:
    body, code, told = CASES[case]
    install(plugin_site, PLUGIN.replace("BODY", body))
    if code == "plugin-timeout":
        (project / "manifest.yaml").write_text(MANIFEST.replace("LIMIT", "1.5"))
    ended = floe("up", "--json")
    assert (ended.code, ended.err) == (2, "")
    assert ended.error["code"] == code, ended.out
    assert told in ended.error["reason"], ended.out
    assert ended.error["hint"]
    assert "not-to-be-told" not in ended.out
    assert "Traceback" not in ended.out
    assert [path.name for path in project.iterdir()] == ["manifest.yaml"]


@pytest.mark.parametrize(
    ("source", "told"),
    [
        ("import nowhere_at_all", "import of odd_plugin raised ModuleNotFoundError"),
        ("class Plugin(", "import of odd_plugin raised SyntaxError"),
        ("Other = 1", "odd_plugin has no 'Plugin'"),
        ("class Plugin: pass", "get_otlp_exporter_config"),
        (PLUGIN.replace("2.0.0", "7.0").replace("BODY", "return {}"), "7.0"),
    ],
)
def test_a_plugin_that_cannot_be_loaded_is_named(
    source: str, told: str, plugin_site: PluginSite, floe: Callable[..., Ended]
) -> None:
    install(plugin_site, source)
    ended = floe("up")
    assert (ended.code, ended.out) == (2, "")
    assert OWNER in ended.err
    assert told in ended.err
    assert "\n  hint: " in ended.err
    assert "Traceback" not in ended.err


def test_two_plugins_of_one_name_are_told_with_their_distributions(
    plugin_site: PluginSite, floe: Callable[..., Ended]
) -> None:
    install(plugin_site, PLUGIN, version="1")
    install(plugin_site, PLUGIN, name="other", version="2")
    ended = floe("up")
    assert ended.code == 2
    assert "odd-plugin 1 (odd_plugin:Plugin) and other 2 (other:Plugin)" in ended.err


@pytest.mark.parametrize(
    ("receipt", "told"),
    [
        ("uv-receipt.toml", "uv tool install floe-local --with <its distribution>"),
        ("pipx_metadata.json", "pipx inject floe-local <its distribution>"),
    ],
)
def test_how_a_plugin_is_added_depends_on_what_installed_floe_local(
    receipt: str,
    told: str,
    tmp_path: Path,
    floe: Callable[..., Ended],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (tmp_path / receipt).write_text("")
    monkeypatch.setattr("sys.prefix", str(tmp_path))
    ended = floe("up")
    assert ended.code == 2
    assert told in ended.err


BLUEPRINT = """
blueprint: 1
name: odd
title: Odd
kind: telemetry
services:
  odd:
    image: {upstream: "example/odd:1"}
    endpoints: [{name: otlp, port: 4317, protocol: otlp-grpc}]
ingest: {otlp-grpc: otlp}
helm: [{path: storage, one_of: [memory]}]
"""
RETURNED = "return {'exporters': {'otlp_grpc/odd': {'endpoint': 'odd:4317'}}}"


def bring_blueprint(site: PluginSite, *, package: str = "odd_data", text: str = BLUEPRINT) -> None:
    (site.folder / package).mkdir()
    (site.folder / package / "blueprint.yaml").write_text(text)
    site.metadata(package.replace("_", "-"), "0.1", {"floe_local.blueprints": {"odd": package}})


def test_helm_values_that_the_blueprint_does_not_allow_are_told(
    plugin_site: PluginSite, floe: Callable[..., Ended]
) -> None:
    bring_blueprint(plugin_site)
    source = PLUGIN.replace("BODY", RETURNED).replace("return {}", "return {'storage': 'disk'}")
    install(plugin_site, source)
    error = floe("render", "--json").error
    assert error["code"] == "helm-value"
    assert f"{OWNER}: its Helm value storage is disk; locally it can be: memory" in error["reason"]


EXPECTATION = """
readback:
  traces:
    - name: trace
      each: trace
      request: {endpoint: otlp, path: "/traces/PATH"}
      expect: [{field: id, query: "QUERY", equals: 1}]
      absent: {status: 404}
"""
BROKEN_BLUEPRINTS = {
    "a broken expectation": (
        BLUEPRINT + EXPECTATION.replace("QUERY", "a["),
        "readback.traces[0].expect[0].query: no JMESPath",
    ),
    "an unknown placeholder": (
        BLUEPRINT + EXPECTATION.replace("PATH", "{colour}").replace("QUERY", "a"),
        "readback.traces[0].request.path: unknown placeholder {colour}",
    ),
    "a path outside its folder": (
        BLUEPRINT.replace('{upstream: "example/odd:1"}', "{recipe: ../../elsewhere}"),
        "services.odd.image.recipe: a path outside the blueprint's folder",
    ),
}


@pytest.mark.parametrize("case", BROKEN_BLUEPRINTS)
def test_a_broken_blueprint_is_told_with_its_field_and_who_brought_it(
    case: str, plugin_site: PluginSite, floe: Callable[..., Ended]
) -> None:
    text, told = BROKEN_BLUEPRINTS[case]
    bring_blueprint(plugin_site, text=text)
    install(plugin_site, PLUGIN.replace("BODY", RETURNED))
    error = floe("up", "--json").error
    assert error["code"] == "blueprint-invalid"
    assert told in error["reason"]
    assert "odd_data/blueprint.yaml:" in error["reason"]
    assert "(brought by odd-data 0.1)" in error["hint"]


def test_two_blueprints_of_one_name_are_told_with_who_brought_them(
    plugin_site: PluginSite, floe: Callable[..., Ended]
) -> None:
    bring_blueprint(plugin_site)
    bring_blueprint(plugin_site, package="more_data")
    install(plugin_site, PLUGIN.replace("BODY", RETURNED))
    error = floe("up", "--json").error
    assert error["code"] == "blueprint-ambiguous"
    assert "two blueprints are called 'odd'" in error["reason"]
    assert "odd-data 0.1" in error["reason"]
    assert "more-data 0.1" in error["reason"]


def test_a_validation_that_hangs_is_ended_and_pointed_at(
    plugin_site: PluginSite, project: Path, floe: Callable[..., Ended]
) -> None:
    (project / "manifest.yaml").write_text(MANIFEST.replace("LIMIT", "1.5"))
    source = PLUGIN.replace("BODY", RETURNED).replace("return True", "time.sleep(600)")
    install(plugin_site, source)
    ended = floe("plugins", "validate")
    assert ended.code == 1
    assert f"{OWNER}: validate_connection() did not end within 1.5 s (hung at " in ended.out
