"""Real backends in containers, with proxies in this process that lose things on purpose."""

from __future__ import annotations

import socket
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import urllib3
import yaml

from floe_local.plan.values import Signal
from floe_local.prove.targets import Targets
from floe_local.testing import FloeLocal

sys.path.insert(0, str(Path(__file__).parent))

from tests.containers import running
from tests.integration.backends.conftest import manifest
from tests.integration.prove.proxies import LineageProxy, OtlpProxy, serving
from tests.waiting import wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator

    import docker

    from floe_local.prove.targets import BackendTarget

EXPORTER = "otlp_http/backend"
JAEGER = "{type: jaeger, config: {protocol: http, endpoint: 'http://jaeger:4318'}}"
NAMESPACE = "floe-prove-tests"
READY_SECONDS = 120


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def answers(url: str) -> bool:
    try:
        return urllib3.request("GET", url, retries=False, timeout=1).status == 200
    except urllib3.exceptions.HTTPError:
        return False


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FloeLocal]:
    """The backends, as `up` runs them: with their blueprints' configs, whosever the images are."""
    file = manifest(tmp_path_factory.mktemp("prove"), (JAEGER,), ("marquez",))
    with FloeLocal(file) as stack:
        yield stack


def backend_of(stack: FloeLocal, name: str) -> BackendTarget:
    [backend] = [b for b in stack.targets.backends if b.name == name]
    return backend


@pytest.fixture(scope="session")
def otlp_proxy(stack: FloeLocal) -> Iterator[OtlpProxy]:
    """Stand between the Collector and its backend."""
    with serving(OtlpProxy(stack.endpoints["jaeger.otlp-http"].rstrip("/"))) as proxy:
        yield proxy


@pytest.fixture(scope="session")
def lineage_proxy(stack: FloeLocal) -> Iterator[LineageProxy]:
    """Stand before the lineage backend."""
    with serving(LineageProxy(backend_of(stack, "marquez").endpoints["api"])) as proxy:
        yield proxy


@pytest.fixture(autouse=True)
def _nothing_lost(request: pytest.FixtureRequest) -> Iterator[None]:
    """Let the proxies pass everything again after each test."""
    yield
    for name in {"otlp_proxy", "lineage_proxy"} & set(request.fixturenames):
        request.getfixturevalue(name).lose = None


@pytest.fixture(scope="session")
def collector(
    engine: docker.DockerClient,
    stack: FloeLocal,
    otlp_proxy: OtlpProxy,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[dict[str, str]]:
    """Run the Collector on the host's network, for its backend is the proxy in this process."""
    ports = {name: free_port() for name in ("grpc", "http", "metrics")}
    config = tmp_path_factory.mktemp("collector") / "config.yaml"
    config.write_text(yaml.safe_dump(_config(ports, otlp_proxy.url)), encoding="utf-8")
    config.chmod(0o644)
    config.parent.chmod(0o755)
    urls = {name: f"http://127.0.0.1:{port}" for name, port in ports.items()}
    assert stack.result
    [image] = [row.image for row in stack.result.services if row.backend == "collector"]
    with running(
        engine,
        image,
        command=["--config", "/etc/collector.yaml"],
        network_mode="host",
        volumes={str(config): {"bind": "/etc/collector.yaml", "mode": "ro"}},
        user="0:0",
    ) as container:
        wait_for(
            lambda: answers(f"{urls['metrics']}/metrics"),
            lambda: str(container.logs(tail=20).decode()),
            READY_SECONDS,
        )
        yield urls


def _config(ports: dict[str, int], backend: str) -> dict[str, Any]:
    at = {name: f"127.0.0.1:{port}" for name, port in ports.items()}
    reader = {"pull": {"exporter": {"prometheus": {"host": "127.0.0.1", "port": ports["metrics"]}}}}
    queue = {"batch": {"flush_timeout": "50ms", "min_size": 1000}}
    return {
        "receivers": {
            "otlp": {
                "protocols": {"grpc": {"endpoint": at["grpc"]}, "http": {"endpoint": at["http"]}}
            }
        },
        "exporters": {
            EXPORTER: {"endpoint": backend, "compression": "none", "sending_queue": queue},
            "debug": {},
        },
        "service": {
            "telemetry": {"metrics": {"readers": [reader]}},
            "pipelines": {
                "traces": {"receivers": ["otlp"], "exporters": [EXPORTER]},
                "metrics": {"receivers": ["otlp"], "exporters": ["debug"]},
                "logs": {"receivers": ["otlp"], "exporters": ["debug"]},
            },
        },
    }


@pytest.fixture(scope="session")
def telemetry(stack: FloeLocal, collector: dict[str, str]) -> Targets:
    """Give the telemetry half: through the Collector and the proxy, read at the backend."""
    target = backend_of(stack, "jaeger")
    backend = target.backend.model_copy(update={"exporters": {Signal.TRACES: (EXPORTER,)}})
    return Targets(
        stack="tests",
        namespace=NAMESPACE,
        otlp_grpc=collector["grpc"],
        otlp_http=collector["http"],
        collector_metrics=f"{collector['metrics']}/metrics",
        backends=(target.model_copy(update={"backend": backend}),),
    )


@pytest.fixture(scope="session")
def lineage(stack: FloeLocal, lineage_proxy: LineageProxy) -> Targets:
    """Give the lineage half: sent through the proxy, read at the backend."""
    transport = {"type": "http", "url": lineage_proxy.url, "endpoint": "api/v1/lineage"}
    backend = backend_of(stack, "marquez").model_copy(update={"transport": transport})
    return Targets(stack="tests", namespace=NAMESPACE, backends=(backend,))
