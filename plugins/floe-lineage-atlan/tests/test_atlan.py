from __future__ import annotations

from typing import Any, ClassVar
from urllib.parse import urljoin

import pytest
from floe_lineage_atlan import AtlanPlugin
from openlineage.client.transport.http import HttpConfig, HttpTransport
from pydantic import ValidationError

from floe_local.plugin_api import LineageBackendPlugin
from floe_local.testing import PluginConformance


class TestConformance(PluginConformance):
    kind: ClassVar[str] = "lineage"
    plugin: ClassVar[str] = "atlan"


def test_events_go_to_the_connector_s_endpoint() -> None:
    plugin = AtlanPlugin(host="acme.atlan.com", connector="airflow")
    assert isinstance(plugin, LineageBackendPlugin)
    config = plugin.get_transport_config()
    assert config["auth"] == {"type": "api_key", "apiKey": "${env:ATLAN_API_KEY}"}
    client = HttpTransport(HttpConfig.from_dict(config))
    posted = urljoin(client.url, client.endpoint)
    assert posted == "https://acme.atlan.com/events/openlineage/airflow/api/v1/lineage"
    assert plugin.get_namespace_strategy() == {"strategy": "backend_managed"}
    assert plugin.get_helm_values() == {}


def test_the_host_is_the_environment_s_if_nobody_tells_it() -> None:
    url = AtlanPlugin().get_transport_config()["url"]
    assert url == "https://${env:ATLAN_HOST}/events/openlineage/spark/"


@pytest.mark.parametrize(
    ("config", "said"),
    [
        ({"api_key": "written-out"}, "never written out"),
        ({"host": "https://acme.atlan.com"}, "pattern"),
        ({"connector": "Spark/.."}, "pattern"),
        ({"tenant": "acme"}, "Extra inputs"),
    ],
)
def test_what_is_no_config_is_refused(config: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        AtlanPlugin(**config)
