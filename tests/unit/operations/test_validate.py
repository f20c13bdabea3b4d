"""`plugins validate`: a real account is asked where `--live` says so, and only there."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from floe_local.operations.plugins import validate_plugins
from floe_local.operations.stacks import Where

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import PluginSite

PLUGIN = """
import os
from pathlib import Path
from floe_local.plugin_api import CredentialError, {base}

class Plugin({base}):
    name = "acme"
    version = "1.0.0"
    floe_api_version = "2.0.0"

    def get_otlp_exporter_config(self):
        return {{"exporters": {{"otlp_http/acme": {{"endpoint": "https://otlp.acme.test"}}}}}}

    def get_transport_config(self):
        return {{"type": "http", "url": "https://lineage.acme.test"}}

    def get_namespace_strategy(self):
        return {{"strategy": "backend_managed"}}

    def get_helm_values(self):
        return {{}}

    def validate_connection(self):
        with Path({asked!r}).open("a") as file:
            file.write("asked ")
        if not os.environ.get("ACME_KEY"):
            raise CredentialError("ACME_KEY is not set: export ACME_KEY=…")
        return True
"""
BLUEPRINT = """
blueprint: 1
name: {name}
title: Acme
kind: {kind}
accepts: [{signal}]
sandbox:
  exporters: {{otlp_http: {{endpoint: "{{sandbox}}"}}}}
  transport: {{url: "{{sandbox}}"}}
  routes: [{{name: all, path: /, decode: otlp, signal: {signal}}}]
  readback:
    {signal}:
      - name: p
        each: {each}
        request: {{endpoint: control, path: /}}
        expect: [{{field: f, query: a, equals: 1}}]
        absent: {{status: 404}}
"""
KINDS = {
    "acme-otlp": ("telemetry", "TelemetryBackendPlugin", "traces", "trace"),
    "acme-lineage": ("lineage", "LineageBackendPlugin", "lineage", "run"),
}


@pytest.fixture
def project(tmp_path: Path, plugin_site: PluginSite, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with two SaaS backends, one of each kind."""
    monkeypatch.delenv("ACME_KEY", raising=False)
    lines = ["local: {blueprints: [blueprints]}", "plugins:"]
    for name, (kind, base, signal, each) in KINDS.items():
        plugin_site.add(
            PLUGIN.format(base=base, asked=str(tmp_path / "asked")),
            module=name.replace("-", "_"),
            points={f"floe.{kind}_backends": {name: "Plugin"}},
        )
        folder = tmp_path / "blueprints" / name
        folder.mkdir(parents=True)
        text = BLUEPRINT.format(name=name, kind=kind, signal=signal, each=each)
        (folder / "blueprint.yaml").write_text(text, encoding="utf-8")
        lines.append(f"  {kind}_backend: {name}")
    (tmp_path / "manifest.yaml").write_text("\n".join(lines), encoding="utf-8")
    return tmp_path


def test_without_live_the_account_is_not_asked(project: Path) -> None:
    result = validate_plugins(Where(folder=project))
    assert {(p.name, p.status) for p in result.plugins} == {(n, "skipped") for n in KINDS}
    assert all("validate --live" in p.hint for p in result.plugins)
    assert result.ok
    assert "plays every backend" in result.reason
    assert not (project / "asked").exists()


def test_live_asks_each(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    live = Where(folder=project, live=True)
    refused = validate_plugins(live)
    assert {(p.name, p.status) for p in refused.plugins} == {(n, "failed") for n in KINDS}
    assert all("ACME_KEY is not set" in p.reason for p in refused.plugins)
    monkeypatch.setenv("ACME_KEY", "k")
    assert validate_plugins(live).ok
    assert (project / "asked").read_text() == "asked " * 4
