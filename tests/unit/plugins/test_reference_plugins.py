from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from floe_lineage_marquez import MarquezPlugin
from floe_lineage_marquez.config import MarquezConfig, Namespace
from floe_lineage_marquez.defaults import DEFAULTS as MARQUEZ_DEFAULTS
from floe_telemetry_jaeger import JaegerPlugin
from floe_telemetry_jaeger.config import JaegerConfig, Tls
from floe_telemetry_jaeger.defaults import DEFAULTS as JAEGER_DEFAULTS
from floe_telemetry_jaeger.defaults import DefaultTls
from openlineage.client.transport.http import HttpConfig, HttpTransport
from pydantic import ValidationError

from floe_local.plugin_api import (
    CredentialError,
    LineageBackendPlugin,
    TelemetryBackendPlugin,
)

KEY = "${env:ODD_KEY}"


def test_jaeger_gives_the_adrs_shape_for_a_current_collector() -> None:
    plugin = JaegerPlugin()
    assert isinstance(plugin, TelemetryBackendPlugin)
    assert plugin.get_otlp_exporter_config() == {
        "exporters": {
            "otlp_grpc/jaeger": {"endpoint": "jaeger:4317", "tls": {"insecure": True}},
        },
        "service": {
            "pipelines": {
                "traces": {
                    "receivers": ["otlp"],
                    "processors": [],
                    "exporters": ["otlp_grpc/jaeger"],
                }
            }
        },
    }
    assert plugin.get_helm_values()["jaeger"]["storage"] == {"type": "memory"}


def test_jaeger_over_http_with_tls_and_headers() -> None:
    plugin = JaegerPlugin(
        protocol="http",
        endpoint="https://jaeger.example:4318",
        tls={"ca_file": "/ca.pem"},
        headers={"authorization": f"Bearer {KEY}", "x-tenant": "blue"},
        storage="elasticsearch",
        query_service="ClusterIP",
    )
    assert plugin.get_otlp_exporter_config()["exporters"] == {
        "otlp_http/jaeger": {
            "endpoint": "https://jaeger.example:4318",
            "tls": {"ca_file": "/ca.pem"},
            "headers": {"authorization": f"Bearer {KEY}", "x-tenant": "blue"},
        }
    }
    helm = plugin.get_helm_values()["jaeger"]
    assert helm["storage"] == {"type": "elasticsearch"}
    assert helm["query"] == {"service": {"type": "ClusterIP"}}


