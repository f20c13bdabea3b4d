from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from floe_local.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable

    from floe_local.plan.artifacts import Compiled

EXPORTER = {"endpoint": "jaeger:4317", "tls": {"insecure": True}}
SHAPES = {
    "a": {
        "exporters": {"otlp_grpc": EXPORTER},
        "service": {"pipelines": {"traces": {"receivers": ["otlp"], "exporters": ["otlp_grpc"]}}},
    },
    "b": {
        "exporters": {"otlp_grpc": EXPORTER},
        "service": {"pipelines": {"traces": {"exporters": ["otlp_grpc"]}}},
    },
    "c": {"exporters": {"otlp_grpc": EXPORTER}},
    "d": {"otlp_grpc": EXPORTER},
    "e": {
        "exporter_type": "otlp",
        "endpoint": "jaeger:4317",
        "insecure": True,
        "protocol": "grpc",
    },
}


@pytest.mark.parametrize("shape", SHAPES)
def test_every_shape_gives_the_same_config(
    shape: str, compile_config: Callable[..., Compiled]
) -> None:
    compiled = compile_config(SHAPES[shape])

    expected = compile_config(SHAPES["a"])
    assert compiled.otlp_collector_config == expected.otlp_collector_config
    assert compiled.backends[0].exporters == {"traces": ("otlp_grpc",)}


@pytest.mark.parametrize("shape", ["b", "c", "d", "e"])
def test_a_shape_that_is_not_the_adrs_is_told(
    shape: str, compile_config: Callable[..., Compiled]
) -> None:
    rules = {change.rule for change in compile_config(SHAPES[shape]).provenance}

    assert f"exporter-config-shape-{shape}" in rules


def test_without_a_blueprint_exporters_take_all_that_an_sdk_sends(
    compile_config: Callable[..., Compiled],
) -> None:
    compiled = compile_config({"exporters": {"otlp_http": {"endpoint": "https://x.example"}}}, "x")

    pipelines = compiled["otlp_collector_config"]["service"]["pipelines"]
    assert {k: p["exporters"] for k, p in pipelines.items()} == {
        "traces": ["otlp_http"],
        "metrics": ["otlp_http"],
        "logs": ["otlp_http"],
    }


@pytest.mark.parametrize(
    "pipelines",
    [
        {"traces": {"exporters": ["otlp_grpc"]}},
        {"pipelines": {"traces": {"exporters": ["otlp_grpc"]}}},
        {"service": {"pipelines": {"traces": {"exporters": ["otlp_grpc"]}}}},
    ],
)
def test_the_older_contracts_pipelines_are_used(
    pipelines: dict[str, Any], compile_config: Callable[..., Compiled]
) -> None:
    compiled = compile_config({"otlp_grpc": EXPORTER}, more={"pipeline_config": pipelines})

    assert compiled.backends[0].exporters == {"traces": ("otlp_grpc",)}


def test_a_flat_console_exporter_is_debug(compile_config: Callable[..., Compiled]) -> None:
    compiled = compile_config({"exporter_type": "console"}, "console")

    assert "debug/console" in compiled["otlp_collector_config"]["exporters"]


def test_a_flat_http_exporter_gets_a_url(compile_config: Callable[..., Compiled]) -> None:
    flat = {"exporter_type": "otlp", "endpoint": "h:4318", "insecure": True, "protocol": "http"}

    config = compile_config(flat, "own")["otlp_collector_config"]

    assert config["exporters"]["otlp_http"]["endpoint"] == "http://h:4318"


@pytest.mark.parametrize(
    "endpoint", ["jaeger-collector:4317", "http://localhost:4318", "10.0.0.9:1"]
)
def test_the_published_plugin_reaches_the_backend_whatever_the_shell_says(
    endpoint: str, compile_config: Callable[..., Compiled]
) -> None:
    flat = {"exporter_type": "otlp", "endpoint": endpoint, "insecure": False, "protocol": "grpc"}

    compiled = compile_config(flat)

    exporter = compiled["otlp_collector_config"]["exporters"]["otlp_grpc"]
    assert exporter["endpoint"].rpartition("/")[2] in {"jaeger:4317", "jaeger-collector:4317"}
    assert exporter["tls"] == {"insecure": True}


WRONG: dict[str, tuple[Any, str]] = {
    "no dict": (["exporters"], "returned list, expected a dict"),
    "None": (None, "returned NoneType"),
    "empty": ({}, "has no 'exporters'"),
    "scalars": ({"endpoint": "jaeger:4317"}, "has no 'exporters'"),
    "no exporters": ({"exporters": {}}, "exporters: is empty"),
    "exporters is a list": ({"exporters": ["otlp"]}, "exporters: expected a mapping, got list"),
    "exporter is text": ({"exporters": {"otlp": "x:1"}}, "exporters.otlp: expected a mapping"),
    "unknown section": ({"exporters": {"debug": {}}, "exporter": {}}, "did you mean 'exporters'"),
    "an object": ({"exporters": {"otlp": {"endpoint": object()}}}, "JSON cannot hold"),
    "a number as key": ({"exporters": {1: {}}}, "JSON cannot hold"),
    "pipelines a list": (
        {"exporters": {"debug": {}}, "service": {"pipelines": ["traces"]}},
        "service.pipelines: expected a mapping",
    ),
    "unknown signal": (
        {"exporters": {"debug": {}}, "service": {"pipelines": {"trace": {"exporters": ["debug"]}}}},
        "did you mean 'traces'",
    ),
    "unknown exporter": (
        {"exporters": {"debug": {}}, "service": {"pipelines": {"traces": {"exporters": ["x"]}}}},
        "'x' is not defined",
    ),
    "exporters as text": (
        {"exporters": {"debug": {}}, "service": {"pipelines": {"traces": {"exporters": "debug"}}}},
        "expected a list of component ids",
    ),
    "pipeline without exporters": (
        {"exporters": {"debug": {}}, "service": {"pipelines": {"traces": {"exporters": []}}}},
        "exporters: is empty",
    ),
    "unused exporter": (
        {
            "exporters": {"debug": {}, "otlp_grpc/2": {}},
            "service": {"pipelines": {"traces": {"exporters": ["debug"]}}},
        },
        "exporters.otlp_grpc/2: no pipeline uses it",
    ),
    "undefined processor": (
        {
            "exporters": {"debug": {}},
            "service": {"pipelines": {"traces": {"processors": ["f"], "exporters": ["debug"]}}},
        },
        "'f' is not defined",
    ),
    "undefined extension": (
        {"exporters": {"debug": {}}, "service": {"extensions": ["basicauth"]}},
        "'basicauth' is not defined",
    ),
    "undefined authenticator": (
        {"exporters": {"otlp_http": {"auth": {"authenticator": "basicauth/x"}}}},
        "exporters.otlp_http.auth.authenticator: 'basicauth/x' is not defined",
    ),
    "a written-out key": (
        {"exporters": {"datadog": {"api": {"site": "x", "api_key": "0123456789abcdef"}}}},
        "exporters.datadog.api.api_key: holds a credential written out",
    ),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_no_rule_mends_names_plugin_distribution_and_field(
    case: str, compile_config: Callable[..., Compiled]
) -> None:
    config, expected = WRONG[case]

    with pytest.raises(InputError) as caught:
        compile_config(config)

    told = f"{caught.value.reason} {caught.value.hint}"
    assert expected in told
    assert "telemetry plugin 'jaeger' (floe-telemetry-jaeger 1.2.3)" in told
    assert "0123456789abcdef" not in told
