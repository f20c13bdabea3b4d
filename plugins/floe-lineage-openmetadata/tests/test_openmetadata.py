from __future__ import annotations

from typing import Any, ClassVar
from urllib.parse import urljoin

import pytest
from floe_lineage_openmetadata import OpenMetadataPlugin
from openlineage.client.transport.http import HttpConfig, HttpTransport
from pydantic import ValidationError

from floe_local.plugin_api import LineageBackendPlugin
from floe_local.testing import PluginConformance


class TestConformance(PluginConformance):
    kind: ClassVar[str] = "lineage"
    plugin: ClassVar[str] = "openmetadata"


@pytest.mark.parametrize(
    "url", ["https://meta.example", "https://meta.example/", "https://meta.example/api/"]
)
def test_events_go_to_the_openlineage_endpoint_with_a_jwt(url: str) -> None:
    plugin = OpenMetadataPlugin(url=url)
    assert isinstance(plugin, LineageBackendPlugin)
    config = plugin.get_transport_config()
    assert config["auth"] == {"type": "api_key", "apiKey": "${env:OPENMETADATA_JWT_TOKEN}"}
    client = HttpTransport(HttpConfig.from_dict(config))
    posted = urljoin(client.url, client.endpoint)
    assert posted == "https://meta.example/api/v1/openlineage/lineage"
    assert plugin.get_helm_values() == {}


def test_the_namespace_is_the_environment_s() -> None:
    assert OpenMetadataPlugin(namespace_template="acme-{environment}").get_namespace_strategy() == {
        "strategy": "environment_based",
        "template": "acme-{environment}",
        "environment_var": "FLOE_ENVIRONMENT",
    }


@pytest.mark.parametrize(
    ("config", "said"),
    [
        ({"jwt_token": "a.b.c"}, "never written out"),
        ({"url": "meta.example"}, "pattern"),
        ({"endpoint": "x"}, "Extra inputs"),
    ],
)
def test_what_is_no_config_is_refused(config: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        OpenMetadataPlugin(**config)
