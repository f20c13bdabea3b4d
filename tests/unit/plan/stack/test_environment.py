from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from floe_local.plan.stack.addresses import (
    airflow_variables,
    pipeline_environment,
    proxy_exceptions,
    resolve_variables,
    spark_settings,
)
from floe_local.plan.stack.plan import plan_stack

if TYPE_CHECKING:
    from floe_local.plan.stack.model import StackPlan
    from tests.unit.conftest import Builder

LOOPBACK = "localhost,127.0.0.1,::1"
HERE = f"{LOOPBACK},10.0.0.1"
PROXY = {"http_proxy": "http://127.0.0.1:9"}


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({"NO_PROXY": "a.example"}, None),
        ({"https_proxy": ""}, None),
        (PROXY, HERE),
        ({"ALL_PROXY": "socks5://p"}, HERE),
        (PROXY | {"NO_PROXY": "a.example, .b"}, f"a.example,.b,{HERE}"),
        (PROXY | {"NO_PROXY": "a", "no_proxy": "b,a"}, f"a,b,{HERE}"),
        (PROXY | {"no_proxy": "x,10.0.0.1"}, "x,10.0.0.1,localhost,127.0.0.1,::1"),
        (PROXY | {"no_proxy": "*"}, "*"),
    ],
)
def test_a_proxy_is_kept_off_the_stack(environ: dict[str, str], expected: str | None) -> None:
    found = proxy_exceptions(["10.0.0.1"], environ)
    assert found == ({} if expected is None else dict.fromkeys(("NO_PROXY", "no_proxy"), expected))


def test_grpcs_own_exceptions_are_extended() -> None:
    found = proxy_exceptions(["h"], {"GRPC_PROXY": "http://p", "no_grpc_proxy": "a"})
    assert found == {
        "NO_PROXY": f"{LOOPBACK},h",
        "no_proxy": f"{LOOPBACK},h",
        "no_grpc_proxy": f"a,{LOOPBACK},h",
    }


def test_containers_call_every_name_without_a_proxy(build: Builder) -> None:
    plan = plan_stack(build.inputs())
    inside = pipeline_environment(plan, "container", environ=PROXY)["NO_PROXY"].split(",")
    assert set(inside) > {"collector", "traces", "lineage", "database"}
    assert pipeline_environment(plan, "host", environ=PROXY)["no_proxy"] == LOOPBACK
    assert "NO_PROXY" not in pipeline_environment(plan, "host")


def with_transport(build: Builder, transport: dict[str, Any]) -> StackPlan:
    backend = build.backend("lineage", transport=transport, hosts=(("lineage", 5000),))
    compiled = build.compiled(backends=(backend,), openlineage_config={"transport": transport})
    return plan_stack(build.inputs(compiled))


HTTP = {"type": "http", "url": "http://lineage:5000", "endpoint": "api/v1/lineage"}
KEY = {"auth": {"type": "api_key", "apiKey": "${env:KEY}"}}
AT = "spark.openlineage.transport"


def test_airflow_gets_the_transport_whole(build: Builder) -> None:
    found = airflow_variables(with_transport(build, HTTP | KEY), "host")
    assert found["AIRFLOW__OPENLINEAGE__NAMESPACE"] == "floe-local"
    resolved = resolve_variables(found, {"KEY": 'a"b\\'})
    transport = json.loads(resolved["AIRFLOW__OPENLINEAGE__TRANSPORT"])
    assert transport["url"] == "http://127.0.0.1:5100"
    assert transport["auth"]["apiKey"] == 'a"b\\'


def test_spark_gets_the_java_clients_keys(build: Builder) -> None:
    extra = {"timeout": 2.5, "compression": "gzip", "custom_headers": {"X-Team": "a"}, "retry": {}}
    found, omitted = spark_settings(with_transport(build, HTTP | KEY | extra), "host")
    assert found == {
        "spark.extraListeners": "io.openlineage.spark.agent.OpenLineageSparkListener",
        "spark.openlineage.namespace": "floe-local",
        f"{AT}.type": "http",
        f"{AT}.url": "http://127.0.0.1:5100",
        f"{AT}.endpoint": "api/v1/lineage",
        f"{AT}.compression": "gzip",
        f"{AT}.auth.type": "api_key",
        f"{AT}.auth.apiKey": "${env:KEY}",
        f"{AT}.headers.X-Team": "a",
        f"{AT}.timeoutInMillis": "2500",
    }
    assert not omitted


@pytest.mark.parametrize("listed", [False, True])
def test_spark_gets_each_part_of_a_composite(build: Builder, *, listed: bool) -> None:
    named = {"a": HTTP | {"type": "async_http"}, "b": {"type": "kafka"}}
    children = [part | {"name": name} for name, part in named.items()] if listed else named
    plan = with_transport(build, {"type": "composite", "transports": children})
    found, omitted = spark_settings(plan, "container")
    assert found[f"{AT}.type"] == "composite"
    assert found[f"{AT}.transports.a.type"] == "http"
    assert found[f"{AT}.transports.a.url"] == "http://lineage:5000"
    assert "kafka" in omitted[f"{AT}.transports.b"]


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({"type": "file"}, "'file'"),
        ({"auth": {"type": "mine.Provider"}}, "mine.Provider"),
        ({"url": "https://saas.example", "verify": False}, "verify: false"),
    ],
)
def test_what_spark_cannot_do_is_left_out(
    build: Builder, settings: dict[str, Any], reason: str
) -> None:
    found, omitted = spark_settings(with_transport(build, HTTP | settings), "host")
    assert not found
    assert reason in omitted[AT]
