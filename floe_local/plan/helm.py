"""Plugins' outputs → Helm values: compiled for a cluster, where nothing is a local stack's. Pure."""

from __future__ import annotations

import textwrap
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from floe_local.plan.env_refs import references, required
from floe_local.plan.nested import (
    MISSING,
    Steps,
    deep_merge,
    leaves,
    map_texts,
    nested,
    steps,
    value_at,
)
from floe_local.plan.secrets.recognise import refuse_written_out
from floe_local.plan.stack.compose import secret_names
from floe_local.plan.stack.plan import as_text
from floe_local.plan.stack.requirements import required_blueprints
from floe_local.plan.values import Egress, Frozen, Kind

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from floe_local.plan.artifacts import Backend, Compiled
    from floe_local.plan.blueprint.model import Blueprint, Chart, Lacking, LocatedBlueprint, Service
    from floe_local.plan.manifest.model import Manifest
    from floe_local.plan.plugins.output import PluginOutput


WIDTH = 100


class Gap(Frozen):
    """Something that the values do not cover, and why or what to do."""

    what: str
    why: str


class ChartUsed(Frozen):
    """A chart whose values are given, as it was read for its blueprint."""

    name: str
    version: str
    source: str


class HelmValues(Frozen):
    """Values for an umbrella chart: a key for each chart that it depends on.

    `not_covered` is what a cluster needs, or a plugin wants, that they do not hold.
    """

    values: dict[str, Any] = {}
    charts: tuple[ChartUsed, ...] = ()
    not_covered: tuple[Gap, ...] = ()


class Variable(NamedTuple):
    """A variable that the Collector is given from a Secret."""

    name: str
    optional: bool


class Placed(NamedTuple):
    """A value of a plugin: where it stands in the merged values, and whose it is."""

    path: Steps
    value: Any
    by: str


class _Plugin(NamedTuple):
    """What one plugin returned, with the blueprints of the backends that it reaches."""

    name: str
    values: dict[str, Any]
    blueprints: tuple[Blueprint, ...]


