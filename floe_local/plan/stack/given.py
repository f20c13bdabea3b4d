"""All that a stack is planned from."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from floe_local.plan.artifacts import Compiled
    from floe_local.plan.blueprint.model import Blueprint, PlacedBlueprint
    from floe_local.plan.stack.model import MovedPort, ResolvedImage, StackIdentity
    from floe_local.plan.values import OtlpProtocol


class Given(NamedTuple):
    """All that a stack is planned from.

    `images` are by service; a service without one is left out. `ports` are host
    ports by ``service.endpoint``, `moved_ports` those that are not as preferred. `sources` are the contents of the blueprints' files, by
    blueprint and path. `host` is where published endpoints are reached, `bind` the address
    that they are bound to on the engine's machine. `live`: backends that run elsewhere are
    used for real. `otlp_protocol` is what pipelines speak. `no_proxy` is None unless containers
    are given the caller's proxy; then it says what that leaves out already.
    """

    identity: StackIdentity
    compiled: Compiled
    parts: Sequence[PlacedBlueprint]
    images: Mapping[str, ResolvedImage]
    ports: Mapping[str, int]
    moved_ports: tuple[MovedPort, ...] = ()
    sources: Mapping[tuple[str, str], str] = {}
    host: str = "127.0.0.1"
    bind: str = "127.0.0.1"
    live: bool = False
    otlp_protocol: OtlpProtocol = "grpc"
    no_proxy: str | None = None

    @property
    def blueprints(self) -> dict[str, Blueprint]:
        """The parts' blueprints, by name."""
        return {part.blueprint.name: part.blueprint for part in self.parts}

    def owner(self, service: str) -> PlacedBlueprint:
        """The blueprint that a service comes from."""
        return next(part for part in self.parts if service in part.blueprint.services)
