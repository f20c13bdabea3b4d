"""Real backends in containers, with proxies in this process that lose things on purpose."""

from __future__ import annotations

import os
import socket
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import urllib3
import yaml

from floe_local.plan.blueprint.model import Blueprint
from floe_local.plan.values import Origin, Signal
from floe_local.prove.targets import BackendTarget, Targets

sys.path.insert(0, str(Path(__file__).parent))

from tests.integration.prove.proxies import LineageProxy, OtlpProxy, serving
from tests.waiting import wait_for

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import docker
    from docker.models.containers import Container

COMPOSE = Path(__file__).parents[3] / "compose"
EXPORTER = "otlp_http/backend"
NAMESPACE = "floe-prove-tests"
READY_SECONDS = 120
STAND_IN = "floe-local/marquez-standin"


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def image(engine: docker.DockerClient, *names: str) -> Any:
    """Return the newest image of the first repository that has one here."""
    for name in names:
        if found := engine.images.list(name):
            return max(found, key=lambda one: one.attrs["Created"])
    pytest.fail(f"none of the images {names} is here: build or pull them first", pytrace=False)


def wait_until(ready: Callable[[], bool], container: Container) -> None:
    def says() -> str:
        return f"{container.name}:\n{container.logs(tail=20).decode()}"

    def is_ready() -> bool:
        container.reload()
        assert container.status != "exited", says()
        return ready()

    wait_for(is_ready, says, READY_SECONDS)


def answers(url: str) -> bool:
    try:
        return urllib3.request("GET", url, retries=False, timeout=1).status == 200
    except urllib3.exceptions.HTTPError:
        return False


def url_of(container: Container, port: int) -> str:
    container.reload()
    bindings = container.ports[f"{port}/tcp"]
    assert bindings
    [binding, *_] = bindings
    return f"http://127.0.0.1:{binding['HostPort']}"


def target(name: str, endpoints: dict[str, str], **more: Any) -> BackendTarget:
    """Return a backend of the checkout's blueprints, at these addresses."""
    text = (COMPOSE / name / "blueprint.yaml").read_text(encoding="utf-8")
    known = Blueprint.model_validate(yaml.safe_load(text))
    assert known.kind is not None
    return BackendTarget(
        name=name,
        kind=known.kind,
        accepts=known.accepts,
        endpoints=endpoints,
        readback=known.readback,
        cleanup=known.cleanup,
        naming=known.naming,
        **more,
    )


@pytest.fixture(scope="session")
def start(engine: docker.DockerClient) -> Iterator[Callable[..., Container]]:
    """Give a function that runs a container; all are removed afterwards."""
    with ExitStack() as stack:

        def run(name: Any, *, ports: tuple[int, ...] = (), **options: Any) -> Container:
            published: Any = {f"{port}/tcp": ("127.0.0.1", None) for port in ports}
            container: Container = engine.containers.run(
                name, detach=True, ports=published, **options
            )
            stack.callback(container.remove, force=True, v=True)
            return container

        yield run


@pytest.fixture(scope="session")
def jaeger(engine: docker.DockerClient, start: Callable[..., Container]) -> Container:
    container = start(
        image(engine, "jaegertracing/jaeger", "floe-local/jaeger"),
        ports=(16686, 4318, 13133),
        environment={"JAEGER_LISTEN_HOST": "0.0.0.0"},  # noqa: S104 - in its container
    )
    wait_until(lambda: answers(f"{url_of(container, 13133)}/status"), container)
    return container


