from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from floe_local.errors import InputError
from floe_local.plan.compiler.compile import compile_outputs
from floe_local.plan.values import Signal
from tests.unit.plan.compiler.reading import exporter_of, rules_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from floe_local.plan.artifacts import Compiled
    from floe_local.plan.blueprint.model import LocatedBlueprint


def test_the_adrs_jaeger_exporter_is_modernised_with_a_warning(
    adr_jaeger: dict[str, Any], compile_config: Callable[..., Compiled]
) -> None:
    compiled = compile_config(adr_jaeger)

    assert exporter_of(compiled, "otlp_grpc/jaeger")["endpoint"] == "jaeger:4317"
    change = next(c for c in compiled.provenance if c.rule == "retired-component")
    assert change.level == "warning"
    assert change.before == adr_jaeger["exporters"]
    assert list(change.after) == ["otlp_grpc/jaeger"]
    pipelines = compiled["otlp_collector_config"]["service"]["pipelines"]
    assert pipelines["traces"]["exporters"] == ["otlp_grpc/jaeger"]


def test_the_retired_exporter_needs_no_blueprint(
    adr_jaeger: dict[str, Any], manifest: Callable[..., Any], telemetry: Callable[..., Any]
) -> None:
    compiled = compile_outputs(manifest(), (telemetry(adr_jaeger),), {})

    assert exporter_of(compiled, "otlp_grpc/jaeger")["endpoint"] == "jaeger:4317"


@pytest.mark.parametrize(
    ("old", "settings", "new", "after"),
    [
        ("otlp", {"endpoint": "jaeger:4317"}, "otlp_grpc", {"endpoint": "jaeger:4317"}),
        ("otlp/x", {"endpoint": "jaeger:4317"}, "otlp_grpc/x", {"endpoint": "jaeger:4317"}),
        ("otlphttp", {"endpoint": "http://j:4318"}, "otlp_http", {"endpoint": "http://j:4318"}),
        ("logging", {"loglevel": "debug"}, "debug/logging", {"verbosity": "detailed"}),
        (
            "loki",
            {"endpoint": "http://loki:3100/loki/api/v1/push"},
            "otlp_http/loki",
            {"endpoint": "http://loki:4318/otlp"},
        ),
        (
            "jaeger_thrift",
            {"endpoint": "http://jaeger:14268/api/traces"},
            "otlp_http/jaeger_thrift",
            {"endpoint": "http://jaeger:4318"},
        ),
    ],
)
def test_retired_exporters_have_successors(
    old: str,
    settings: dict[str, Any],
    new: str,
    after: dict[str, Any],
    compile_config: Callable[..., Compiled],
) -> None:
    exporter = exporter_of(compile_config({"exporters": {old: settings}}), new)

    assert {key: exporter[key] for key in after} == after


@pytest.mark.parametrize(
    ("endpoint", "after", "rule"),
    [
        ("localhost:4317", "jaeger:4317", "endpoint-is-the-collector"),
        ("LOCALHOST.:4317", "jaeger:4317", "endpoint-is-the-collector"),
        ("127.0.0.1:4317", "jaeger:4317", "endpoint-is-the-collector"),
        ("[::1]:4317", "jaeger:4317", "endpoint-is-the-collector"),
        ("127.0.0.2:4317", "jaeger:4317", "endpoint-is-the-collector"),
        ("10.1.2.3:4317", "jaeger:4317", "address-by-number"),
        ("0.0.0.0:4317", "jaeger:4317", "endpoint-is-the-collector"),
        ("http://localhost:4317", "http://jaeger:4317", "endpoint-is-the-collector"),
        ("otel-collector:4317", "jaeger:4317", "endpoint-is-the-collector"),
        ("jaeger:14250", "jaeger:4317", "port-not-listened-on"),
        ("jaeger:4318", "jaeger:4317", "port-not-listened-on"),
        ("jaeger", "jaeger:4317", "port-not-listened-on"),
        ("dns:///jaeger:9", "dns:///jaeger:4317", "port-not-listened-on"),
        ("https://jaeger:4317", "http://jaeger:4317", "plain-in-stack"),
    ],
)
def test_a_grpc_endpoint_reaches_the_backend(
    endpoint: str, after: str, rule: str, compile_config: Callable[..., Compiled]
) -> None:
    compiled = compile_config({"exporters": {"otlp_grpc": {"endpoint": endpoint}}})

    assert exporter_of(compiled)["endpoint"] == after
    assert rule in rules_of(compiled)


