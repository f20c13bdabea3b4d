from __future__ import annotations

from typing import Any, ClassVar

import pytest
from floe_telemetry_datadog import DatadogPlugin
from pydantic import ValidationError

from floe_local.plugin_api import TelemetryBackendPlugin
from floe_local.testing import PluginConformance

KEY = "0123456789abcdef0123456789abcdef"


class TestConformance(PluginConformance):
    kind: ClassVar[str] = "telemetry"
    plugin: ClassVar[str] = "datadog"


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DD_SITE", raising=False)


def exporter(plugin: DatadogPlugin) -> dict[str, Any]:
    found: dict[str, Any] = plugin.get_otlp_exporter_config()["exporters"]["datadog"]
    return found


def test_one_exporter_takes_all_three_signals() -> None:
    plugin = DatadogPlugin()
    assert isinstance(plugin, TelemetryBackendPlugin)
    assert exporter(plugin) == {
        "api": {"key": "${env:DD_API_KEY}", "site": "datadoghq.com"},
        "hostname": "otel-collector",
        "host_metadata": {"enabled": False},
    }
    pipelines = plugin.get_otlp_exporter_config()["service"]["pipelines"]
    assert list(pipelines) == ["traces", "metrics", "logs"]
    assert all(pipeline["exporters"] == ["datadog"] for pipeline in pipelines.values())
    assert plugin.get_helm_values() == {}


def test_the_site_is_the_config_s_else_that_of_dd_site(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DD_SITE", "us5.datadoghq.com")
    assert exporter(DatadogPlugin())["api"]["site"] == "us5.datadoghq.com"
    assert exporter(DatadogPlugin(site="datadoghq.eu"))["api"]["site"] == "datadoghq.eu"


@pytest.mark.parametrize(
    ("config", "said"),
    [
        ({"api_key": KEY}, "never written out"),
        ({"sight": "datadoghq.eu"}, "Extra inputs"),
        ({"site": "https://datadoghq.eu"}, "pattern"),
        ({"hostname": "no host"}, "pattern"),
        ({"timeout": 0}, "greater than 0"),
    ],
)
def test_what_is_no_config_is_refused(config: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        DatadogPlugin(**config)
