"""The host names in plugins' endpoints → network aliases of the services they mean."""

from __future__ import annotations

from typing import TYPE_CHECKING

from floe_local.errors import InputError
from floe_local.plan.stack.parts import service_that_listens

if TYPE_CHECKING:
    from collections.abc import Sequence

    from floe_local.plan.artifacts import CompiledBackend
    from floe_local.plan.blueprint.model import LocatedBlueprint


def network_aliases(
    backends: Sequence[CompiledBackend], parts: Sequence[LocatedBlueprint]
) -> dict[str, tuple[str, ...]]:
    """The aliases that each service answers to besides its own name.

    A name is written as the plugin wrote it and in lower case without a trailing dot, which
    is how resolvers ask for it.

    Raises:
        InputError: one name would mean two services (``host-clash``).
    """
    blueprints = {part.blueprint.name: part.blueprint for part in parts}
    owners = {service: service for part in parts for service in part.blueprint.services}
    aliases: dict[str, list[str]] = {}
    for backend in backends:
        for host, port in backend.hosts:
            found = service_that_listens(blueprints[backend.told_by], backend, port)
            if found is None:
                continue
            for alias in _spellings(host):
                _claim(alias, found[0], backend.name, owners)
                aliases.setdefault(found[0], []).append(alias)
    return {
        service: tuple(n for n in dict.fromkeys(names) if n != service)
        for service, names in aliases.items()
    }


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
