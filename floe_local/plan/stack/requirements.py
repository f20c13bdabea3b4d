"""Which blueprints, images and ports a stack needs: known before anything is resolved."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from floe_local.errors import InputError
from floe_local.plan.blueprint.model import COLLECTOR
from floe_local.plan.stack.model import ImageNeed, PortRequest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from floe_local.plan.artifacts import Compiled
    from floe_local.plan.blueprint.model import (
        Blueprint,
        Endpoint,
        LocatedBlueprint,
    )
    from floe_local.plan.manifest.model import LocalSettings


def required_blueprints(
    compiled: Compiled, blueprints: Mapping[str, LocatedBlueprint]
) -> tuple[LocatedBlueprint, ...]:
    """The blueprints of the named backends, of the Collector, and of all that they require.

    Args:
        compiled: names the backends; a Collector config asks for the Collector.
        blueprints: every blueprint that was looked up, by name.

    Raises:
        InputError: a blueprint is missing (``no-blueprint``), or two bring a service of
            one name (``service-clash``).
    """
    names = [COLLECTOR] if compiled.otlp_collector_config is not None else []
    blueprints = {placed.blueprint.name: placed for placed in blueprints.values()}
    # What ends in the Collector needs no blueprint: the Collector itself is all of it.
    used = [(b.blueprint.name, b.ends_in_collector) for b in compiled.backends]
    names += [name for name, is_whole in used if name in blueprints or not is_whole]
    found: dict[str, LocatedBlueprint] = {}
    _collect(names, "the manifest", blueprints, found)
    parts = tuple(found.values())
    refuse_clashes(parts)
    return parts


def _collect(
    names: Sequence[str],
    wanted_by: str,
    blueprints: Mapping[str, LocatedBlueprint],
    found: dict[str, LocatedBlueprint],
) -> None:
    for name in names:
        if name in found:
            continue
        if name not in blueprints:
            raise InputError(
                "no-blueprint",
                f"{wanted_by} needs '{name}', and no blueprint of that name was found",
                "a self-hosted backend's plugin brings a blueprint.yaml (or local.blueprints "
                "does), one that runs elsewhere a `sandbox` section in it: docs/blueprints.md; "
                "`--live` uses it for real",
            )
        found[name] = blueprints[name]
        _collect(blueprints[name].blueprint.requires, f"blueprint '{name}'", blueprints, found)


def refuse_clashes(parts: Iterable[LocatedBlueprint]) -> None:
    """Refuse blueprints of one stack that bring a service of one name.

    Raises:
        InputError: names the two, and who brought the second (``service-clash``).
    """
    owners: dict[str, str] = {}
    for part in parts:
        for service in part.blueprint.services:
            first = owners.setdefault(service, part.blueprint.name)
            if first != part.blueprint.name:
                raise InputError(
                    "service-clash",
                    f"blueprints '{first}' and '{part.blueprint.name}' both have a service "
                    f"'{service}'",
                    f"rename the service in {part.folder}/blueprint.yaml "
                    f"(brought by {part.source})",
                )


def image_needs(
    parts: Sequence[LocatedBlueprint],
    local: LocalSettings,
    collector_config: Mapping[str, Any] | None = None,
) -> tuple[ImageNeed, ...]:
    """The image that each service needs; an optional service, only where it is asked for.

    Args:
        parts: as `required_blueprints` gives them.
        local: names the manifest's own images, and the optional services to run.
        collector_config: the service that reads it needs an image with its components.
    """
    components = components_of(collector_config or {})
    return tuple(
        ImageNeed(
            service=name,
            source=service.image,
            folder=str(part.folder),
            override=local.images.get(name),
            optional=service.optional,
            components=components if service.reads_collector_config else frozenset(),
        )
        for part in parts
        for name, service in part.blueprint.services.items()
        if not service.optional or name in local.optional
    )


def components_of(config: Mapping[str, Any]) -> frozenset[str]:
    """What a Collector config is made of, as ``section/type``, such as ``exporters/otlp_grpc``."""
    from floe_local.plan.compiler.draft import (  # noqa: PLC0415 - the compiler: not for `down`
        SECTIONS,
        type_of,
    )

    return frozenset(
        f"{section}/{type_of(component)}"
        for section in SECTIONS
        for component in config.get(section) or {}
    )


def refuse_unknown(
    parts: Sequence[LocatedBlueprint], local: LocalSettings, place: Callable[[str], str]
) -> None:
    """Refuse settings that name a service or an endpoint that the stack does not have.

    Args:
        parts: as `required_blueprints` gives them.
        local: the manifest's settings.
        place: a setting, such as ``local.ports.query`` → where it stands.

    Raises:
        InputError: names the first, with its place (``unknown-service``).
    """
    pairs = [(s, e.name) for part in parts for s, e in part.blueprint.endpoints]
    endpoints = {f"{s}.{e}" for s, e in pairs} | {e for _, e in pairs}
    services = {name for part in parts for name in part.blueprint.services}
    named = [(f"local.images.{name}", name, services) for name in local.images]
    named += [(f"local.optional[{i}]", name, services) for i, name in enumerate(local.optional)]
    named += [(f"local.ports.{name}", name, endpoints) for name in local.ports]
    for field, name, known in named:
        if name not in known:
            raise InputError(
                "unknown-service",
                f"{place(field)}: {field}: '{name}' is not in this stack",
                f"it has: {', '.join(sorted(known))}",
            )


def port_requests(
    parts: Sequence[LocatedBlueprint], compiled: Compiled, overrides: Mapping[str, int]
) -> tuple[PortRequest, ...]:
    """The endpoints that something on the host needs, each with the port it asks for.

    Args:
        parts: as `required_blueprints` gives them.
        compiled: its backends' hosts name the ports that plugins connect to.
        overrides: host ports by ``service.endpoint``, or by an endpoint's name alone.
    """
    called = {b.blueprint.name: {port for _, port in b.hosts} for b in compiled.backends}
    return tuple(
        PortRequest(
            service=service,
            endpoint=endpoint.name,
            preferred=_requested_port(service, endpoint, overrides) or endpoint.host_port,
            is_fixed=_requested_port(service, endpoint, overrides) is not None,
        )
        for part in parts
        for service, endpoint in part.blueprint.endpoints
        if _requested_port(service, endpoint, overrides)
        or _is_needed(part.blueprint, endpoint, called.get(part.blueprint.name, set()))
    )


def _requested_port(service: str, endpoint: Endpoint, overrides: Mapping[str, int]) -> int | None:
    return overrides.get(f"{service}.{endpoint.name}", overrides.get(endpoint.name))


def _is_needed(blueprint: Blueprint, endpoint: Endpoint, called_ports: set[int]) -> bool:
    """Whether anything on the host connects to the endpoint."""
    return (
        endpoint.host_port is not None
        or endpoint.ui
        or endpoint.port in called_ports
        or endpoint.name in _names_used(blueprint)
        or (blueprint.name == COLLECTOR)
    )


def _names_used(blueprint: Blueprint) -> set[str]:
    """The endpoints by which the blueprint judges readiness, reads back, or takes lineage."""
    ready = {s.ready.endpoint for s in blueprint.services.values() if s.ready}
    probes = {p.request.endpoint for ps in blueprint.readback.values() for p in ps}
    cleanup = {c.request.endpoint for c in blueprint.cleanup}
    lineage = {name for protocol, name in blueprint.ingest.items() if protocol == "openlineage"}
    return ready | probes | cleanup | lineage