@pytest.mark.parametrize(
    ("config", "said"),
    [
        ({"endpont": "x"}, "Extra inputs are not permitted"),
        ({"protocol": "thrift"}, "'grpc' or 'http'"),
        ({"endpoint": "http://jaeger:4317"}, "takes host:port"),
        ({"protocol": "http", "endpoint": "jaeger:4318"}, "takes a URL"),
        ({"headers": {"Authorization": "Bearer abc"}}, "never written out"),
        ({"query_headers": {"X-Api-Key": "abc"}}, "never written out"),
        ({"timeout": 0}, "greater than 0"),
        ({"query_url": "jaeger:16686"}, "pattern"),
    ],
)
def test_jaeger_refuses(config: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        JaegerPlugin(**config)


def test_marquez_gives_a_base_url_and_a_relative_endpoint() -> None:
    plugin = MarquezPlugin()
    assert isinstance(plugin, LineageBackendPlugin)
    assert plugin.get_transport_config() == {
        "type": "http",
        "url": "http://marquez:5000",
        "endpoint": "api/v1/lineage",
        "timeout": 5.0,
    }
    assert plugin.get_namespace_strategy() == {
        "strategy": "environment_based",
        "template": "floe-{environment}",
        "environment_var": "FLOE_ENVIRONMENT",
    }
    assert plugin.get_helm_values()["marquez"]["db"]["port"] == 5432


@pytest.mark.parametrize(
    ("url", "endpoint", "posted"),
    [
        ("http://marquez:5000", "api/v1/lineage", "http://marquez:5000/api/v1/lineage"),
        ("http://marquez:5000/", "/api/v1/lineage", "http://marquez:5000/api/v1/lineage"),
        ("http://m:1/api/v1/lineage", "api/v1/lineage", "http://m:1/api/v1/lineage"),
        ("https://m/base", "api/v1/lineage", "https://m/base/api/v1/lineage"),
        ("https://m/base/api/v1/lineage", "api/v1/lineage", "https://m/base/api/v1/lineage"),
    ],
)
def test_the_real_client_posts_to_the_right_url(url: str, endpoint: str, posted: str) -> None:
    from urllib.parse import urljoin  # noqa: PLC0415

    config = MarquezPlugin(url=url, endpoint=endpoint).get_transport_config()
    transport = HttpTransport(HttpConfig.from_dict(config))
    assert urljoin(transport.url, transport.endpoint) == posted


def test_marquez_takes_its_key_by_reference_as_the_real_client_reads_it() -> None:
    auth = MarquezPlugin(api_key=KEY).get_transport_config()["auth"]
    assert auth == {"type": "api_key", "apiKey": KEY}


@pytest.mark.parametrize(
    ("namespace", "given"),
    [
        ({"strategy": "custom", "namespace": "mine"}, {"strategy": "custom", "namespace": "mine"}),
        (
            {"strategy": "centralized", "environment": "prod"},
            {"strategy": "centralized", "environment": "prod", "platform": "floe"},
        ),
        ({"strategy": "backend_managed"}, {"strategy": "backend_managed"}),
    ],
)
def test_marquez_namespace_strategies(namespace: dict[str, str], given: dict[str, str]) -> None:
    assert MarquezPlugin(namespace=namespace).get_namespace_strategy() == given


@pytest.mark.parametrize(
    ("config", "said"),
    [
        ({"api_key": "abc"}, "never written out"),
        ({"namespace": {"strategy": "custom"}}, "needs 'namespace'"),
        ({"namespace": {"strategy": "centralized"}}, "needs 'environment'"),
        ({"url": "marquez:5000"}, "pattern"),
        ({"db_port": 0}, "greater than or equal to 1"),
        ({"drain_timeout": 0}, "greater than 0"),
        ({"url": "http://marquez.example", "allow_insecure_http": False}, "plain http"),
    ],
)
def test_marquez_refuses(config: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        MarquezPlugin(**config)


def test_marquez_reads_the_keys_of_the_published_plugin() -> None:
    plugin = MarquezPlugin(
        url="https://marquez:5000",
        environment="demo",
        verify_ssl=False,
        drain_timeout=30.0,
        allow_insecure_http=False,
    )
    transport = plugin.get_transport_config()
    assert transport["verify"] is False
    assert transport["drain_timeout"] == 30.0
    assert plugin.get_namespace_strategy() == {
        "strategy": "centralized",
        "environment": "demo",
        "platform": "floe",
    }
    own = {"strategy": "custom", "namespace": "mine"}
    assert MarquezPlugin(environment="demo", namespace=own).get_namespace_strategy() == own
    for here in ("http://localhost:5000", "http://127.0.0.1:5000", "http://[::1]:5000"):
        assert MarquezPlugin(url=here, allow_insecure_http=False).config.url == here


def test_the_pydantic_models_have_the_fields_and_defaults_that_are_used_without_them() -> None:
    assert set(JaegerConfig.model_fields) == set(JAEGER_DEFAULTS._fields)
    assert set(Tls.model_fields) == set(DefaultTls._fields)
    assert set(MarquezConfig.model_fields) == set(MARQUEZ_DEFAULTS._fields)
    assert set(Namespace.model_fields) == set(MARQUEZ_DEFAULTS.namespace._fields)
    jaeger, marquez = JaegerPlugin(), MarquezPlugin()
    jaeger.configure(JaegerConfig())
    marquez.configure(MarquezConfig())
    assert jaeger.get_otlp_exporter_config() == JaegerPlugin().get_otlp_exporter_config()
    assert jaeger.get_helm_values() == JaegerPlugin().get_helm_values()
    assert jaeger.config.query_url == JAEGER_DEFAULTS.query_url
    assert marquez.get_transport_config() == MarquezPlugin().get_transport_config()
    assert marquez.get_namespace_strategy() == MarquezPlugin().get_namespace_strategy()
    assert marquez.get_helm_values() == MarquezPlugin().get_helm_values()


def test_what_plugins_return_is_the_callers_to_change() -> None:
    plugin = JaegerPlugin()
    plugin.get_otlp_exporter_config()["exporters"]["otlp_grpc/jaeger"]["tls"]["insecure"] = False
    plugin.get_otlp_exporter_config()["service"]["pipelines"]["traces"]["exporters"].append("x")
    assert plugin.get_otlp_exporter_config() == JaegerPlugin().get_otlp_exporter_config()


def test_they_ask_their_backends(serve: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ODD_KEY", "k3y")
    server = serve({"services": ["a"], "namespaces": []})
    headers = {"Authorization": f"Bearer {KEY}"}
    assert JaegerPlugin(query_url=server.url, query_headers=headers).validate_connection() is True
    assert MarquezPlugin(url=server.url, api_key=KEY).validate_connection() is True
    assert [request["path"] for request in server.requests] == [
        "/api/v3/services",
        "/api/v1/namespaces",
    ]
    assert {request["authorization"] for request in server.requests} == {"Bearer k3y"}


def both(url: str) -> list[Any]:
    return [JaegerPlugin(query_url=url), MarquezPlugin(url=url)]


@pytest.mark.parametrize("status", [401, 403])
def test_refused_credentials(serve: Any, status: int) -> None:
    for plugin in both(serve({}, status=status).url):
        with pytest.raises(CredentialError, match=f"HTTP {status}"):
            plugin.validate_connection()


def test_an_unset_credential(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ODD_KEY", raising=False)
    with pytest.raises(CredentialError, match="export ODD_KEY="):
        MarquezPlugin(url="http://127.0.0.1:1", api_key=KEY).validate_connection()


@pytest.mark.parametrize("status", [404, 500])
def test_an_unhealthy_backend(serve: Any, status: int) -> None:
    for plugin in both(serve({}, status=status).url):
        with pytest.raises(ConnectionError, match=f"HTTP {status}: is this its URL"):
            plugin.validate_connection()


def test_nothing_there() -> None:
    for plugin in both("http://127.0.0.1:1"):
        with pytest.raises(ConnectionError, match=r"cannot be reached at http://127\.0\.0\.1:1"):
            plugin.validate_connection()


def test_something_else_there(serve: Any) -> None:
    for plugin in both(serve({"services": "what?"}).url):
        with pytest.raises(ConnectionError, match="is not "):
            plugin.validate_connection()


@pytest.mark.parametrize("name", ["floe-telemetry-jaeger", "floe-lineage-marquez"])
def test_they_depend_on_the_plugin_api_only(name: str) -> None:
    root = Path(__file__).parents[3] / "plugins" / name / "src"
    sources = [path.read_text(encoding="utf-8") for path in root.rglob("*.py")]
    imports = {line for text in sources for line in text.splitlines() if "floe_local" in line}
    assert imports
    assert all("floe_local.plugin_api" in line for line in imports)
