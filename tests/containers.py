"""Containers of tests: whatever happens, nothing of them is left."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from uuid import uuid4

if TYPE_CHECKING:
    from collections.abc import Iterator

    import docker
    from docker.models.containers import Container
    from testcontainers.core.container import DockerContainer


@contextmanager
def running(engine: docker.DockerClient, image: str, **options: Any) -> Iterator[Container]:
    """Run a container, and remove it with its volumes, also one that could not start.

    `engine.containers.run` leaves such a one behind. `options` are those of
    `engine.containers.create`.
    """
    container: Container = engine.containers.create(image, **options)
    try:
        container.start()
        yield container
    finally:
        container.remove(force=True, v=True)


@contextmanager
def started(container: DockerContainer) -> Iterator[DockerContainer]:
    """Start a container of testcontainers, and remove it, also one that could not start.

    Its own `stop` knows only what has started.
    """
    mark = f"dev.floe.tests.{uuid4().hex}"
    container.with_kwargs(**container._kwargs, labels={mark: ""})
    containers = container.get_docker_client().client.containers
    try:
        yield container.start()
    finally:
        for left in containers.list(all=True, filters={"label": mark}, ignore_removed=True):
            left.remove(force=True, v=True)
