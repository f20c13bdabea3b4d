"""Without ``--live`` a plugin of a self-hosted backend reaches the stack, and nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from floe_local.errors import InputError
from floe_local.plan.blueprint.model import Blueprint
from floe_local.plan.compiler.compile import compile_outputs
from floe_local.plan.values import Egress
from tests.unit.plan.compiler.conftest import (
    egress_of,
    lineage_output,
    placed,
    telemetry_output,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from floe_local.plan.artifacts import Compiled
    from floe_local.plan.manifest.model import Manifest

    Compile = Callable[..., Compiled]

KEY = "${env:ACME_KEY}"
ENDPOINTS = [
    {"name": "api", "port": 5000},
    {"name": "zipkin", "port": 9411},
    {"name": "otlp", "port": 4317, "protocol": "otlp-grpc"},
]
OWN = {"acme": {"image": {"upstream": "acme/acme:1"}, "endpoints": ENDPOINTS}}
TELEMETRY = {"kind": "telemetry", "accepts": ["traces"], "ingest": {"otlp-grpc": "otlp"}}
LINEAGE = {"kind": "lineage", "accepts": ["lineage"], "ingest": {"openlineage": "api"}}


@pytest.fixture
def acme(manifest: Callable[..., Manifest]) -> Compile:
    def run(config: dict[str, Any], *, live: bool = False) -> Compiled:
        lineage = "type" in config
        output = (lineage_output if lineage else telemetry_output)(config, name="acme")
        kind = LINEAGE if lineage else TELEMETRY
        start = {"blueprint": 1, "name": "acme", "title": "Acme", "services": OWN}
        blueprint = Blueprint.model_validate({**start, **kind})
        return compile_outputs(
            manifest(), (output,), placed(blueprint), egress=egress_of(live=live)
        )

    return run


def exporting(**exporters: Any) -> dict[str, Any]:
    return {"exporters": {"otlp_grpc": {"endpoint": "acme:4317"}, **exporters}}


def processing(**processors: Any) -> dict[str, Any]:
    pipeline = {"receivers": ["otlp"], "processors": [*processors], "exporters": ["otlp_grpc"]}
    pipelines = {"pipelines": {"traces": pipeline}}
    return {**exporting(), "processors": processors, "service": pipelines}


SAAS = "https://otlp.saas.example"
OUTSIDE: dict[str, tuple[dict[str, Any], str]] = {
    "no address": (
        exporting(datadog={"api": {"key": KEY, "site": "saas.example"}}),
        "exporters.datadog",
    ),
    "a protocol that it does not take": (
        exporting(otlp_http={"endpoint": SAAS, "headers": {"api-key": KEY}}),
        "exporters.otlp_http.endpoint",
    ),
    "a port that it does not listen on": (
        exporting(zipkin={"endpoint": "http://zipkin.saas.example/api/v2/spans"}),
        "exporters.zipkin.endpoint",
    ),
    "a name alone": (exporting(x={"endpoint": "saas.example"}), "exporters.x.endpoint"),
    "a number alone": (exporting(x={"endpoint": "93.184.216.34"}), "exporters.x.endpoint"),
    "a site beside its own": (
        exporting(datadog={"api": {"site": "saas.example"}, "traces": {"endpoint": "acme:9411"}}),
        "exporters.datadog.api.site",
    ),
    "a list": (exporting(kafka={"brokers": ["k.example:9092"]}), "exporters.kafka.brokers.0"),
    "one of two": (
        exporting(x={"endpoint": "acme:9411", "more": {"api": SAAS}}),
        "exporters.x.more.api",
    ),
    "inside a text": (
        exporting(x={"connection_string": f"Key={KEY};IngestionEndpoint={SAAS}/"}),
        "exporters.x.connection_string",
    ),
    "a reference": (exporting(zipkin={"endpoint": "${env:URL}"}), "exporters.zipkin.endpoint"),
    "a port by reference": (
        exporting(otlp_grpc={"endpoint": "saas.example:${env:P}"}),
        "exporters.otlp_grpc.endpoint",
    ),
    "an extension": (
        {**exporting(), "extensions": {"oauth2client": {"token_url": f"{SAAS}/token"}}},
        "extensions.oauth2client.token_url",
    ),
    "a processor": (
        processing(lookup={"source": f"{SAAS}/?k={KEY}"}),
        "processors.lookup.source",
    ),
    "kafka": (
        {"type": "kafka", "config": {"bootstrap.servers": "k.example:9092"}},
        "bootstrap.servers",
    ),
    "a client of a cloud": ({"type": "amazon_datazone_api", "domainId": "x"}, "transport"),
    "the last of a composite": (
        {
            "type": "composite",
            "transports": [{"type": "console"}, {"type": "amazon_datazone_api", "region": "x"}],
        },
        "transport.transports.1",
    ),
    "a token's issuer": (
        {"type": "http", "url": "http://acme:5000", "auth": {"tokenEndpoint": f"{SAAS}/t"}},
        "transport.auth.tokenEndpoint",
    ),
}


@pytest.mark.parametrize("case", OUTSIDE)
def test_what_is_outside_of_the_stack_is_reached_live_only(case: str, acme: Compile) -> None:
    config, place = OUTSIDE[case]
    with pytest.raises(InputError) as caught:
        acme(config)
    assert caught.value.code == "sandbox-leak"
    assert place in caught.value.reason
    assert "acme 1.2.3" in caught.value.reason
    assert "--live" in caught.value.hint
    assert acme(config, live=True).backends


@pytest.mark.parametrize("config", [exporting(), {"type": "http", "url": SAAS}])
def test_a_backend_that_neither_runs_nor_is_played_is_for_live(
    config: dict[str, Any], manifest: Callable[..., Manifest]
) -> None:
    output = (lineage_output if "type" in config else telemetry_output)(config, name="acme")
    own = placed(Blueprint(blueprint=1, name="acme", title="Acme", accepts=("traces",)))
    with pytest.raises(InputError, match="outside of the stack") as caught:
        compile_outputs(manifest(), (output,), own)
    assert caught.value.code == "sandbox-leak"
    assert compile_outputs(manifest(), (output,), own, egress=Egress.ANYWHERE).backends


def test_what_ends_in_the_collector_calls_nobody_beside(manifest: Callable[..., Manifest]) -> None:
    extensions = {"oauth2client": {"token_url": f"{SAAS}/token"}}
    config = {"exporters": {"debug": {}}, "extensions": extensions}
    with pytest.raises(InputError, match=r"extensions\.oauth2client\.token_url"):
        compile_outputs(manifest(), (telemetry_output(config, name="acme"),), {})


INSIDE: dict[str, dict[str, Any]] = {
    "another port of the service": exporting(zipkin={"endpoint": "http://acme/api/v2/spans"}),
    "a name that means the service": exporting(zipkin={"endpoint": "http://zipkin.example:9411/"}),
    "a list": exporting(kafka={"brokers": ["acme:9092"]}),
    "a host alone": exporting(x={"server": {"name": "acme", "port": 9411}}),
    "a port by reference": exporting(zipkin={"endpoint": "http://acme:${env:P}/"}),
    "a host by reference": exporting(otlp_grpc={"endpoint": "${env:JAEGER:-acme}:4317"}),
    "the Collector": exporting(prometheus={"endpoint": "0.0.0.0:8889"}),
    "its log": exporting(debug={}, file={"path": "/x"}, nop={}),
    "data": processing(attributes={"actions": [{"key": "a", "value": SAAS}]}),
    "a header": exporting(zipkin={"endpoint": "acme:9411", "headers": {"from": SAAS}}),
    "an extension": {**exporting(), "extensions": {"pprof": {"endpoint": "localhost:1777"}}},
    "kafka": {"type": "kafka", "config": {"bootstrap.servers": "acme:9092"}},
    "console": {"type": "console"},
    "http": {"type": "http", "url": "https://catalog.example/api/v1/lineage"},
    "http by reference": {"type": "http", "url": "http://${env:HOST}:5000"},
}


@pytest.mark.parametrize("case", INSIDE)
def test_what_is_in_the_stack_is_reached(case: str, acme: Compile) -> None:
    assert acme(INSIDE[case]).backends
