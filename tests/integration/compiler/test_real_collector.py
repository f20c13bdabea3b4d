"""Generated configs, judged by the real Collector."""

from __future__ import annotations

import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import pytest
import requests
import yaml

from floe_local.plan.blueprint.lookup import find_blueprints
from floe_local.plan.blueprint.model import compose_folder
from floe_local.plan.blueprint.placement import placeholder, resolve_placement
from floe_local.plan.blueprint.recipe import load_recipe
from floe_local.plan.compiler.compile import compile_outputs
from floe_local.plan.manifest.model import LocalSettings, Manifest
from floe_local.plan.plugins.output import PluginOutput
from floe_local.plan.values import Egress, Kind
from floe_local.run.engine import Engine
from tests.waiting import wait_for

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    import docker
    from docker.models.containers import Container

    from floe_local.plan.artifacts import Compiled
    from floe_local.plan.blueprint.model import LocatedBlueprint
    from floe_local.plan.blueprint.recipe import LocatedRecipe

pytestmark = pytest.mark.integration

RECIPE = load_recipe(compose_folder() / "collector" / "image")
VARIANTS = RECIPE.variants_with(())
ALIASES = {
    "exporters/otlp": "exporters/otlp_grpc",
    "exporters/otlphttp": "exporters/otlp_http",
    "processors/resourcedetection": "processors/resource_detection",
}
"""Names of before, which configs may use and `components` does not print."""
DEADLINE_S = 30.0
TRACES_ONLY = {"receivers": ["otlp"], "processors": ["batch"], "exporters": ["jaeger"]}
ADR_JAEGER = {
    "exporters": {"jaeger": {"endpoint": "jaeger:14250", "tls": {"insecure": True}}},
    "service": {"pipelines": {"traces": TRACES_ONLY}},
}
GRAFANA = {
    "extensions": {
        "basicauth/grafana": {"client_auth": {"username": "${env:ID}", "password": "${env:TOKEN}"}}
    },
    "exporters": {
        "otlp_http": {
            "endpoint": "https://otlp.example.com/otlp",
            "auth": {"authenticator": "basicauth/grafana"},
        }
    },
}
XRAY = {
    "extensions": {"sigv4auth": {"region": "eu-central-1", "service": "xray"}},
    "exporters": {
        "otlp_http": {
            "traces_endpoint": "https://xray.eu-central-1.example.com/v1/traces",
            "auth": {"authenticator": "sigv4auth"},
        }
    },
    "service": {"pipelines": {"traces": {"exporters": ["otlp_http"]}}},
}
DATADOG = {
    "exporters": {
        "datadog": {
            "api": {"key": "${env:DD_API_KEY}", "site": "datadoghq.com"},
            "hostname": "here",
            "host_metadata": {"enabled": False},
        }
    }
}
OTHERS = {
    "processors": {
        "batch": {"timeout": "1s"},
        "attributes/x": {"actions": [{"key": "a", "action": "delete"}]},
    },
    "exporters": {
        "file": {"path": "/var/lib/otelcol/x"},
        "prometheus": {"endpoint": "0.0.0.0:8889"},
    },
    "service": {
        "pipelines": {
            "traces/file": {"processors": ["attributes/x", "batch"], "exporters": ["file"]},
            "metrics": {"exporters": ["prometheus", "file"]},
        }
    },
}
CASES: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "the ADR's": ({"jaeger": ADR_JAEGER}, {}),
    "flat": ({"jaeger": {"exporter_type": "otlp", "endpoint": "jaeger:4317"}}, {}),
    "console": ({"console": {"exporter_type": "console"}}, {}),
    "retired names": (
        {
            "x": {
                "otlp": {"endpoint": "x:1"},
                "otlphttp": {"endpoint": "http://x:2"},
                "logging": {"loglevel": "debug"},
            }
        },
        {},
    ),
    "basic auth": ({"grafana-cloud": GRAFANA}, {}),
    "sigv4": ({"xray": XRAY}, {}),
    "datadog": ({"datadog": DATADOG}, {}),
    "no queue": ({"others": OTHERS}, {}),
    "four at once": (
        {"jaeger": ADR_JAEGER, "g": GRAFANA, "x": XRAY, "datadog": DATADOG, "g2": GRAFANA},
        {},
    ),
    "head sampling": ({"jaeger": ADR_JAEGER}, {"sampling": 0.1}),
    "tail sampling": (
        {"jaeger": ADR_JAEGER},
        {
            "sampling": {
                "ratio": 0.5,
                "tail": {
                    "policies": [
                        {
                            "name": "errors",
                            "type": "status_code",
                            "status_code": {"status_codes": ["ERROR"]},
                        }
                    ]
                },
            }
        },
    ),
    "attributes": (
        {"jaeger": ADR_JAEGER},
        {"resource_attributes": {"a": "x$y", "b": 1, "c": True}},
    ),
}


