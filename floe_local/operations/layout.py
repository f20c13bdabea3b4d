"""A request → the plan of its stack, with the ports that are free on this machine."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from floe_local.plan.blueprint.reader import read_sources
from floe_local.plan.caller import injected_no_proxy
from floe_local.plan.stack.model import ResolvedImage, StackInputs
from floe_local.plan.stack.plan import plan_stack
from floe_local.plan.stack.requirements import port_requests
from floe_local.plan.values import Origin
from floe_local.run.endpoint import docker_config
from floe_local.run.ports import bind_address, choose_ports, listening, process_on

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from floe_local.operations.request import StackRequest, UpSettings
    from floe_local.plan.stack.model import PortRequest, StackPlan
    from floe_local.run.engine import Engine
    from floe_local.run.holdings import Holdings
    from floe_local.run.ports import ChosenPorts
    from floe_local.run.workspace import Workspace


class Site(NamedTuple):
    """Where a stack is put up, and what was there before.

    `previous` is the plan of what was there, None also where another version wrote it;
    `files` are its files as they were.
    """

    engine: Engine
    workspace: Workspace
    previous: StackPlan | None
    before: Holdings
    files: Mapping[Path, bytes]


def lay_out(
    request: StackRequest,
    images: Mapping[str, ResolvedImage],
    site: Site,
    settings: UpSettings,
) -> StackPlan:
    """Plan the stack, with ports that are free, or its own already.

    Raises:
        InputError: the stack cannot be planned.
        MachineError: a port is taken (``port-taken``), or none is free.
    """
    own = {port for c in site.before.containers for port in c.ports.values()}

    def taken_by(port: int) -> str | None:
        return None if port in own else _owner(port, site)

    moved = site.previous.moved_ports if site.previous else ()
    chosen = choose_ports(
        published_of(request, images),
        project=request.identity.project,
        held={m.key: m.port for m in moved} | _held(site),
        taken_by=taken_by,
        moved_before=moved,
        free_only=settings.free_ports,
        strict=settings.strict_ports,
    )
    endpoint = site.engine.endpoint
    no_proxy = injected_no_proxy(docker_config(), endpoint.url)
    return plan_with(request, images, chosen, host=endpoint.published_host, no_proxy=no_proxy)


def plan_on_paper(request: StackRequest) -> StackPlan:
    """Plan the stack without an engine: upstream's images, and the preferred ports.

    Raises:
        InputError: the stack cannot be planned.
    """
    images = {
        need.service: ResolvedImage(
            reference=need.override or need.source.upstream or need.service,
            origin=Origin.UPSTREAM,
            how="not looked for",
        )
        for need in request.image_needs
    }
    chosen = choose_ports(
        published_of(request, images),
        project=request.identity.project,
        held={},
        taken_by=lambda _: None,
    )
    return plan_with(request, images, chosen, host="127.0.0.1")


def published_of(
    request: StackRequest, images: Mapping[str, ResolvedImage]
) -> Sequence[PortRequest]:
    """The endpoints to publish, of the services that have an image."""
    found = port_requests(request.parts, request.compiled, request.local.ports)
    return [one for one in found if one.service in images]


def plan_with(
    request: StackRequest,
    images: Mapping[str, ResolvedImage],
    chosen: ChosenPorts,
    *,
    host: str,
    no_proxy: str | None = None,
) -> StackPlan:
    """Plan the stack with these ports; `no_proxy` is as in `StackInputs`."""
    return plan_stack(
        StackInputs(
            identity=request.identity,
            compiled=request.compiled,
            parts=request.parts,
            images=images,
            ports=chosen.ports,
            moved_ports=chosen.moved,
            sources=dict(read_sources(request.parts)),
            host=host,
            bind=bind_address(host),
            live=request.live,
            otlp_protocol=request.local.otlp_protocol,
            no_proxy=no_proxy,
        )
    )


def _owner(port: int, site: Site) -> str | None:
    """Who uses a port; the engine is asked only when somebody does."""
    local = site.engine.endpoint.local
    if local and not listening(port):
        return None
    container = site.engine.publisher(port)
    if container:
        return f"container {container}"
    return process_on(port) if local else None


def _held(site: Site) -> dict[str, int]:
    """The ports that the stack's own containers have, or had before they were stopped."""
    if not site.before.containers:
        return {}
    running = {c.service: c.ports for c in site.before.containers}
    return {
        f"{service.name}.{endpoint.name}": running.get(service.name, {}).get(
            endpoint.container_port, endpoint.host_port
        )
        for service in (site.previous.services if site.previous else ())
        for endpoint in service.endpoints
    }
