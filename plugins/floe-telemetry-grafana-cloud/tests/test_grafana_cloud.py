from __future__ import annotations

from typing import Any, ClassVar

import pytest
from floe_telemetry_grafana_cloud import GrafanaCloudPlugin
from pydantic import ValidationError

from floe_local.plugin_api import TelemetryBackendPlugin
from floe_local.testing import PluginConformance

AUTH = "basicauth/grafana-cloud"


class TestConformance(PluginConformance):
    kind: ClassVar[str] = "telemetry"
    plugin: ClassVar[str] = "grafana-cloud"


def test_all_three_signals_go_to_the_gateway_with_basic_auth() -> None:
    plugin = GrafanaCloudPlugin(zone="prod-eu-west-2", instance_id="4711")
    assert isinstance(plugin, TelemetryBackendPlugin)
    config = plugin.get_otlp_exporter_config()
    assert config["exporters"] == {
        "otlp_http/grafana-cloud": {
            "endpoint": "https://otlp-gateway-prod-eu-west-2.grafana.net/otlp",
            "auth": {"authenticator": AUTH},
        }
    }
    account = {"username": "4711", "password": "${env:GRAFANA_CLOUD_API_KEY}"}
    assert config["extensions"] == {AUTH: {"client_auth": account}}
    assert config["service"]["extensions"] == [AUTH]
    assert list(config["service"]["pipelines"]) == ["traces", "metrics", "logs"]
    assert plugin.get_helm_values() == {}


def test_zone_and_instance_are_the_environment_s_if_nobody_tells_them() -> None:
    config = GrafanaCloudPlugin().get_otlp_exporter_config()
    (exporter,) = config["exporters"].values()
    assert exporter["endpoint"] == "https://otlp-gateway-${env:GRAFANA_CLOUD_ZONE}.grafana.net/otlp"
    account = config["extensions"][AUTH]["client_auth"]
    assert account["username"] == "${env:GRAFANA_CLOUD_INSTANCE_ID}"


def test_a_whole_endpoint_goes_before_the_zone() -> None:
    config = GrafanaCloudPlugin(endpoint="https://otlp.example/otlp/").get_otlp_exporter_config()
    (exporter,) = config["exporters"].values()
    assert exporter["endpoint"] == "https://otlp.example/otlp"


@pytest.mark.parametrize(
    ("config", "said"),
    [
        ({"token": "glc_written-out"}, "never written out"),
        ({"zone": "https://otlp"}, "pattern"),
        ({"instance_id": "me"}, "pattern"),
        ({"zonne": "prod"}, "Extra inputs"),
    ],
)
def test_what_is_no_config_is_refused(config: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        GrafanaCloudPlugin(**config)