@pytest.fixture
def compiled() -> Callable[..., Compiled]:
    def run(configs: dict[str, Any], local: dict[str, Any]) -> Compiled:
        blueprints = resolve_placement(find_blueprints(["collector", *configs]), live=True)
        if "datadog" in configs:
            blueprints["datadog"] = _queued()
        outputs = [
            PluginOutput(kind="telemetry", name=n, exporter_config=c) for n, c in configs.items()
        ]
        manifest = Manifest(project="a shop", local=LocalSettings.model_validate(local))
        return compile_outputs(manifest, outputs, blueprints, egress=Egress.ANYWHERE)

    return run


def _queued() -> LocatedBlueprint:
    placed = placeholder("datadog", Kind.TELEMETRY)
    blueprint = placed.blueprint.model_copy(update={"queued_exporters": ("datadog",)})
    return placed.model_copy(update={"blueprint": blueprint})


@pytest.mark.parametrize("case", CASES)
def test_the_real_collector_finds_the_config_valid(
    case: str,
    client: docker.DockerClient,
    image: str,
    compiled: Callable[..., Compiled],
    tmp_path: Path,
) -> None:
    config = compiled(*CASES[case])["otlp_collector_config"]
    _write(tmp_path, config)

    run: Any = client.containers.run  # its overloads do not know `**`
    printed = run(
        image,
        ["validate", "--config", "/etc/floe/collector.yaml"],
        remove=True,
        stderr=True,
        **_options(tmp_path),
    )

    assert b"deprecated" not in printed


@pytest.fixture
def collector(
    client: docker.DockerClient, image: str, compiled: Callable[..., Compiled], tmp_path: Path
) -> Iterator[Container]:
    """A Collector that drops all but canaries, and prints what it keeps."""
    configs = {"own": {"exporters": {"debug": {"verbosity": "detailed"}}}}
    local = {"sampling": 0, "resource_attributes": {"team": "a$b", "service.name": "other"}}
    _write(tmp_path, compiled(configs, local)["otlp_collector_config"])
    ports = {f"{port}/tcp": ("127.0.0.1", None) for port in (4318, 8888, 13133)}
    command = ["--config", "/etc/floe/collector.yaml"]
    run: Any = client.containers.run
    container: Container = run(image, command, detach=True, ports=ports, **_options(tmp_path))
    try:
        _wait_until(lambda: _get(container, 13133, "/").ok, container)
        yield container
    finally:
        container.remove(force=True)


def test_canaries_pass_the_sampler_and_signals_without_a_backend_are_taken(
    collector: Container,
) -> None:
    for name, attributes in (("kept", [_attribute("sampling.priority", 1)]), ("dropped", [])):
        assert _post(collector, "traces", _trace(name, attributes)).status_code == 200
    assert _post(collector, "logs", {"resourceLogs": []}).status_code == 200
    assert _post(collector, "metrics", {"resourceMetrics": []}).status_code == 200

    _wait_until(lambda: _counter(collector, "otelcol_exporter_sent_spans") == 1, collector)
    assert _counter(collector, "otelcol_receiver_accepted_spans") == 2
    printed = collector.logs().decode()
    assert "kept" in printed
    assert "dropped" not in printed
    assert "team: Str(a$b)" in printed
    assert "service.name: Str(shop)" in printed
    assert "deployment.environment.name: Str(local)" in printed


