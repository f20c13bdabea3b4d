from __future__ import annotations

from time import monotonic
from typing import TYPE_CHECKING, Any, ClassVar

import pytest
from floe_telemetry_datadog import DatadogPlugin
from pydantic import ValidationError

from floe_local.plugin_api import CredentialError, TelemetryBackendPlugin
from floe_local.testing import PluginConformance

if TYPE_CHECKING:
    from plugins.conftest import Backend

KEY = "0123456789abcdef0123456789abcdef"


class TestConformance(PluginConformance):
    kind: ClassVar[str] = "telemetry"
    plugin: ClassVar[str] = "datadog"


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DD_API_KEY", KEY)
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


def test_datadog_is_asked_whether_it_takes_the_key(backend: Backend) -> None:
    backend.answers({"valid": True})
    assert DatadogPlugin(api_url=backend.url).validate_connection()
    ((method, path, headers, _),) = backend.asked
    assert (method, path, headers["DD-API-KEY"]) == ("GET", "/api/v1/validate", KEY)


@pytest.mark.parametrize("status", [401, 403])
def test_a_refused_key_is_a_credential_error(backend: Backend, status: int) -> None:
    backend.answers({"errors": ["Forbidden"]}, status)
    with pytest.raises(CredentialError, match=f"HTTP {status}") as caught:
        DatadogPlugin(api_url=backend.url).validate_connection()
    assert KEY not in str(caught.value)


def test_a_key_of_another_site_is_a_credential_error(backend: Backend) -> None:
    backend.answers({"valid": False})
    with pytest.raises(CredentialError, match="of this site"):
        DatadogPlugin(api_url=backend.url).validate_connection()


def test_a_variable_that_is_not_set_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DD_API_KEY")
    with pytest.raises(CredentialError, match="export DD_API_KEY"):
        DatadogPlugin().validate_connection()


def test_what_does_not_answer_is_a_connection_error(refusing_url: str, hanging_url: str) -> None:
    with pytest.raises(ConnectionError, match="cannot be reached"):
        DatadogPlugin(api_url=refusing_url).validate_connection()
    begun = monotonic()
    with pytest.raises(ConnectionError, match="timed out"):
        DatadogPlugin(api_url=hanging_url, timeout=0.2).validate_connection()
    assert monotonic() - begun < 2


def test_what_answers_otherwise_is_not_datadog(backend: Backend) -> None:
    backend.answers(["hello"])
    with pytest.raises(ConnectionError, match="is not Datadog"):
        DatadogPlugin(api_url=backend.url).validate_connection()
