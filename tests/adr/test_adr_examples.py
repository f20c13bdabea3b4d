"""The tests that ADR-0035 ends with, with ``floe_core.plugins`` read as ``floe_local.plugin_api``.

Only what the ADR leaves open is added: where `Compiler` comes from, and a `spec`. Its shape
test for Jaeger runs on the class of the ADR, to the letter; the one for Marquez on both.
"""

from __future__ import annotations

from typing import Any
from unittest.mock import Mock

import pytest

from floe_local import Compiler, PluginRegistry
from floe_local.plugin_api import LineageBackendPlugin, TelemetryBackendPlugin

spec = Mock()


def test_compiler_with_mock_telemetry() -> None:
    """Test compiler with mocked telemetry plugin."""
    mock_plugin = Mock(spec=TelemetryBackendPlugin)
    mock_plugin.get_otlp_exporter_config.return_value = {"exporters": {"mock": {}}}
    compiler = Compiler(telemetry_plugin=mock_plugin)
    artifacts = compiler.compile(spec)
    assert "otlp_collector_config" in artifacts
    mock_plugin.get_otlp_exporter_config.assert_called_once()


def test_compiler_with_mock_lineage() -> None:
    """Test compiler with mocked lineage plugin."""
    mock_plugin = Mock(spec=LineageBackendPlugin)
    mock_plugin.get_transport_config.return_value = {
        "type": "http",
        "url": "http://mock:5000/api/v1/lineage",
    }
    compiler = Compiler(lineage_plugin=mock_plugin)
    artifacts = compiler.compile(spec)
    assert "openlineage_config" in artifacts
    mock_plugin.get_transport_config.assert_called_once()


def test_jaeger_plugin_generates_valid_config(adr_site: Any) -> None:
    """Test JaegerPlugin generates valid OTLP Collector config."""
    del adr_site
    plugin = PluginRegistry().get("telemetry", "jaeger")
    config = plugin.get_otlp_exporter_config()
    assert "exporters" in config
    assert "jaeger" in config["exporters"]
    assert config["exporters"]["jaeger"]["endpoint"] == "jaeger:14250"


@pytest.mark.parametrize("site", ["ours", "to the letter"])
def test_marquez_plugin_generates_valid_config(site: str, request: pytest.FixtureRequest) -> None:
    """Test MarquezPlugin generates valid OpenLineage transport config."""
    if site == "to the letter":
        request.getfixturevalue("adr_site")
    plugin = PluginRegistry().get("lineage", "marquez")
    config = plugin.get_transport_config()
    assert config["type"] == "http"
    assert "marquez" in config["url"]
    assert config["timeout"] == 5.0


@pytest.mark.parametrize("kind", ["telemetry", "lineage"])
def test_the_adrs_classes_compile(kind: str, adr_site: Any) -> None:
    del adr_site
    name = {"telemetry": "jaeger", "lineage": "marquez"}[kind]
    plugin = PluginRegistry().get(kind, name)
    artifacts = Compiler(**{f"{kind}_plugin": plugin}).compile(spec)
    assert {"telemetry": "otlp_collector_config", "lineage": "openlineage_config"}[
        kind
    ] in artifacts