@pytest.fixture(scope="session")
def marquez(
    engine: docker.DockerClient, start: Callable[..., Container]
) -> Iterator[tuple[str, Origin]]:
    """Run the real backend where its image is; its stand-in, or FLOE_TEST_MARQUEZ, otherwise."""
    names = [os.environ.get("FLOE_TEST_MARQUEZ"), "marquezproject/marquez", STAND_IN]
    chosen = image(engine, *filter(None, names))
    origin = Origin.STAND_IN if any("standin" in tag for tag in chosen.tags) else Origin.UPSTREAM
    network = engine.networks.create(f"floe-prove-{os.getpid()}")
    access = {"POSTGRES_USER": "floe", "POSTGRES_PASSWORD": "dummy", "POSTGRES_DB": "floe"}
    postgres = start(image(engine, "postgres", "floe-local/postgres"), environment=access)
    network.connect(postgres, aliases=["postgres"])
    wait_until(lambda: _takes_tcp(postgres), postgres)
    container = start(
        chosen,
        ports=(5000, 5001),
        network=network.name,
        tmpfs={"/tmp": ""},  # noqa: S108 - in its container
        environment={
            **access,
            "POSTGRES_HOST": "postgres",
            "POSTGRES_PORT": "5432",
            "MARQUEZ_PORT": "5000",
            "MARQUEZ_ADMIN_PORT": "5001",
            "SEARCH_ENABLED": "false",
            "JAVA_OPTS": "-XX:+UseSerialGC -XX:TieredStopAtLevel=1 -Xmx256m",
        },
    )
    wait_until(lambda: answers(f"{url_of(container, 5001)}/healthcheck"), container)
    yield url_of(container, 5000), origin
    for one in (container, postgres):
        network.disconnect(one, force=True)
    network.remove()


def _takes_tcp(postgres: Container) -> bool:
    command = ["pg_isready", "-h", "127.0.0.1", "-U", "floe"]
    return bool(postgres.exec_run(command).exit_code == 0)


@pytest.fixture(scope="session")
def otlp_proxy(jaeger: Container) -> Iterator[OtlpProxy]:
    """Stand between the Collector and its backend."""
    with serving(OtlpProxy(url_of(jaeger, 4318))) as proxy:
        yield proxy


@pytest.fixture(scope="session")
def lineage_proxy(marquez: tuple[str, Origin]) -> Iterator[LineageProxy]:
    """Stand before the lineage backend."""
    with serving(LineageProxy(marquez[0])) as proxy:
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
    start: Callable[..., Container],
    otlp_proxy: OtlpProxy,
    tmp_path_factory: pytest.TempPathFactory,
) -> dict[str, str]:
    """Run the Collector on the host's network, for its backend is the proxy in this process."""
    ports = {name: free_port() for name in ("grpc", "http", "metrics")}
    config = tmp_path_factory.mktemp("collector") / "config.yaml"
    config.write_text(yaml.safe_dump(_config(ports, otlp_proxy.url)), encoding="utf-8")
    config.chmod(0o644)
    config.parent.chmod(0o755)
    container = start(
        image(engine, "otel/opentelemetry-collector-contrib", "floe-local/collector"),
        command=["--config", "/etc/collector.yaml"],
        network_mode="host",
        volumes={str(config): {"bind": "/etc/collector.yaml", "mode": "ro"}},
        user="0:0",
    )
    urls = {name: f"http://127.0.0.1:{port}" for name, port in ports.items()}
    wait_until(lambda: answers(f"{urls['metrics']}/metrics"), container)
    return urls


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
def telemetry(jaeger: Container, collector: dict[str, str]) -> Targets:
    """Give the telemetry half: through the Collector and the proxy, read at the backend."""
    backend = target(
        "jaeger", {"query": url_of(jaeger, 16686)}, exporters={Signal.TRACES: (EXPORTER,)}
    )
    return Targets(
        stack="tests",
        namespace=NAMESPACE,
        otlp_grpc=collector["grpc"],
        otlp_http=collector["http"],
        collector_metrics=f"{collector['metrics']}/metrics",
        backends=(backend,),
    )


@pytest.fixture(scope="session")
def lineage(marquez: tuple[str, Origin], lineage_proxy: LineageProxy) -> Targets:
    """Give the lineage half: sent through the proxy, read at the backend."""
    url, origin = marquez
    transport = {"type": "http", "url": lineage_proxy.url, "endpoint": "api/v1/lineage"}
    backend = target("marquez", {"api": url}, transport=transport, origin=origin)
    return Targets(stack="tests", namespace=NAMESPACE, backends=(backend,))