@pytest.mark.parametrize(
    ("key", "endpoint", "after"),
    [
        ("endpoint", "jaeger:4318", "http://jaeger:4318"),
        ("endpoint", "https://jaeger:4318", "http://jaeger:4318"),
        ("endpoint", "http://localhost:4317", "http://jaeger:4318"),
        ("traces_endpoint", "http://127.0.0.1/v1/traces", "http://jaeger:4318/v1/traces"),
    ],
)
def test_an_http_endpoint_reaches_the_backend(
    key: str, endpoint: str, after: str, compile_config: Callable[..., Compiled]
) -> None:
    compiled = compile_config({"exporters": {"otlp_http": {key: endpoint}}})

    assert exporter_of(compiled, "otlp_http")[key] == after


@pytest.mark.parametrize(
    "endpoint", ["jaeger:4317", "Jaeger.Observability.svc.:4317", "jaeger-collector.mon:4317"]
)
def test_a_host_that_the_plugin_names_stays_and_becomes_an_alias(
    endpoint: str, compile_config: Callable[..., Compiled]
) -> None:
    settings = {"endpoint": endpoint, "tls": {"insecure": True}}
    compiled = compile_config({"exporters": {"otlp_grpc": settings}})

    assert exporter_of(compiled)["endpoint"] == endpoint
    assert compiled.backends[0].hosts == ((endpoint.rpartition(":")[0], 4317),)
    assert not rules_of(compiled) & {"port-not-listened-on", "endpoint-is-the-collector"}


@pytest.mark.parametrize("tls", [None, {}, {"insecure": False}, {"ca_file": "/ca.pem"}])
def test_tls_to_a_plain_service_is_switched_off(
    tls: dict[str, Any] | None, compile_config: Callable[..., Compiled]
) -> None:
    settings = {"endpoint": "jaeger:4317", "tls": tls}
    compiled = compile_config({"exporters": {"otlp_grpc": settings}})

    assert exporter_of(compiled)["tls"] == {"insecure": True}
    assert "plain-in-stack" in rules_of(compiled)


def test_a_backend_outside_the_stack_keeps_its_endpoint_and_tls(
    compile_config: Callable[..., Compiled],
) -> None:
    settings = {"endpoint": "https://otlp.example.com/otlp", "headers": {"x-scope": "1"}}

    exporter = exporter_of(
        compile_config({"exporters": {"otlp_http": settings}}, "saas"), "otlp_http"
    )

    assert {key: exporter[key] for key in settings} == settings
    assert "tls" not in exporter


def test_localhost_without_a_blueprint_is_refused(compile_config: Callable[..., Compiled]) -> None:
    with pytest.raises(InputError, match=r"exporters\.otlp_grpc\.endpoint: 'localhost' is the"):
        compile_config({"exporters": {"otlp_grpc": {"endpoint": "localhost:4317"}}}, "own")


def test_an_ip_address_elsewhere_is_left_alone(compile_config: Callable[..., Compiled]) -> None:
    compiled = compile_config({"exporters": {"otlp_grpc": {"endpoint": "10.20.30.40:4317"}}}, "own")

    assert exporter_of(compiled)["endpoint"] == "10.20.30.40:4317"


def test_a_reference_as_endpoint_is_left_alone(compile_config: Callable[..., Compiled]) -> None:
    compiled = compile_config({"exporters": {"otlp_grpc": {"endpoint": "${env:JAEGER}:4317"}}})

    assert exporter_of(compiled)["endpoint"] == "${env:JAEGER}:4317"
    assert compiled.secrets == ("JAEGER",)


