"""Backends, and what a smoke test knows of them, from a few words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from floe_local.plan.artifacts import Backend
from floe_local.plan.blueprint.model import Blueprint, Naming, placement_of
from floe_local.plan.blueprint.placement import placeholder
from floe_local.plan.values import Kind
from floe_local.prove.targets import BackendTarget

if TYPE_CHECKING:
    from collections.abc import Mapping

    from floe_local.plan.values import Signal


def backend_of(
    name: str, kind: Kind = Kind.TELEMETRY, *, blueprint: Blueprint | None = None, **more: Any
) -> Backend:
    """A compiled backend; with a transport, a lineage backend. Without a blueprint: elsewhere."""
    kind = Kind.LINEAGE if more.get("transport") is not None else kind
    own = blueprint or placeholder(name, kind).blueprint
    known = {"plugin": name, "placement": placement_of(own, live=False), "blueprint": own}
    return Backend(**{"name": name, "kind": kind, **known, **more})


def target_of(
    name: str,
    kind: Kind = Kind.TELEMETRY,
    *,
    exporters: Mapping[Any, tuple[str, ...]] | None = None,
    naming: Mapping[str, Any] | None = None,
    accepts: tuple[Signal, ...] = (),
    **more: Any,
) -> BackendTarget:
    """A backend as a smoke test reaches it."""
    backend = backend_of(name, kind, exporters=dict(exporters or {}))
    renamed = {"naming": Naming.model_validate(naming or {})}
    blueprint = backend.blueprint.model_copy(update=renamed)
    backend = backend.model_copy(update={"blueprint": blueprint})
    return BackendTarget(backend=backend, accepts=accepts, **{"endpoints": {}, **more})
