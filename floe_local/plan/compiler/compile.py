"""The compiler: plugins' outputs in, whole configs out. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from floe_local.plan.artifacts import Change, Compiled, CompiledBackend, helm_values_of
from floe_local.plan.blueprint.shipped import COLLECTOR
from floe_local.plan.compiler.collector import (
    RESERVED,
    assembled,
    exporters_by_signal,
    unserved,
    without_clashes,
)
from floe_local.plan.compiler.contained import kept_in_stack
from floe_local.plan.compiler.draft import Draft, Neighbours
from floe_local.plan.compiler.in_stack import hosts_of, reaching_backend
from floe_local.plan.compiler.lineage import lineage_backends
from floe_local.plan.compiler.namespace import Surroundings, default_namespace, namespace_of
from floe_local.plan.compiler.pipelines import (
    accepted_signals,
    checked,
    exporter_batching,
    overlaid,
    own_extensions,
    own_guard,
    own_receivers,
)
from floe_local.plan.compiler.production import encrypted_exporters
from floe_local.plan.compiler.retired import modernised
from floe_local.plan.compiler.sandbox import sandboxed_exporters
from floe_local.plan.compiler.shapes import normalised, readable_references
from floe_local.plan.env_refs import references
from floe_local.plan.values import Kind

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from floe_local.plan.blueprint.model import Blueprint
    from floe_local.plan.manifest.model import Manifest
    from floe_local.plan.plugins.output import PluginOutput

RULES = (
    normalised,
    readable_references,
    modernised,
    own_receivers,
    own_extensions,
    exporter_batching,
    own_guard,
    checked,
    accepted_signals,
    encrypted_exporters,
    sandboxed_exporters,
    reaching_backend,
    kept_in_stack,
)
"""What happens to each telemetry plugin's config, in order."""


def compile_outputs(
    manifest: Manifest,
    outputs: Sequence[PluginOutput],
    blueprints: Mapping[str, Blueprint],
    environ: Mapping[str, str] | None = None,
    *,
    values: Mapping[str, str] | None = None,
    live: bool = False,
) -> Compiled:
    """Compile what plugins returned.

    Args:
        manifest: the settings, and the environment's name.
        outputs: one for each named backend, in the manifest's order.
        blueprints: of the backends and of the collector, by name; a backend without one
            is not in the stack, and its endpoints stay as they are.
        environ: the variables of the process: those that a namespace strategy names, and
            those that components will see, unless `values` says otherwise.
        values: the variables that components will see, where those are others: in a cluster.
        live: backends of the stack may call others outside of it, too.

    Raises:
        InputError: an output is no config and no rule mends it; names plugin,
            distribution, field. Or, unless `live`, it would reach beyond the stack.
    """
    services = (name for blueprint in blueprints.values() for name in blueprint.services)
    stack = None if live else frozenset(services)
    around = Surroundings(manifest.environment, manifest.project, environ or {})
    values = around.environ if values is None else values
    own = blueprints[COLLECTOR].services if COLLECTOR in blueprints else ()
    neighbours = Neighbours(manifest.environment, frozenset(own), stack, values)
    lineage = [o for o in outputs if o.kind is Kind.LINEAGE]
    telemetry = [o for o in outputs if o.kind is Kind.TELEMETRY]
    namespace, changes = _namespace(manifest, lineage, around)
    collector, senders, more = _telemetry(manifest, telemetry, blueprints, namespace, neighbours)
    # For clients, as for a shell's ${X:-…}, an empty variable is one that is not set.
    known = neighbours._replace(values={name: value for name, value in values.items() if value})
    transport, receivers, even_more = lineage_backends(lineage, blueprints, known)
    return Compiled(
        otlp_collector_config=collector,
        openlineage_config=transport,
        namespace=namespace,
        environment=manifest.environment,
        project=manifest.project,
        backends=(*senders, *receivers),
        provenance=(*_warnings(outputs), *_left_out(outputs), *changes, *more, *even_more),
        secrets=references([collector, transport]),
        sampling=manifest.local.sampling.described,
    )


def _warnings(outputs: Sequence[PluginOutput]) -> tuple[Change, ...]:
    return tuple(
        Change(
            rule="plugin-warning", where=o.who, before=None, after=None, why=text, level="warning"
        )
        for o in outputs
        for text in o.warnings
    )


def _left_out(outputs: Sequence[PluginOutput]) -> tuple[Change, ...]:
    return tuple(
        Change(
            rule="default-left-out",
            where=f"{o.who}: config.{key}",
            before=key,
            after=None,
            why="a default of the blueprint that this plugin has no place for",
        )
        for o in outputs
        for key in o.left_out
    )


def _namespace(
    manifest: Manifest, lineage: Sequence[PluginOutput], around: Surroundings
) -> tuple[str, tuple[Change, ...]]:
    """The manifest's namespace, else the first lineage plugin's, else the ADR's default."""
    if manifest.local.namespace is not None:
        return manifest.local.namespace, ()
    results = [namespace_of(output, around) for output in lineage]
    if not results:
        return default_namespace(around), ()
    namespace = results[0][0]
    changes = tuple(change for _, found in results for change in found)
    others = tuple(
        Change(
            rule="one-namespace",
            where=f"{output.who}: namespace_strategy",
            before=other,
            after=namespace,
            why="events have one namespace: the first lineage backend's",
            level="warning",
        )
        for output, (other, _) in zip(lineage[1:], results[1:], strict=True)
        if other != namespace
    )
    return namespace, changes + others


def _telemetry(
    manifest: Manifest,
    outputs: Sequence[PluginOutput],
    blueprints: Mapping[str, Blueprint],
    namespace: str,
    neighbours: Neighbours,
) -> tuple[dict[str, Any] | None, tuple[CompiledBackend, ...], tuple[Change, ...]]:
    if not outputs:
        return None, (), ()
    collector = blueprints.get(COLLECTOR)
    directory = collector.config.get("queue_directory") if collector else None
    starts = [
        Draft(output, blueprints.get(output.name), **neighbours._asdict()) for output in outputs
    ]
    drafts = without_clashes(list(map(_through_rules, starts)), RESERVED)
    drafts = tuple(overlaid(draft, directory) for draft in drafts)
    config = assembled(drafts, manifest.local, resource_attributes(manifest, namespace), directory)
    changes = tuple(change for draft in drafts for change in draft.changes)
    return config, tuple(map(_sender, drafts)), (*changes, *_sinks(drafts))


def _through_rules(draft: Draft) -> Draft:
    for rule in RULES:
        draft = rule(draft)
    return draft


def resource_attributes(manifest: Manifest, namespace: str) -> dict[str, Any]:
    """What telemetry is enriched with where it does not say it itself."""
    return {
        "deployment.environment.name": manifest.environment,
        "floe.namespace": namespace,
        **({"floe.project": manifest.project} if manifest.project else {}),
        **manifest.local.resource_attributes,
    }


def _sender(draft: Draft) -> CompiledBackend:
    return CompiledBackend(
        name=draft.output.name,
        who=draft.output.who,
        plugin=draft.output.name,
        exporters=exporters_by_signal(draft),
        hosts=hosts_of(draft),
        helm_values=helm_values_of(draft.output),
    )


def _sinks(drafts: Sequence[Draft]) -> tuple[Change, ...]:
    return tuple(
        Change(
            rule="signal-to-debug",
            where=f"service.pipelines.{signal}",
            before=None,
            after="debug",
            why=f"no backend takes {signal}: they end in the Collector's log, counted",
        )
        for signal in unserved(drafts)
    )
