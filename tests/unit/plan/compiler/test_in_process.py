"""`Compiler` as the last examples of ADR-0035 use it."""

from __future__ import annotations

from typing import Any
from unittest.mock import Mock

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from floe_local.errors import InputError
from floe_local.plan.compiler.compile import compile_outputs
from floe_local.plan.compiler.in_process import Compiler
from floe_local.plan.manifest.model import Manifest
from floe_local.plan.plugins.output import PluginOutput
from floe_local.plan.values import Egress, Kind
from floe_local.plugin_api import LineageBackendPlugin, TelemetryBackendPlugin
from tests.unit.plan.compiler.conftest import lineage_output, telemetry_output


@pytest.fixture(autouse=True)
def no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("FLOE_ENVIRONMENT", raising=False)


def test_compiler_with_mock_telemetry() -> None:
    plugin = Mock(spec=TelemetryBackendPlugin)
    plugin.get_otlp_exporter_config.return_value = {"exporters": {"mock": {}}}

    artifacts = Compiler(telemetry_plugin=plugin).compile(Mock())

    assert "otlp_collector_config" in artifacts
    assert "openlineage_config" not in artifacts
    plugin.get_otlp_exporter_config.assert_called_once()
    plugin.get_helm_values.assert_called_once()


def test_compiler_with_mock_lineage() -> None:
    plugin = Mock(spec=LineageBackendPlugin)
    url = "http://mock:5000/api/v1/lineage"
    plugin.get_transport_config.return_value = {"type": "http", "url": url}

    artifacts = Compiler(lineage_plugin=plugin).compile(None)

    assert "openlineage_config" in artifacts
    assert "otlp_collector_config" not in artifacts
    assert artifacts["namespace"] == "floe-local"
    plugin.get_transport_config.assert_called_once()
    plugin.get_namespace_strategy.assert_called_once()


def test_the_shells_environment_names_the_namespace(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FLOE_ENVIRONMENT", "prod")
    plugin = Mock(spec=LineageBackendPlugin)
    plugin.get_transport_config.return_value = {"type": "http", "url": "http://m:5000"}
    plugin.get_namespace_strategy.return_value = {"strategy": "environment_based"}

    assert Compiler(lineage_plugin=plugin).compile(None)["namespace"] == "floe-prod"


def test_the_artifacts_of_mocks_hold_data_only() -> None:
    plugin = Mock(spec=TelemetryBackendPlugin)
    plugin.get_otlp_exporter_config.return_value = {"exporters": {"mock": {}}}

    artifacts = Compiler(telemetry_plugin=plugin).compile({})

    config = artifacts["otlp_collector_config"]
    assert yaml.safe_load(yaml.safe_dump(config)) == config
    assert "helm_values" not in artifacts


def test_a_mock_that_returns_a_mock_is_no_config() -> None:
    with pytest.raises(InputError, match="returned Mock, expected a dict"):
        Compiler(telemetry_plugin=Mock(spec=TelemetryBackendPlugin)).compile(None)


def test_settings_come_from_a_mapping_like_the_manifests() -> None:
    plugin = Mock(spec=TelemetryBackendPlugin)
    plugin.get_otlp_exporter_config.return_value = {"exporters": {"mock": {}}}

    artifacts = Compiler(plugin).compile({"local": {"sampling": 0.5}, "plugins": {"x": 1}})

    assert artifacts.sampling == "50% of traces"


names = st.sampled_from(
    [
        "exporters",
        "service",
        "pipelines",
        "traces",
        "metrics",
        "otlp",
        "jaeger",
        "debug",
        "exporter_type",
        "endpoint",
        "receivers",
        "processors",
        "batch",
        "extensions",
        "connectors",
        "tls",
        "api_key",
    ]
) | st.text(max_size=5)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8) | st.just(object()),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=3),
    max_leaves=12,
)


@given(returned=json_values)
def test_whatever_a_telemetry_plugin_returns_compiles_or_is_refused(returned: Any) -> None:
    output = PluginOutput(kind=Kind.TELEMETRY, name="any", exporter_config=returned)

    try:
        artifacts = compile_outputs(Manifest(), (output,), {})
    except InputError:
        return  # refused, with words; any other exception fails the test
    else:
        config = artifacts["otlp_collector_config"]
        assert yaml.safe_load(yaml.safe_dump(config)) == config
        signals = {key.partition("/")[0] for key in config["service"]["pipelines"]}
        assert signals == {"traces", "metrics", "logs"}


@given(returned=json_values, strategy=json_values)
def test_whatever_a_lineage_plugin_returns_compiles_or_is_refused(
    returned: Any, strategy: Any
) -> None:
    more = returned if isinstance(returned, dict) else {"auth": returned}
    transport = {"type": "http", "url": "http://m:1", **more}
    output = PluginOutput(
        kind=Kind.LINEAGE, name="any", transport=transport, namespace_strategy=strategy
    )

    try:
        artifacts = compile_outputs(Manifest(), (output,), {})
    except InputError:
        return  # refused, with words; any other exception fails the test
    else:
        assert yaml.safe_dump(artifacts["openlineage_config"])
        assert artifacts.namespace


def test_helm_values_go_by_the_whole_name_of_a_plugin() -> None:
    debug: dict[str, Any] = {"exporters": {"debug": {}}}
    outputs = [
        telemetry_output(debug, "acme.tempo", helm_values={"tempo": {"a": 1}}),
        telemetry_output(debug, "acme.loki", helm_values={"loki": {"b": 2}}),
        lineage_output({"type": "console"}, name="acme.tempo", helm_values={"catalog": {"c": 3}}),
    ]

    values = compile_outputs(Manifest(), outputs, {}, {}, egress=Egress.ANYWHERE)["helm_values"]

    assert values == {
        "acme.tempo": {"tempo": {"a": 1}, "catalog": {"c": 3}},
        "acme.loki": {"loki": {"b": 2}},
    }
