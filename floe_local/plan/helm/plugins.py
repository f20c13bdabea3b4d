"""Plugins' Helm values, put where the charts want them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from floe_local.plan.env_refs import references
from floe_local.plan.helm.gaps import Gap
from floe_local.plan.nested import Steps, leaves, steps
from floe_local.plan.secrets.refuse import refuse_written_out
from floe_local.plan.stack.plan import as_text

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from floe_local.plan.artifacts import Backend, Compiled
    from floe_local.plan.blueprint.model import Blueprint, Chart, Lacking
    from floe_local.plan.values import Kind


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