def cluster_values(
    manifest: Manifest,
    outputs: Sequence[PluginOutput],
    blueprints: Mapping[str, LocatedBlueprint],
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
    from floe_local.plan.compiler.compile import compile_outputs  # noqa: PLC0415 - `env` does without

    models = {name: located.blueprint for name, located in blueprints.items()}
    deployed = {name: as_deployed(placed) for name, placed in blueprints.items()}
    run = partial(compile_outputs, environ=environ, values={}, egress=Egress.ANYWHERE)
    compiled = run(manifest, outputs, deployed)
    local = run(manifest, outputs, blueprints)
    parts = required_blueprints(compiled, blueprints)
    result = helm_values(compiled, [part.blueprint for part in parts])
    gaps = (*result.not_covered, *_only_local(local, compiled), *_defaults(manifest, models))
    return result.model_copy(update={"not_covered": tuple(dict.fromkeys(gaps))})


def as_deployed(placed: LocatedBlueprint) -> LocatedBlueprint:
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
            after = as_text(change.after)
            why = f"locally {change.rule} makes it {after} ({change.why}); here it is as it was"
            yield Gap(what=f"{change.where}: {as_text(change.before)}", why=why)


def _defaults(manifest: Manifest, blueprints: Mapping[str, Blueprint]) -> Iterator[Gap]:
    """Default configs of plugins, in their blueprints, which are for local use."""
    for ref in manifest.backends:
        blueprint = blueprints.get(ref.name)
        keys = [key for key in (blueprint.config if blueprint else {}) if key not in ref.config]
        if keys:
            why = "defaults of its blueprint for local use: not applied; the plugin's own hold"
            yield Gap(what=f"{ref.name}: config ({', '.join(keys)})", why=why)


def helm_values(compiled: Compiled, parts: Sequence[Blueprint]) -> HelmValues:
    """The merged values of all charts.

    Args:
        compiled: for the cluster, as `cluster_values` does.
        parts: the blueprints of the Collector, of the backends, and of what they require.

    Raises:
        InputError: a plugin's Helm values hold a credential (``plugin-output``).
    """
    charts = {part.name: part.chart for part in parts if part.chart}
    variables = tuple(_variables(compiled, parts))
    values: dict[str, Any] = {}
    for part in parts:
        if part.chart:
            values = deep_merge(values, {part.chart.name: _own(part, compiled, variables)})
    placed, gaps = placed_values(compiled, {part.name: part for part in parts})
    values = _merged(values, placed)
    return HelmValues(
        values=values,
        charts=tuple(
            ChartUsed(name=c.name, version=c.version, source=c.source) for c in charts.values()
        ),
        not_covered=(
            *gaps,
            *_overruled(placed),
            *_nameless(compiled, charts),
            *_secret_variables(charts.values(), variables),
            *gaps_of_charts(charts.values(), values),
            *gaps_of_stack(compiled, parts),
        ),
    )


def _own(part: Blueprint, compiled: Compiled, variables: Sequence[Variable]) -> dict[str, Any]:
    """What the blueprint sets in its chart, placeholders filled in."""
    chart = part.chart
    assert chart is not None  # noqa: S101 - the caller looked
    known = {
        "{host}": _host(compiled, part.name) or MISSING,
        "{otlp_collector_config}": map_texts(compiled.otlp_collector_config or {}, _not_a_template),
        "{environment}": [_from_secret(v, chart.secret or "") for v in variables],
    }
    known |= {f"{{image:{name}}}": _image(service) for name, service in part.services.items()}
    return _filled(chart.values, known)  # type: ignore[no-any-return]


def _filled(value: Any, known: dict[str, Any]) -> Any:
    """`value` with each text that is a placeholder replaced; one without a value is left out."""
    if isinstance(value, dict):
        filled = {key: _filled(item, known) for key, item in value.items()}
        return {key: item for key, item in filled.items() if item is not MISSING}
    if isinstance(value, list):
        return [item for item in (_filled(i, known) for i in value) if item is not MISSING]
    return known.get(value, value) if isinstance(value, str) else value


def _not_a_template(text: str) -> str:
    """Text that the chart's template engine gives back as it is."""
    return text.replace("{{", "{{`{{`}}")


def _host(compiled: Compiled, part: str) -> str | None:
    """The name that a backend's Service must have: a host name without dots in its endpoints."""
    hosts = (host for b in compiled.backends if b.blueprint.name == part for host, _ in b.hosts)
    return next((host for host in hosts if "." not in host), None)


def _image(service: Service) -> Any:
    reference = service.image.upstream
    if reference is None:
        return MISSING
    name, colon, tag = reference.rpartition(":")
    if not colon or "/" in tag:
        return {"repository": reference}
    return {"repository": name, "tag": tag}


def _variables(compiled: Compiled, parts: Sequence[Blueprint]) -> Iterator[Variable]:
    """What the Collector's config refers to, and what its exporters read for themselves."""
    config = compiled.otlp_collector_config
    needed = set(required(config))
    named = set(references(config))
    for part in parts:
        if part.kind is Kind.TELEMETRY:
            named |= set(part.live.environment)
            needed |= {name for name, how in part.live.environment.items() if how == "required"}
    yield from (Variable(name, optional=name not in needed) for name in sorted(named))


def _from_secret(variable: Variable, secret: str) -> dict[str, Any]:
    source: dict[str, Any] = {"name": secret, "key": variable.name}
    if variable.optional:
        source["optional"] = True
    return {"name": variable.name, "valueFrom": {"secretKeyRef": source}}


def _secret_variables(charts: Iterable[Chart], variables: Sequence[Variable]) -> Iterator[Gap]:
    keys = [v.name for v in variables if not v.optional]
    more = [v.name for v in variables if v.optional]
    for chart in charts:
        if chart.secret and variables:
            listed = ", ".join([*keys, *(f"{name} (optional)" for name in more)])
            why = f"must be there: {chart.name} reads {listed}"
            yield Gap(what=f"Secret {chart.secret}", why=why)


def _merged(values: dict[str, Any], placed: Sequence[Placed]) -> dict[str, Any]:
    for one in placed:
        values = deep_merge(values, nested(one.path, one.value))
    return values


def _overruled(placed: Sequence[Placed]) -> Iterator[Gap]:
    """Values that two backends set otherwise: the last one stands."""
    last: dict[Steps, Placed] = {}
    for one in placed:
        before = last.get(one.path)
        if before is not None and before.value != one.value:
            why = f"'{before.by}' and '{one.by}' differ; that of '{one.by}' stands"
            yield Gap(what=".".join(one.path), why=why)
        last[one.path] = one


def _nameless(compiled: Compiled, charts: dict[str, Chart]) -> Iterator[Gap]:
    """Backends whose endpoints name no Service that the chart could make."""
    for backend in compiled.backends:
        name = backend.blueprint.name
        chart = charts.get(name)
        if chart and "{host}" in chart.values.values() and _host(compiled, name) is None:
            why = (
                "its endpoint names no Service of this namespace: the chart's keeps the chart's "
                "own name, and what the endpoint names must lead to it"
            )
            yield Gap(what=f"{backend.name}: endpoint", why=why)


def as_yaml(result: HelmValues, environment: str) -> str:
    """One YAML document; comments at its top and at its end."""
    import yaml  # noqa: PLC0415 - `--help` does without

    body = yaml.safe_dump(result.values, sort_keys=False, allow_unicode=True, width=WIDTH)
    return "\n".join([*_head(result, environment), body, *_tail(result)]) + "\n"


def _head(result: HelmValues, environment: str) -> Iterator[str]:
    yield from _comment(
        f"Helm values for environment '{environment}': a key for each chart, as an umbrella chart's "
        "dependencies have it."
    )
    for chart in result.charts:
        yield from _comment(f"{chart.name}: chart {chart.version} of {chart.source}", "  ")


def _tail(result: HelmValues) -> Iterator[str]:
    if result.not_covered:
        yield from _comment("Not covered:")
    for gap in result.not_covered:
        yield from _comment(f"{gap.what}: {gap.why}", "- ")


def _comment(text: str, mark: str = "") -> list[str]:
    # What plugins wrote stands in it: a line break of theirs must not end the comment.
    lines = textwrap.wrap(
        " ".join(text.split()),
        WIDTH - 2 - len(mark),
        break_on_hyphens=False,
        break_long_words=False,
    )
    indents = [mark, *[" " * len(mark)] * (len(lines) - 1)]
    return [f"# {indent}{line}" for indent, line in zip(indents, lines, strict=True)]


def gaps_of_charts(charts: Iterable[Chart], values: Mapping[str, Any]) -> Iterator[Gap]:
    """The Secrets that charts read, and what their blueprints say of them."""
    for chart in charts:
        own = values.get(chart.name, {})
        for secret in chart.secrets:
            name = value_at(own, steps(secret.at))
            if isinstance(name, str) and name and _holds(own, secret.when):
                why = f"must be there: {chart.name} ({secret.at}) reads {', '.join(secret.keys)}"
                yield Gap(what=f"Secret {name}", why=why)
        for note in chart.notes:
            if _holds(own, note.when):
                yield Gap(what=chart.name, why=note.text)


def _holds(values: Any, when: Mapping[str, Any]) -> bool:
    """Whether each value is the one that is asked for, or one of a list of them."""
    expected = ((path, v if isinstance(v, list) else [v]) for path, v in when.items())
    return all(value_at(values, steps(path)) in possible for path, possible in expected)


def gaps_of_stack(compiled: Compiled, parts: Sequence[Blueprint]) -> Iterator[Gap]:
    """What is there in a local stack, or where pipelines run, and in none of the charts."""
    yield from _pipelines(compiled, parts)
    yield from (
        Gap(what=change.where, why=change.why)
        for change in compiled.provenance
        if change.rule == "signal-to-debug"
    )
    backends = {backend.blueprint.name for backend in compiled.backends}
    for part in parts:
        if part.services and not part.chart and part.name not in backends:
            why = "runs in the local stack only: no chart deploys it here"
            yield Gap(what=part.name, why=why)
        for name, service in part.services.items():
            for volume, path in service.volumes.items():
                why = f"the local stack's, at {path} of {name}: the charts' own settings decide"
                yield Gap(what=f"volume {volume}", why=why)
    services = (service for part in parts for service in part.services.values())
    for name in dict.fromkeys(name for service in services for name in secret_names(service)):
        why = "generated for the local stack only, and in none of these values"
        yield Gap(what=f"password {name}", why=why)


def _pipelines(compiled: Compiled, parts: Sequence[Blueprint]) -> Iterator[Gap]:
    """Lineage goes from the pipelines' pods to the backend, past every chart."""
    config = compiled.openlineage_config
    if config is None:
        return
    lineage = (part for part in parts if part.kind is Kind.LINEAGE)
    live = {name for part in lineage for name in part.live.environment}
    why = "is read where pipelines run: their pods need it, these charts do not"
    names = ", ".join(sorted({*references(config), *live}))
    if names:
        why += f"; with {names} from a Secret"
    yield Gap(what="OpenLineage config", why=why)


def placed_values(
    compiled: Compiled, blueprints: Mapping[str, Blueprint]
) -> tuple[tuple[Placed, ...], tuple[Gap, ...]]:
    """Each plugin's Helm values in its charts' layout, and those that no chart takes.

    Args:
        compiled: its backends hold what the plugins returned.
        blueprints: of the backends, by name.

    Raises:
        InputError: a credential is written out (``plugin-output``).
    """
    found: list[Placed | Gap] = []
    for plugin in _plugins(compiled, blueprints):
        refuse_written_out(f"backend '{plugin.name}'", plugin.values, ("helm_values",))
        charts = [b.chart for b in plugin.blueprints if b.chart]
        found += _into_charts(plugin, charts) if charts else _passed_through(plugin)
        found += _undeployed(plugin)
    placed = tuple(one for one in found if isinstance(one, Placed))
    return placed, tuple(one for one in found if isinstance(one, Gap))


def _plugins(compiled: Compiled, blueprints: Mapping[str, Blueprint]) -> Iterator[_Plugin]:
    groups: dict[tuple[str, Kind], list[Backend]] = {}
    for backend in compiled.backends:
        groups.setdefault((backend.plugin, backend.kind), []).append(backend)
    for (name, _), backends in groups.items():
        known = (blueprints.get(backend.blueprint.name) for backend in backends)
        yield _Plugin(name, backends[0].helm_values, tuple(b for b in known if b))


def _into_charts(plugin: _Plugin, charts: Sequence[Chart]) -> Iterator[Placed | Gap]:
    for path, value in leaves(plugin.values):
        places = [place for chart in charts if (place := _place(chart, path))]
        if references(value):
            yield _unresolved(plugin, path)
        elif not places:
            names = ", ".join(chart.name for chart in charts)
            yield Gap(what=_named(plugin, path), why=f"the chart ({names}) has no key for it")
        else:
            yield from _at_places(plugin, path, value, places)


def _at_places(
    plugin: _Plugin, path: Steps, value: Any, places: Sequence[Steps | Lacking]
) -> Iterator[Placed | Gap]:
    for place in places:
        if isinstance(place, tuple):
            yield Placed(place, value, plugin.name)
        elif value not in place.already:
            yield Gap(what=f"{_named(plugin, path)}: {as_text(value)}", why=place.why)


def _place(chart: Chart, path: Steps) -> Steps | Lacking | None:
    """Where `path` stands in the chart's values, or that it has no place; the longest rule says."""
    rules: dict[Steps, str | Lacking] = {steps(at): to for at, to in chart.takes.items()}
    rules |= {steps(lacking.path): lacking for lacking in chart.lacks}
    leading = next((path[:n] for n in range(len(path), 0, -1) if path[:n] in rules), None)
    if leading is None:
        return None
    rule = rules[leading]
    if isinstance(rule, str):
        return (chart.name, *steps(rule), *path[len(leading) :])
    return rule


def _passed_through(plugin: _Plugin) -> Iterator[Placed | Gap]:
    """Values of a backend whose blueprint knows no chart: under the keys that they have."""
    for path, value in leaves(plugin.values):
        if references(value):
            yield _unresolved(plugin, path)
        else:
            yield Placed(path, value, plugin.name)
    if plugin.values:
        keys = ", ".join(plugin.values)
        why = "its blueprint has no `chart`: passed through as the plugin returned them"
        yield Gap(what=f"{plugin.name}: Helm values ({keys})", why=why)


def _undeployed(plugin: _Plugin) -> Iterator[Gap]:
    for blueprint in plugin.blueprints:
        if not blueprint.services:
            yield Gap(what=blueprint.name, why="runs elsewhere: there is nothing to deploy")
        elif not blueprint.chart and not plugin.values:
            why = "its plugin returns no Helm values, and its blueprint has no `chart`: deploy it"
            yield Gap(what=blueprint.name, why=why)


def _unresolved(plugin: _Plugin, path: Steps) -> Gap:
    why = "refers to a variable, and Helm resolves none: left out; name a Secret instead"
    return Gap(what=_named(plugin, path), why=why)


def _named(plugin: _Plugin, path: Steps) -> str:
    return f"{plugin.name}: {'.'.join(path)}"
