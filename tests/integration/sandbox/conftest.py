"""Recorders from the built image, and a real Collector that sends to them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest
import requests
import yaml
from testcontainers.core.config import testcontainers_config
from testcontainers.core.container import DockerContainer
from testcontainers.core.network import Network

from floe_local.plan.blueprint.recipe import load_recipe
from floe_local.run.build import build
from floe_local.run.engine import Engine
from tests.containers import started
from tests.images import image_of
from tests.waiting import wait_for

if TYPE_CHECKING:
    import docker

REPOSITORY = Path(__file__).parents[3]
PLAYED, CONTROL, OTLP_HTTP = 8080, 8081, 4318
WITHIN = 60  # seconds


@dataclass(frozen=True)
class Recorder:
    """A recorder in a container: its name in the network, and its ports from outside."""

    host: str
    container: DockerContainer
    played: str
    control: str

    @property
    def inside(self) -> str:
        """The base URL for other containers."""
        return f"http://{self.host}:{PLAYED}"

    def ask(self, path: str) -> Any:
        return requests.get(self.control + path, timeout=10).json()

    def items(self, path: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.ask(f"/received/{path}")["items"]
        return found

    def wait_for(self, path: str, count: int = 1) -> list[dict[str, Any]]:
        wait_for(
            lambda: len(self.items(path)) >= count,
            lambda: f"{count} of {path}; {self.requests()}",
            WITHIN,
        )
        return self.items(path)

    def requests(self) -> list[dict[str, Any]]:
        requests: list[dict[str, Any]] = self.ask("/requests")
        return requests


@pytest.fixture(scope="module")
def network() -> Iterator[Network]:
    testcontainers_config.ryuk_disabled = True  # its image is in a registry; we clean up here
    with Network() as made:
        yield made


@pytest.fixture(scope="session")
def recorder_image(engine: docker.DockerClient) -> str:
    return build(load_recipe(REPOSITORY / "compose/sandbox/image"), Engine(engine))


@pytest.fixture(scope="session")
def collector_image(engine: docker.DockerClient) -> str:
    recipe = load_recipe(REPOSITORY / "compose/collector/image")
    return image_of("otel-collector", "collector", engine, recipe.components)


StartRecorder = Callable[..., Recorder]


@pytest.fixture(scope="module")
def start_recorder(
    recorder_image: str, network: Network, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[StartRecorder]:
    """Start a recorder as the stack runs it, with a file that says what is given."""
    with ExitStack() as stack:

        def start(environment: dict[str, str] | None = None, **told: Any) -> Recorder:
            host = f"recorder-{uuid4().hex[:8]}"
            file = tmp_path_factory.mktemp("recorder") / "sandbox.yaml"
            config = {"backend": "acme", "credential": None, "answers": {}, **told}
            file.write_text(yaml.safe_dump(config), "utf-8")
            container = (
                DockerContainer(recorder_image, user="10001", read_only=True, cap_drop=["ALL"])
                .with_tmpfs_mount("/tmp")  # noqa: S108 - in the container
                .with_volume_mapping(str(file), "/etc/floe/sandbox.yaml", "ro")
                .with_network(network)
                .with_network_aliases(host)
                .with_envs(**(environment or {}))
            )
            publish(container, PLAYED, CONTROL)
            return located(host, stack.enter_context(started(container)))

        yield start


def located(host: str, container: DockerContainer) -> Recorder:
    """A running recorder, once it is ready; its ports change when it starts again."""
    ports = (container.get_exposed_port(port) for port in (PLAYED, CONTROL))
    played, control = (f"http://127.0.0.1:{port}" for port in ports)
    wait_for(lambda: answers(f"{control}/ready"), "the recorder is ready", WITHIN)
    return Recorder(host, container, played, control)


def publish(container: DockerContainer, *ports: int) -> None:
    """On the loopback address only; testcontainers itself knows ports of all addresses."""
    published: Any = container.ports
    published |= {f"{port}/tcp": ("127.0.0.1", None) for port in ports}


def answers(url: str) -> bool:
    try:
        requests.get(url, timeout=10)
    except requests.ConnectionError:
        return False
    return True


StartCollector = Callable[..., str]


@pytest.fixture(scope="module")
def start_collector(
    collector_image: str, network: Network, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[StartCollector]:
    """Start a Collector with these exporters in every pipeline; its OTLP address."""
    with ExitStack() as stack:

        def start(
            exporters: dict[str, Any],
            extensions: dict[str, Any] | None = None,
            environment: dict[str, str] | None = None,
        ) -> str:
            file = tmp_path_factory.mktemp("collector") / "config.yaml"
            config = collector_config(exporters, extensions or {})
            file.write_text(yaml.dump(config, Dumper=_NoAliases), "utf-8")
            container = (
                DockerContainer(collector_image, read_only=True)
                .with_volume_mapping(str(file), "/etc/config.yaml", "ro")
                .with_command("--config /etc/config.yaml")
                .with_network(network)
                .with_envs(**(environment or {}))
            )
            publish(container, OTLP_HTTP)
            stack.enter_context(started(container))
            address = f"http://127.0.0.1:{container.get_exposed_port(OTLP_HTTP)}"
            wait_for(lambda: answers(address), "the Collector listens", WITHIN)
            return address

        yield start


def collector_config(exporters: dict[str, Any], extensions: dict[str, Any]) -> dict[str, Any]:
    """A config with these exporters in every pipeline."""
    receivers = {"otlp": {"protocols": {"http": {"endpoint": f"0.0.0.0:{OTLP_HTTP}"}}}}
    pipeline = {"receivers": ["otlp"], "exporters": list(exporters)}
    return {
        "receivers": receivers,
        "exporters": exporters,
        "extensions": extensions,
        "service": {
            "extensions": list(extensions),
            "pipelines": dict.fromkeys(("traces", "metrics", "logs"), pipeline),
        },
    }


class _NoAliases(yaml.SafeDumper):
    def ignore_aliases(self, data: Any) -> bool:
        del data
        return True