def test_receivers_that_the_plugin_does_not_define_become_otlp(
    compile_config: Callable[..., Compiled],
) -> None:
    pipeline = {"receivers": ["jaeger", "otlp"], "exporters": ["debug"]}
    compiled = compile_config(
        {"exporters": {"debug": {}}, "service": {"pipelines": {"traces": pipeline}}}
    )

    assert compiled["otlp_collector_config"]["service"]["pipelines"]["traces"]["receivers"] == [
        "otlp"
    ]
    assert "receivers" in rules_of(compiled)


def test_processors_stand_in_order(compile_config: Callable[..., Compiled]) -> None:
    pipeline = {"processors": ["batch", "filter/x", "memory_limiter"], "exporters": ["debug"]}
    tail = {"policies": [{"name": "errors", "type": "status_code"}]}
    compiled = compile_config(
        {
            "processors": {"filter/x": {}},
            "exporters": {"debug": {}},
            "service": {"pipelines": {"traces": pipeline}},
        },
        sampling={"ratio": 0.25, "tail": tail},
    )

    config = compiled["otlp_collector_config"]
    assert config["service"]["pipelines"]["traces"]["processors"] == [
        "memory_limiter",
        "probabilistic_sampler",
        "tail_sampling",
        "resource/floe",
        "filter/x",
    ]
    assert config["processors"]["probabilistic_sampler"] == {"sampling_percentage": 25.0}
    assert config["processors"]["tail_sampling"]["policies"][0]["name"] == "floe-canaries"
    assert compiled.sampling == "25% of traces, tail (1 policies)"


def test_signals_that_no_backend_takes_end_in_debug(
    adr_jaeger: dict[str, Any], compile_config: Callable[..., Compiled]
) -> None:
    compiled = compile_config(adr_jaeger)

    pipelines = compiled["otlp_collector_config"]["service"]["pipelines"]
    assert list(pipelines) == ["traces", "metrics", "logs"]
    assert pipelines["metrics"]["exporters"] == pipelines["logs"]["exporters"] == ["debug"]
    told = [c.where for c in compiled.provenance if c.rule == "signal-to-debug"]
    assert told == ["service.pipelines.metrics", "service.pipelines.logs"]


def test_telemetry_is_enriched_without_overwriting(
    adr_jaeger: dict[str, Any], compile_config: Callable[..., Compiled]
) -> None:
    extra = {"team": "a$b", "cost": "$5 ${env:COST} $", "tier": 2}
    compiled = compile_config(adr_jaeger, environment="ci", resource_attributes=extra)

    attributes = compiled["otlp_collector_config"]["processors"]["resource/floe"]["attributes"]
    assert {a["action"] for a in attributes} == {"insert"}
    assert {a["key"]: a["value"] for a in attributes} == {
        "deployment.environment.name": "ci",
        "floe.namespace": "floe-ci",
        "floe.project": "shop",
        "team": "a$$b",
        "cost": "$$5 ${env:COST} $$",
        "tier": 2,
    }


def test_two_plugins_with_one_exporter_id_are_told_apart(
    blueprints: dict[str, LocatedBlueprint],
    manifest: Callable[..., Any],
    telemetry: Callable[..., Any],
) -> None:
    first = telemetry({"exporters": {"otlp_grpc": {"endpoint": "jaeger:4317"}}})
    auth = {"auth": {"authenticator": "basicauth"}, "endpoint": "https://other.example"}
    other = telemetry(
        {
            "extensions": {"basicauth": {"client_auth": {"username": "u"}}},
            "exporters": {"otlp_grpc": auth, "otlp_grpc/x": {"endpoint": "x.example:1"}},
        },
        "other",
    )
    third = telemetry({**other.exporter_config}, "third")

    compiled = compile_outputs(manifest(), (first, other, third), blueprints)

    config = compiled["otlp_collector_config"]
    assert [b.exporters[Signal.TRACES] for b in compiled.backends] == [
        ("otlp_grpc",),
        ("otlp_grpc/other", "otlp_grpc/x"),
        ("otlp_grpc/third", "otlp_grpc/third_x"),
    ]
    assert config["service"]["pipelines"]["traces"]["exporters"] == [
        "otlp_grpc",
        "otlp_grpc/other",
        "otlp_grpc/x",
        "otlp_grpc/third",
        "otlp_grpc/third_x",
    ]
    assert config["exporters"]["otlp_grpc/third"]["auth"] == {"authenticator": "basicauth/third"}
    assert config["service"]["pipelines"]["metrics"]["exporters"] == [
        "otlp_grpc/other",
        "otlp_grpc/x",
        "otlp_grpc/third",
        "otlp_grpc/third_x",
    ]


