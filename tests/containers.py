"""Containers of tests: whatever happens, nothing of them is left."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

    import docker
    from docker.models.containers import Container


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
