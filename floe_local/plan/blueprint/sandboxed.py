"""A backend that runs elsewhere, made into one that the stack plays, or left for real."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from floe_local.plan.blueprint.model import Blueprint, LocatedBlueprint
from floe_local.plan.values import Kind, Signal

if TYPE_CHECKING:
    from collections.abc import Mapping

SANDBOX = "sandbox"
"""The blueprint of the recorder; also the name of its endpoint that plays the backend."""


def sandboxed(located: LocatedBlueprint, recorder: LocatedBlueprint) -> LocatedBlueprint:
    """The blueprint with a recorder as its only service, and the recorder's read-back.

    Args:
        located: of a backend with a `sandbox` section.
        recorder: the recorder's blueprint, which has one service.
    """
    blueprint = located.blueprint
    settings = blueprint.sandbox
    if settings is None:
        return located
    (service,) = recorder.blueprint.services.values()
    played = blueprint.model_copy(
        update={
            "services": {service_name(blueprint): service},
            "ingest": {},
            "readback": settings.readback,
            "naming": settings.naming,
            "cleanup": (),
        }
    )
    return located.model_copy(update={"blueprint": played, "folder": recorder.folder})


def for_real(located: LocatedBlueprint) -> LocatedBlueprint:
    """The blueprint as ``--live`` uses it: the backend itself, nothing in its place."""
    played = located.blueprint.model_copy(update={"sandbox": None})
    return located.model_copy(update={"blueprint": played})


def unknown_backend(name: str, kind: Kind) -> LocatedBlueprint:
    """What can be said of a backend without a blueprint: it runs elsewhere, and takes its kind."""
    accepts = [s for s in Signal if (s is Signal.LINEAGE) == (kind is Kind.LINEAGE)]
    blueprint = Blueprint(blueprint=1, name=name, title=name, kind=kind, accepts=tuple(accepts))
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


def as_run(
    found: Mapping[str, LocatedBlueprint], recorder: LocatedBlueprint | None
) -> dict[str, LocatedBlueprint]:
    """Blueprints as a stack runs them.

    Args:
        found: as they were read, by name.
        recorder: what plays the backends that run elsewhere; None: they are used for real.
    """
    if recorder is None:
        return {name: for_real(located) for name, located in found.items()}
    return {name: sandboxed(located, recorder) for name, located in found.items()}