def test_a_plugins_processors_touch_its_own_data_only(
    blueprints: dict[str, LocatedBlueprint],
    manifest: Callable[..., Any],
    telemetry: Callable[..., Any],
) -> None:
    first = telemetry({"exporters": {"otlp_grpc": {"endpoint": "jaeger:4317"}}})
    pipeline = {"processors": ["filter"], "exporters": ["otlp_http"]}
    other = telemetry(
        {
            "processors": {"filter": {"error_mode": "ignore"}},
            "exporters": {"otlp_http": {"endpoint": "https://other.example"}},
            "service": {"pipelines": {"traces": pipeline}},
        },
        "other",
    )

    compiled = compile_outputs(manifest(), (first, other), blueprints)

    pipelines = compiled["otlp_collector_config"]["service"]["pipelines"]
    assert pipelines["traces"]["processors"] == ["memory_limiter", "resource/floe"]
    assert pipelines["traces/other"]["processors"][-1] == "filter"
    assert pipelines["traces/other"]["exporters"] == ["otlp_http"]


def test_what_the_plugin_returned_is_not_changed(
    adr_jaeger: dict[str, Any], compile_config: Callable[..., Compiled]
) -> None:
    before = repr(adr_jaeger)

    compile_config(adr_jaeger)

    assert repr(adr_jaeger) == before


def test_old_tls_keys_are_nested(compile_config: Callable[..., Compiled]) -> None:
    settings = {"endpoint": "https://x.example:4317", "ca_file": "/ca.pem"}
    compiled = compile_config({"exporters": {"otlp/x": settings}}, "saas")

    exporter = exporter_of(compiled, "otlp_grpc/x")
    assert exporter["tls"] == {"ca_file": "/ca.pem"}
    assert "ca_file" not in exporter
    assert {"retired-component", "retired-key"} <= rules_of(compiled)


def test_a_signal_that_the_backend_does_not_take_is_warned_of(
    compile_config: Callable[..., Compiled],
) -> None:
    pipelines = {signal: {"exporters": ["otlp_grpc"]} for signal in ("traces", "logs")}
    settings = {"endpoint": "jaeger:4317", "tls": {"insecure": True}}
    compiled = compile_config(
        {"exporters": {"otlp_grpc": settings}, "service": {"pipelines": pipelines}}
    )

    told = [c.where for c in compiled.provenance if c.rule == "signal-not-taken"]
    assert [where.rpartition(" ")[2] for where in told] == ["service.pipelines.logs"]


def test_a_plugins_own_receivers_and_connectors_stay(
    compile_config: Callable[..., Compiled],
) -> None:
    compiled = compile_config(
        {
            "receivers": {"hostmetrics": {}, "otlp": {"protocols": {"grpc": {"endpoint": "x:1"}}}},
            "connectors": {"count": {}},
            "exporters": {"otlp_grpc": {"endpoint": "x.example:4317"}},
            "service": {
                "pipelines": {
                    "traces": {"receivers": ["otlp"], "exporters": ["otlp_grpc", "count"]},
                    "metrics": {"receivers": ["count", "hostmetrics"], "exporters": ["otlp_grpc"]},
                }
            },
        },
        "saas",
    )

    config = compiled["otlp_collector_config"]
    assert config["receivers"]["otlp"]["protocols"]["grpc"] == {"endpoint": "0.0.0.0:4317"}
    assert "hostmetrics" in config["receivers"]
    pipelines = config["service"]["pipelines"]
    assert pipelines["metrics"] == {
        "receivers": ["count", "hostmetrics"],
        "processors": ["memory_limiter"],
        "exporters": ["otlp_grpc"],
    }
    assert pipelines["metrics/floe"]["exporters"] == ["debug"]
    assert compiled.backends[0].exporters == {"traces": ("otlp_grpc",), "metrics": ("otlp_grpc",)}
