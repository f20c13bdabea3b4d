"""The stack as a value: what `stack` plans, what `run` brings up."""

from __future__ import annotations

from typing import Any

from floe_local.plan.blueprint import ImageSource, Ready
from floe_local.plan.values import Frozen, Origin, Signal


class ResolvedImage(Frozen):
    """The image that a service runs. `reference` is what compose is given."""

    reference: str
    origin: Origin
    how: str = "present"


class PublishedEndpoint(Frozen):
    """An endpoint of a service as both vantage points see it.

    Containers use ``service:container_port``; the host uses ``host:host_port``.
    """

    name: str
    container_port: int
    host_port: int
    protocol: str = "http"
    path: str = "/"
    ui: bool = False


class StackService(Frozen):
    """One service of a planned stack."""

    name: str
    backend: str
    image: ResolvedImage
    endpoints: tuple[PublishedEndpoint, ...] = ()
    ready: Ready | None = None
    hint: str = ""


class StackBackend(Frozen):
    """A named backend in the stack, with what the smoke test needs to know of it.

    `blueprint` is the blueprint's name; `service_of` maps its endpoint names to services.
    """

    name: str
    blueprint: str
    service_of: dict[str, str] = {}
    exporters: dict[Signal, tuple[str, ...]] = {}
    transport: dict[str, Any] | None = None


class StackPlan(Frozen):
    """Everything that is written to the workspace, or asked of the engine.

    `compose` is the compose model; `files` maps names in the workspace to contents.
    `secrets` are the names of generated passwords that the compose file reads from .env.
    `host` is the host part of published endpoints (the engine's).
    """

    name: str
    project: str
    network: str
    host: str = "127.0.0.1"
    compose: dict[str, Any]
    files: dict[str, str] = {}
    secrets: tuple[str, ...] = ()
    services: tuple[StackService, ...] = ()
    backends: tuple[StackBackend, ...] = ()
    namespace: str = "default"
    environment: str = "local"
    sampling: str = "off"


class ImageNeed(Frozen):
    """An image that a service of the stack needs."""

    service: str
    source: ImageSource
    folder: str
    """The blueprint's folder, in which `source.recipe` is looked up."""
    override: str | None = None
    optional: bool = False
