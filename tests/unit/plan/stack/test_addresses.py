from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any
from urllib.parse import urljoin

import pytest
from hypothesis import given
from hypothesis import strategies as st

from floe_local.plan.stack.addresses import (
    TRANSPORT,
    PipelineVariables,
    host_address_map,
    pipeline_environment,
    pipeline_variables,
    resolve_variables,
    transport_for,
)
from floe_local.plan.stack.plan import plan_stack

if TYPE_CHECKING:
    from tests.unit.conftest import Builder


def test_pipelines_on_the_host_use_published_ports(build: Builder) -> None:
    assert pipeline_environment(plan_stack(build.inputs()), "host") == {
        "FLOE_ENVIRONMENT": "local",
        "OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:4317",
        "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc",
        "OTEL_EXPORTER_OTLP_INSECURE": "true",
        "OPENLINEAGE_NAMESPACE": "floe-local",
        "OPENLINEAGE_URL": "http://127.0.0.1:5100/api/v1/lineage",
        "OPENLINEAGE_ENDPOINT": "lineage",
        "OPENLINEAGE__TRANSPORT": '{"type": "http", "url": "http://127.0.0.1:5100", '
        '"endpoint": "api/v1/lineage"}',
    }


def test_http_is_chosen_by_the_plan_or_the_call(build: Builder) -> None:
    over_http = {
        "OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:4318",
        "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf",
    }
    plan = plan_stack(build.inputs(otlp_protocol="http/protobuf"))
    found = pipeline_environment(plan, "host")
    assert {n: v for n, v in found.items() if n.startswith("OTEL_")} == over_http
    assert "grpc" in pipeline_environment(plan, "host", "grpc").values()
    called = pipeline_environment(plan_stack(build.inputs()), "host", "http/protobuf")
    assert called == found


def test_pipelines_in_containers_use_service_names(build: Builder) -> None:
    variables = pipeline_environment(plan_stack(build.inputs()), "container")
    assert variables["OTEL_EXPORTER_OTLP_ENDPOINT"] == "http://collector:4317"
    assert variables["OPENLINEAGE_URL"] == "http://lineage:5000/api/v1/lineage"
    transport = json.loads(variables["OPENLINEAGE__TRANSPORT"])
    assert transport["url"] == "http://lineage:5000"


def test_a_remote_engine_is_reached_where_it_is(build: Builder) -> None:
    plan = plan_stack(build.inputs(host="fd00::1", bind="fd00::1"))
    variables = pipeline_environment(plan, "host")
    assert variables["OTEL_EXPORTER_OTLP_ENDPOINT"] == "http://[fd00::1]:4317"
    ports = [p for s in plan.compose["services"].values() for p in s.get("ports", [])]
    assert {p["host_ip"] for p in ports} == {"fd00::1"}


def test_a_name_with_a_trailing_dot_is_found(build: Builder) -> None:
    transport = {"type": "http", "url": "http://Lineage.Prod.:5000/x"}
    backend = build.backend("lineage", transport=transport, hosts=(("Lineage.Prod.", 5000),))
    compiled = build.compiled(backends=(backend,), openlineage_config={"transport": transport})
    plan = plan_stack(build.inputs(compiled))
    assert transport_for(plan, "host") == {"type": "http", "url": "http://127.0.0.1:5100/x"}
    assert host_address_map(plan)["lineage.prod", 5000] == ("127.0.0.1", 5100)


def said_of(build: Builder, transport: dict[str, Any]) -> PipelineVariables:
    backend = build.backend("lineage", transport=transport, hosts=(("lineage", 5000),))
    compiled = build.compiled(backends=(backend,), openlineage_config={"transport": transport})
    return pipeline_variables(plan_stack(build.inputs(compiled)), "host")


def test_an_api_key_stays_a_reference(build: Builder) -> None:
    auth = {"type": "api_key", "apiKey": "${env:KEY}"}
    found, _ = said_of(build, {"type": "http", "url": "https://saas.example/", "auth": auth})
    assert found["OPENLINEAGE_URL"] == "https://saas.example/api/v1/lineage"
    assert found["OPENLINEAGE_API_KEY"] == "${env:KEY}"
    assert json.loads(found["OPENLINEAGE__TRANSPORT"])["auth"] == auth


SAID = [
    {},
    {"endpoint": "api/v1/lineage"},
    {"endpoint": ""},
    {"url": "http://lineage:5000/a/b/", "endpoint": ""},
    {"url": "http://lineage:5000/a/b?key=1/2", "endpoint": ""},
    {"url": "http://lineage:5000/a:b", "endpoint": ""},
    {"url": "http://lineage:5000/a//b", "endpoint": ""},
    {"url": "https://${env:TENANT}.saas.example", "endpoint": "events/openlineage"},
    {"type": "async_http"},
    {"timeout": 2.5, "compression": "gzip", "retry": {"total": 1}},
    {"verify": False},
]


@pytest.mark.parametrize("settings", SAID, ids=str)
def test_url_and_endpoint_join_to_the_whole_url(build: Builder, settings: dict[str, Any]) -> None:
    transport = {"type": "http", "url": "http://lineage:5000"} | settings
    found, omitted = said_of(build, transport)
    url = found["OPENLINEAGE_URL"]
    assert urljoin(url, found["OPENLINEAGE_ENDPOINT"]) == url
    whole = json.loads(found["OPENLINEAGE__TRANSPORT"])
    assert urljoin(whole["url"], whole.get("endpoint", "api/v1/lineage")) == url
    assert not omitted


UNSAID = [
    ({"type": "http", "url": "https://saas.example", "verify": False}, "verify: false"),
    ({"type": "http", "url": "https://saas.example", "verify": "/ca.pem"}, "verify"),
    ({"type": "http", "url": "https://saas.example", "custom_headers": {"t": "a"}}, "headers"),
    ({"type": "http", "url": "https://saas.example", "auth": {"type": "oauth2"}}, "oauth2"),
    ({"type": "http", "url": "${env:URL}", "endpoint": "api/v1/lineage"}, "pipeline runs"),
    ({"type": "composite", "transports": {"a": {"type": "console"}}}, "composite"),
    ({"type": "kafka", "topic": "t", "config": {"bootstrap.servers": "k:9092"}}, "kafka"),
    ({"type": "console"}, "console"),
]


@pytest.mark.parametrize(("transport", "reason"), UNSAID)
def test_what_plain_variables_cannot_say_is_given_whole(
    build: Builder, transport: dict[str, Any], reason: str
) -> None:
    found, omitted = said_of(build, transport)
    assert not {"OPENLINEAGE_URL", "OPENLINEAGE_ENDPOINT", "OPENLINEAGE_API_KEY"} & set(found)
    assert json.loads(found["OPENLINEAGE__TRANSPORT"]) == transport
    assert reason in omitted["OPENLINEAGE_URL"]


@given(st.text(min_size=1).filter(lambda text: "\0" not in text))
def test_a_credential_keeps_the_json_whole(key: str) -> None:
    transport = {"type": "http", "auth": {"type": "api_key", "apiKey": "${env:KEY}"}}
    found = resolve_variables({TRANSPORT: json.dumps(transport)}, {"KEY": key})
    assert json.loads(found[TRANSPORT])["auth"]["apiKey"] == key
