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
