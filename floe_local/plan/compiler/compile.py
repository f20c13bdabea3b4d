"""The compiler: plugins' outputs in, whole configs out. Pure."""

from __future__ import annotations

from copy import deepcopy
from functools import reduce
from typing import TYPE_CHECKING, Any, NamedTuple

from floe_local.plan.artifacts import Backend, Change, Compiled, helm_values_of
from floe_local.plan.blueprint.model import COLLECTOR
from floe_local.plan.blueprint.placement import placeholder
from floe_local.plan.compiler.collector import (
    RESERVED,
    assembled,
    exporters_by_signal,
    unserved,
    without_clashes,
)
from floe_local.plan.compiler.draft import (
    SECTIONS,
    Draft,
    Surroundings,
    accept_config,
    components,
    output_error,
    senders,
)
from floe_local.plan.compiler.egress import callers, refuse_egress, refuse_plain_text
from floe_local.plan.compiler.endpoints import hosts_of, reach_backend
from floe_local.plan.compiler.namespace import default_namespace, namespace_of
from floe_local.plan.compiler.pipelines import (
    accepted_signals,
    checked,
    exporter_batching,
    overlaid,
    own_extensions,
    own_guard,
    own_receivers,
)
from floe_local.plan.compiler.retired import modernised
from floe_local.plan.compiler.sandbox import (
    refuse_leaks,
    replace_credentials,
    replace_endpoints,
)
from floe_local.plan.compiler.shapes import normalised, readable_references
from floe_local.plan.compiler.transport import (
    http_senders,
    joined_url,
    known_types,
    moved_path,
    named_token,
    without_nulls,
)
from floe_local.plan.env_refs import references
from floe_local.plan.values import Egress, Kind

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from floe_local.plan.blueprint.model import LocatedBlueprint
    from floe_local.plan.manifest.model import Manifest
    from floe_local.plan.plugins.output import PluginOutput
    from floe_local.plan.yaml_source import Path_

    Rule = Callable[[Draft], Draft]
    PartRule = Callable[[Draft, Path_], Draft]
    Parts = Callable[[Draft], Iterable[Path_]]


def on_each(rule: PartRule, parts: Parts) -> Rule:
    """A rule for a whole draft from one for a part of it."""

    def apply(draft: Draft) -> Draft:
        return reduce(rule, tuple(parts(draft)), draft)

    return apply


def _extensions_and_exporters(draft: Draft) -> Iterator[Path_]:
    return components(draft, "extensions", "exporters")


def _all_components(draft: Draft) -> Iterator[Path_]:
    return components(draft, *SECTIONS)


TELEMETRY_RULES = (
    normalised,
    readable_references,
    modernised,
    own_receivers,
    own_extensions,
    exporter_batching,
    own_guard,
    checked,
    accepted_signals,
    on_each(refuse_plain_text, senders),
    on_each(replace_endpoints, _extensions_and_exporters),
    on_each(replace_credentials, _all_components),
    on_each(refuse_leaks, callers),
    on_each(reach_backend, senders),
    on_each(refuse_egress, callers),
)
"""What happens to each telemetry plugin's config, in order."""

LINEAGE_RULES = (
    known_types,
    on_each(without_nulls, http_senders),
    on_each(named_token, http_senders),
    on_each(joined_url, http_senders),
    on_each(moved_path, http_senders),
    on_each(refuse_plain_text, http_senders),
    on_each(replace_endpoints, senders),
    on_each(replace_credentials, senders),
    on_each(refuse_leaks, callers),
    on_each(reach_backend, senders),
    on_each(refuse_egress, callers),
)
"""The same for a lineage plugin's transport."""


