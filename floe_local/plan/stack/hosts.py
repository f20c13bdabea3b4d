"""The host names in plugins' endpoints → network aliases of the services they mean."""

from __future__ import annotations

from typing import TYPE_CHECKING

from floe_local.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from floe_local.plan.artifacts import Backend
    from floe_local.plan.blueprint.model import LocatedBlueprint


def network_aliases(
    backends: Sequence[Backend], parts: Sequence[LocatedBlueprint]
) -> dict[str, tuple[str, ...]]:
    """The aliases that each service answers to besides its own name.

    A name is written as the plugin wrote it and in lower case without a trailing dot, which
    is how resolvers ask for it.

    Raises:
        InputError: one name would mean two services (``host-clash``).
    """
    owners = {service: service for part in parts for service in part.blueprint.services}
    aliases: dict[str, list[str]] = {}
    for backend in backends:
        for host, port in backend.hosts:
            service = _service_that_listens(backend, port)
            for alias in _spellings(host) if service else ():
                _claim(alias, service, backend.name, owners)
                aliases.setdefault(service, []).append(alias)
    return {
        service: tuple(n for n in dict.fromkeys(names) if n != service)
        for service, names in aliases.items()
    }


def _service_that_listens(backend: Backend, port: int) -> str:
    """The service of a backend that a plugin's ``host:port`` means; "": it has no service.

    The one that listens on the port, else the one that takes the backend's signals.
    """
    blueprint = backend.blueprint
    listening = [service for service, e in blueprint.endpoints if e.port == port]
    taking = [s for s, e in blueprint.endpoints if e.name in blueprint.ingest.values()]
    named = [service for service in blueprint.services if service == backend.name]
    return next(iter(listening + taking + named), "")


def _spellings(host: str) -> tuple[str, ...]:
    plain = host.rstrip(".")
    return tuple(dict.fromkeys((plain, plain.lower())))


def _claim(alias: str, service: str, backend: str, owners: dict[str, str]) -> None:
    owner = owners.setdefault(alias, service)
    if owner != service:
        raise InputError(
            "host-clash",
            f"backend '{backend}' is called at host '{alias}', which means service '{owner}' "
            f"as well as '{service}'",
            "give one of the two another host name in its plugin's config",
        )
