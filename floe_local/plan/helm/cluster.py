"""Plugins' outputs → Helm values: compiled for a cluster, where nothing is a local stack's."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from floe_local.plan.compiler.compile import compile_outputs
from floe_local.plan.helm.gaps import gap_of_change, gap_of_defaults
from floe_local.plan.helm.values import HelmValues, helm_values
from floe_local.plan.stack.parts import needed_parts
from floe_local.plan.values import Egress

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from floe_local.plan.artifacts import Compiled
    from floe_local.plan.blueprint.model import Blueprint, PlacedBlueprint
    from floe_local.plan.helm.gaps import Gap
    from floe_local.plan.manifest.model import Manifest
    from floe_local.plan.plugins.output import PluginOutput


def cluster_values(
    manifest: Manifest,
    outputs: Sequence[PluginOutput],
    blueprints: Mapping[str, PlacedBlueprint],
    environ: Mapping[str, str],
) -> HelmValues:
    """Compile for a cluster, and lay out the values of its charts.

    Args:
        manifest: names backends and environment; the production rules are those of that.
        outputs: what the plugins return without defaults for local use.
        blueprints: as ``--live`` uses them: backends that run elsewhere are not played.
        environ: variables that a namespace strategy may name.

    Raises:
        InputError: an output is not a config, is plain text where it may not be, or holds a
            credential.
    """
    models = {name: located.blueprint for name, located in blueprints.items()}
    deployed = {name: as_deployed(placed) for name, placed in blueprints.items()}
    run = partial(compile_outputs, environ=environ, values={}, egress=Egress.ANYWHERE)
    compiled = run(manifest, outputs, deployed)
    local = run(manifest, outputs, blueprints)
    parts = needed_parts(compiled, blueprints)
    result = helm_values(compiled, [part.blueprint for part in parts])
    gaps = (*result.not_covered, *_only_local(local, compiled), *_defaults(manifest, models))
    return result.model_copy(update={"not_covered": tuple(dict.fromkeys(gaps))})


def as_deployed(placed: PlacedBlueprint) -> PlacedBlueprint:
    """A blueprint with nothing in it that makes a plugin's config fit the local stack.

    Without `ingest` no rule moves endpoints to the stack's services; without `config` the
    Collector keeps its queues in memory.
    """
    blueprint = placed.blueprint.model_copy(update={"ingest": {}, "config": {}})
    return placed.model_copy(update={"blueprint": blueprint})


def _only_local(local: Compiled, compiled: Compiled) -> Iterator[Gap]:
    """What rules change for the local stack only."""
    for change in local.provenance:
        if change not in compiled.provenance:
            yield gap_of_change(change)


def _defaults(manifest: Manifest, blueprints: Mapping[str, Blueprint]) -> Iterator[Gap]:
    for ref in manifest.backends:
        blueprint = blueprints.get(ref.name)
        keys = [key for key in (blueprint.config if blueprint else {}) if key not in ref.config]
        if keys:
            yield gap_of_defaults(ref.name, keys)
