from __future__ import annotations

from typing import Any, ClassVar

import pytest
from floe_lineage_aws import AwsPlugin
from floe_lineage_marquez import MarquezPlugin
from openlineage.client.transport import get_default_factory
from openlineage.client.transport.composite import CompositeTransport
from pydantic import ValidationError

from floe_local.plugin_api import LineageBackendPlugin
from floe_local.testing import PluginConformance


class TestConformance(PluginConformance):
    kind: ClassVar[str] = "lineage"
    plugin: ClassVar[str] = "aws"


def test_each_event_goes_to_marquez_and_to_the_catalog() -> None:
    plugin = AwsPlugin(domain_id="dzd_odd", region="eu-west-1", marquez={"url": "http://m:5000"})
    assert isinstance(plugin, LineageBackendPlugin)
    config = plugin.get_transport_config()
    assert config["transports"] == {
        "marquez": MarquezPlugin(url="http://m:5000").get_transport_config(),
        "datazone": {
            "type": "amazon_datazone_api",
            "domainId": "dzd_odd",
            "region": "eu-west-1",
        },
    }
    transport = get_default_factory().create(config)
    assert isinstance(transport, CompositeTransport)
    assert [one.kind for one in transport.transports] == ["http", "amazon_datazone_api"]
    transport.close()


def test_the_domain_is_the_environment_s_and_the_region_boto3_s_if_nobody_tells_them() -> None:
    catalog = AwsPlugin().get_transport_config()["transports"]["datazone"]
    assert catalog == {"type": "amazon_datazone_api", "domainId": "${env:DATAZONE_DOMAIN_ID}"}


def test_namespace_and_helm_values_are_marquez_s() -> None:
    config = {"namespace": {"strategy": "custom", "namespace": "odd"}, "service": "NodePort"}
    plugin, marquez = AwsPlugin(marquez=config), MarquezPlugin(**config)
    assert plugin.get_namespace_strategy() == marquez.get_namespace_strategy()
    assert plugin.get_helm_values() == marquez.get_helm_values()


@pytest.mark.parametrize(
    ("config", "said"),
    [
        ({"domain_id": "odd"}, "pattern"),
        ({"region": "Ireland!"}, "pattern"),
        ({"marquez": {"api_key": "abc"}}, "never written out"),
        ({"secret_access_key": "abc"}, "Extra inputs"),
    ],
)
def test_what_is_no_config_is_refused(config: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        AwsPlugin(**config)