def _write(folder: Path, config: dict[str, Any]) -> None:
    (folder / "collector.yaml").write_text(
        yaml.safe_dump(config, sort_keys=False), encoding="utf-8"
    )
    folder.chmod(0o755)


def _options(folder: Path) -> dict[str, Any]:
    return {
        "user": "0:0",
        "cap_drop": ["ALL"],
        "read_only": True,
        "tmpfs": {"/var/lib/otelcol": ""},
        "volumes": {str(folder): {"bind": "/etc/floe", "mode": "ro"}},
        "environment": {
            "ID": "1",
            "TOKEN": "t",
            "DD_API_KEY": "0" * 32,
            "AWS_ACCESS_KEY_ID": "dummy",  # sigv4auth wants them when it starts
            "AWS_SECRET_ACCESS_KEY": "dummy",
        },
    }


def _address(container: Container, port: int) -> str:
    container.reload()
    published = container.ports[f"{port}/tcp"] or []
    return f"http://127.0.0.1:{published[0]['HostPort']}"


def _get(container: Container, port: int, path: str) -> requests.Response:
    return requests.get(_address(container, port) + path, timeout=2)


def _post(container: Container, signal: str, body: dict[str, Any]) -> requests.Response:
    return requests.post(f"{_address(container, 4318)}/v1/{signal}", json=body, timeout=5)


def _counter(container: Container, name: str) -> float:
    """The sum over a counter's series."""
    lines = _get(container, 8888, "/metrics").text.splitlines()
    return sum(float(line.rsplit(" ", 1)[1]) for line in lines if line.startswith(name + "{"))


def _wait_until(condition: Callable[[], bool], container: Container) -> None:
    def holds() -> bool:
        with suppress(requests.ConnectionError, requests.Timeout, KeyError, IndexError, TypeError):
            return condition()
        return False

    wait_for(holds, lambda: f"the Collector:\n{container.logs(tail=30).decode()}", DEADLINE_S)


def _attribute(key: str, value: int) -> dict[str, Any]:
    return {"key": key, "value": {"intValue": str(value)}}


def _trace(name: str, attributes: list[dict[str, Any]]) -> dict[str, Any]:
    now = time.time_ns()
    span = {
        "traceId": f"{now:032x}",
        "spanId": f"{now % 2**64:016x}",
        "name": name,
        "kind": 1,
        "startTimeUnixNano": str(now),
        "endTimeUnixNano": str(now + 1),
        "attributes": attributes,
    }
    service = {"key": "service.name", "value": {"stringValue": "shop"}}
    return {
        "resourceSpans": [
            {"resource": {"attributes": [service]}, "scopeSpans": [{"spans": [span]}]}
        ]
    }


@pytest.mark.parametrize("variant", VARIANTS, ids=lambda one: one.name)
def test_each_build_has_exactly_the_components_that_its_recipe_lists(
    variant: LocatedRecipe, client: docker.DockerClient
) -> None:
    if Engine(client).image(variant.reference) is None:
        pytest.skip(f"{variant.reference} is not here: `floe-local images build`")
    printed = yaml.safe_load(client.containers.run(variant.reference, ["components"], remove=True))
    found = {
        f"{section}/{component['name']}"
        for section in ("receivers", "processors", "exporters", "extensions", "connectors")
        for component in printed.get(section) or ()
    }
    variants = RECIPE.recipe.variants
    smaller = variants[: [v.name for v in variants].index(variant.name.removeprefix("collector-"))]
    assert variant.variant
    listed = variant.variant.adds.union(*(one.adds for one in smaller))
    assert found == {ALIASES.get(name, name) for name in listed}