def compile_outputs(
    manifest: Manifest,
    outputs: Sequence[PluginOutput],
    blueprints: Mapping[str, LocatedBlueprint],
    environ: Mapping[str, str] | None = None,
    *,
    values: Mapping[str, str] | None = None,
    egress: Egress = Egress.STACK,
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
        egress: what the stack's components may call.

    Raises:
        InputError: an output is not a config and no rule mends it; names plugin,
            distribution, field. Or it would call what it may not.
    """
    services = {name: {*placed.blueprint.services} for name, placed in blueprints.items()}
    around = Surroundings(
        environment=manifest.environment,
        project=manifest.project,
        environ=environ or {},
        values=(environ or {}) if values is None else values,
        collector=frozenset(services.get(COLLECTOR, ())),
        services=frozenset().union(*services.values()),
        egress=egress,
    )
    lineage = [o for o in outputs if o.kind is Kind.LINEAGE]
    telemetry = [o for o in outputs if o.kind is Kind.TELEMETRY]
    namespace, changes = _namespace(manifest, lineage, around)
    collector, exporting, more = _telemetry(manifest, telemetry, blueprints, namespace, around)
    transport, posting, even_more = _lineage(lineage, blueprints, around)
    return Compiled(
        otlp_collector_config=collector,
        openlineage_config=transport,
        namespace=namespace,
        environment=manifest.environment,
        project=manifest.project,
        backends=(*exporting, *posting),
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
        for key in o.ignored_keys
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
    blueprints: Mapping[str, LocatedBlueprint],
    namespace: str,
    around: Surroundings,
) -> tuple[dict[str, Any] | None, tuple[Backend, ...], tuple[Change, ...]]:
    if not outputs:
        return None, (), ()
    collector = blueprints.get(COLLECTOR)
    directory = collector.blueprint.config.get("queue_directory") if collector else None
    starts = [
        Draft(output, blueprints.get(output.name), around, accept_config(output))
        for output in outputs
    ]
    drafts = without_clashes([_through(TELEMETRY_RULES, start) for start in starts], RESERVED)
    drafts = tuple(overlaid(draft, directory) for draft in drafts)
    config = assembled(drafts, manifest.local, resource_attributes(manifest, namespace), directory)
    changes = tuple(change for draft in drafts for change in draft.changes)
    backends = tuple(_backend(d, d.output.name, d.output.name) for d in drafts)
    return config, backends, (*changes, *_sinks(drafts))


def _through(rules: Iterable[Rule], draft: Draft) -> Draft:
    return reduce(lambda draft, rule: rule(draft), rules, draft)


def resource_attributes(manifest: Manifest, namespace: str) -> dict[str, Any]:
    """Resource attributes that are added where telemetry lacks them."""
    return {
        "deployment.environment.name": manifest.environment,
        "floe.namespace": namespace,
        **({"floe.project": manifest.project} if manifest.project else {}),
        **manifest.local.resource_attributes,
    }


def _backend(draft: Draft, name: str, blueprint: str) -> Backend:
    """What was compiled of a draft; `blueprint` is that one's name."""
    output = draft.output
    placed = draft.backend or placeholder(blueprint, output.kind)
    return Backend(
        name=name,
        kind=output.kind,
        plugin=output.name,
        who=output.who,
        placement=placed.placement,
        blueprint=placed.blueprint,
        exporters={} if draft.is_lineage else exporters_by_signal(draft),
        transport=draft.config if draft.is_lineage else None,
        hosts=hosts_of(draft),
        helm_values=helm_values_of(output),
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


class _Part(NamedTuple):
    """One backend that a plugin's transport reaches: `place` is where in the plugin's output."""

    name: str
    blueprint: str
    transport: dict[str, Any]
    place: str


def _lineage(
    outputs: Sequence[PluginOutput],
    blueprints: Mapping[str, LocatedBlueprint],
    around: Surroundings,
) -> tuple[dict[str, Any] | None, tuple[Backend, ...], tuple[Change, ...]]:
    # For clients, as for a shell's ${X:-…}, an empty variable is one that is not set.
    values = {name: value for name, value in around.values.items() if value}
    around = around._replace(values=values, nested_values=False)
    backends: list[Backend] = []
    changes: list[Change] = []
    for output in outputs:
        accepted = accept_config(output)
        for part in _parts(output, accepted, blueprints.get(output.name)):
            backend = blueprints.get(part.blueprint)
            start = Draft(output, backend, around, deepcopy(part.transport), part.place)
            draft = _through(LINEAGE_RULES, start)
            backends.append(_backend(draft, part.name, part.blueprint))
            changes += draft.changes
    transports = {b.name: b.transport for b in backends if b.transport is not None}
    return _one_transport(transports), tuple(backends), tuple(changes)


def _parts(
    output: PluginOutput, transport: dict[str, Any], placed: LocatedBlueprint | None
) -> Iterator[_Part]:
    """The backends of one plugin: one, or each part of the composite that its blueprint names."""
    expected = placed.blueprint.transports if placed else {}
    if not expected:
        yield _Part(output.name, output.name, transport, "transport")
        return
    children = transport.get("transports")
    if not isinstance(children, dict) or set(children) != set(expected):
        what = f"its blueprint expects a composite of {', '.join(sorted(expected))}"
        raise output_error(
            output, "transport.transports", what, "return a transport for each of them"
        )
    for key, name in expected.items():
        place = f"transport.transports.{key}"
        yield _Part(f"{output.name}.{key}", name, children[key], place)


def _one_transport(transports: Mapping[str, dict[str, Any]]) -> dict[str, Any] | None:
    """What openlineage-python reads; several backends make a composite transport."""
    if not transports:
        return None
    if len(transports) == 1:
        return {"transport": next(iter(transports.values()))}
    composite = {
        "type": "composite",
        "continue_on_failure": True,
        "continue_on_success": True,
        "transports": dict(transports),
    }
    return {"transport": composite}
