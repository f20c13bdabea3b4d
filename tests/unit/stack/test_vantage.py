from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from floe_local.plan.artifacts import CompiledBackend
from floe_local.plan.stack.environment import pipeline_environment
from floe_local.plan.stack.plan import plan_stack
from floe_local.plan.stack.vantage import dialling, transport_for

if TYPE_CHECKING:
    from tests.unit.stack.conftest import Builder


def test_pipelines_on_the_host_use_published_ports(build: Builder) -> None:
    assert pipeline_environment(plan_stack(build.given()), "host") == {
        "FLOE_ENVIRONMENT": "local",
        "OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:4318",
        "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf",
        "OPENLINEAGE_NAMESPACE": "floe-local",
        "OPENLINEAGE_URL": "http://127.0.0.1:5100",
        "OPENLINEAGE_ENDPOINT": "api/v1/lineage",
    }


def test_pipelines_in_containers_use_service_names(build: Builder) -> None:
    variables = pipeline_environment(plan_stack(build.given()), "container")
    assert variables["OTEL_EXPORTER_OTLP_ENDPOINT"] == "http://collector:4318"
    assert variables["OPENLINEAGE_URL"] == "http://lineage:5000"


def test_a_remote_engine_is_reached_where_it_is(build: Builder) -> None:
    plan = plan_stack(build.given(host="fd00::1", bind="fd00::1"))
    variables = pipeline_environment(plan, "host")
    assert variables["OTEL_EXPORTER_OTLP_ENDPOINT"] == "http://[fd00::1]:4318"
    ports = [p for s in plan.compose["services"].values() for p in s.get("ports", [])]
    assert {p["host_ip"] for p in ports} == {"fd00::1"}


def test_a_name_with_a_trailing_dot_is_found(build: Builder) -> None:
    transport = {"type": "http", "url": "http://Lineage.Prod.:5000/x"}
    backend = CompiledBackend(name="lineage", transport=transport, hosts=(("Lineage.Prod.", 5000),))
    compiled = build.compiled(backends=(backend,), openlineage_config={"transport": transport})
    plan = plan_stack(build.given(compiled))
    assert transport_for(plan, "host") == {"type": "http", "url": "http://127.0.0.1:5100/x"}
    assert dialling(plan)["lineage.prod", 5000] == ("127.0.0.1", 5100)


def environment_of(build: Builder, transport: dict[str, Any]) -> dict[str, str]:
    backend = CompiledBackend(name="lineage", transport=transport, hosts=(("lineage", 5000),))
    compiled = build.compiled(backends=(backend,), openlineage_config={"transport": transport})
    return pipeline_environment(plan_stack(build.given(compiled)), "host")


def test_an_api_key_stays_a_reference(build: Builder) -> None:
    auth = {"type": "api_key", "apiKey": "${env:KEY}"}
    found = environment_of(build, {"type": "http", "url": "https://saas.example/", "auth": auth})
    assert found["OPENLINEAGE_URL"] == "https://saas.example/"
    assert found["OPENLINEAGE_API_KEY"] == "${env:KEY}"


@pytest.mark.parametrize(
    "transport",
    [
        {"type": "http", "url": "http://lineage:5000", "verify": False},
        {"type": "http", "url": "http://lineage:5000", "compression": "gzip"},
        {"type": "composite", "transports": {"a": {"type": "http", "url": "http://lineage:5000"}}},
    ],
)
def test_what_plain_variables_cannot_say_is_given_whole(
    build: Builder, transport: dict[str, Any]
) -> None:
    found = environment_of(build, transport)
    assert "OPENLINEAGE_URL" not in found
    expected = json.dumps(transport).replace("http://lineage:5000", "http://127.0.0.1:5100")
    assert json.loads(found["OPENLINEAGE__TRANSPORT"]) == json.loads(expected)
