"""Where the backend of each blueprint runs; decided here, once, and carried on from here."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from floe_local.plan.blueprint.lookup import find_blueprints
from floe_local.plan.blueprint.model import SANDBOX, Blueprint, LocatedBlueprint, placement_of
from floe_local.plan.values import Kind, Placement, Signal

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence


def find_recorder(folders: Sequence[Path] = ()) -> LocatedBlueprint:
    """The blueprint of the recorder: a manifest's `local.blueprints` may have another."""
    return find_blueprints([SANDBOX], folders)[SANDBOX]


def resolve_placement(
    found: Mapping[str, LocatedBlueprint],
    *,
    live: bool,
    recorder: Callable[[], LocatedBlueprint] = find_recorder,
) -> dict[str, LocatedBlueprint]:
    """Decide where the backends of blueprints run.

    One with services runs in the stack. One with a `sandbox` section is played by a recorder,
    which becomes its only service; unless `live`: then it runs elsewhere, as any other does.

    Args:
        found: the blueprints as they were read, by name.
        live: use backends that run elsewhere for real.
        recorder: gives the recorder's blueprint, which has one service; it is called where a
            backend is sandboxed.
    """
    played = [
        name
        for name, one in found.items()
        if placement_of(one.blueprint, live=live) is Placement.SANDBOXED
    ]
    if not played:
        return dict(found)
    plays = recorder()
    return {**found, **{name: with_recorder(found[name], plays) for name in played}}


def with_recorder(located: LocatedBlueprint, recorder: LocatedBlueprint) -> LocatedBlueprint:
    """The blueprint of a sandboxed backend, with the recorder's service and read-back.

    Args:
        located: of a backend with a `sandbox` section.
        recorder: the recorder's blueprint, which has one service.
    """
    blueprint = located.blueprint
    (service,) = recorder.blueprint.services.values()
    changes: dict[str, Any] = {
        "services": {service_name(blueprint): service},
        "ingest": {},
        "cleanup": (),
    }
    if settings := blueprint.sandbox:
        changes |= {"readback": settings.readback, "naming": settings.naming}
    return LocatedBlueprint(
        blueprint=blueprint.model_copy(update=changes),
        folder=recorder.folder,
        source=located.source,
        placement=Placement.SANDBOXED,
    )


def placeholder(name: str, kind: Kind) -> LocatedBlueprint:
    """Stands for the blueprint of a backend that has none: it runs elsewhere, and takes its kind."""
    accepts = [s for s in Signal if (s is Signal.LINEAGE) == (kind is Kind.LINEAGE)]
    empty = Blueprint(blueprint=1, name="none", title=name, kind=kind, accepts=tuple(accepts))
    # In this process (as the ADR's tests compile) a plugin may be called as no blueprint can be.
    blueprint = empty.model_copy(update={"name": name.lower()})
    return LocatedBlueprint(blueprint=blueprint, folder=Path(), source="nothing")


def service_name(blueprint: Blueprint) -> str:
    """The name of the recorder that plays a backend."""
    return f"{blueprint.name}-{SANDBOX}"


def sandbox_url(blueprint: Blueprint) -> str:
    """Where containers reach the recorder that plays a backend."""
    name = service_name(blueprint)
    endpoints = blueprint.services[name].endpoints
    port = next(e.port for e in endpoints if e.name == SANDBOX)
    return f"http://{name}:{port}"
