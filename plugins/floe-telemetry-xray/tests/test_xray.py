from __future__ import annotations

from typing import Any, ClassVar

import pytest
from floe_telemetry_xray import XRayPlugin
from pydantic import ValidationError

from floe_local.plugin_api import TelemetryBackendPlugin
from floe_local.testing import PluginConformance


class TestConformance(PluginConformance):
    kind: ClassVar[str] = "telemetry"
    plugin: ClassVar[str] = "xray"


def test_traces_go_to_the_region_s_endpoint_signed() -> None:
    plugin = XRayPlugin(region="eu-west-1")
    assert isinstance(plugin, TelemetryBackendPlugin)
    assert plugin.get_otlp_exporter_config() == {
        "extensions": {"sigv4auth/xray": {"region": "eu-west-1", "service": "xray"}},
        "exporters": {
            "otlp_http/xray": {
                "traces_endpoint": "https://xray.eu-west-1.amazonaws.com/v1/traces",
                "auth": {"authenticator": "sigv4auth/xray"},
            }
        },
        "service": {
            "extensions": ["sigv4auth/xray"],
            "pipelines": {
                "traces": {"receivers": ["otlp"], "processors": [], "exporters": ["otlp_http/xray"]}
            },
        },
    }
    assert plugin.get_helm_values() == {}


def test_the_region_is_aws_s_own_variable_if_nobody_tells_it() -> None:
    config = XRayPlugin().get_otlp_exporter_config()
    assert config["extensions"]["sigv4auth/xray"]["region"] == "${env:AWS_REGION}"


def test_a_role_can_be_taken_on() -> None:
    role = "arn:aws:iam::123456789012:role/telemetry"
    config = XRayPlugin(region="eu-west-1", role_arn=role).get_otlp_exporter_config()
    assert config["extensions"]["sigv4auth/xray"]["assume_role"] == {"arn": role}


@pytest.mark.parametrize(
    ("config", "said"),
    [
        ({"region": "Ireland!"}, "pattern"),
        ({"role_arn": "telemetry"}, "pattern"),
        ({"secret_access_key": "abc"}, "Extra inputs"),
    ],
)
def test_what_is_no_config_is_refused(config: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        XRayPlugin(**config)
