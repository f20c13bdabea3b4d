"""What Helm values do not cover: said here, so that nobody finds out in the cluster."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from floe_local.plan.env_refs import references
from floe_local.plan.nested import steps, value_at
from floe_local.plan.stack.compose import secret_names
from floe_local.plan.stack.plan import as_text
from floe_local.plan.values import Frozen, Kind

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from floe_local.plan.artifacts import Change, Compiled
    from floe_local.plan.blueprint.model import Blueprint, Chart


class Gap(Frozen):
    """Something that the values do not cover, and why or what to do."""

    what: str
    why: str


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


def gap_of_change(change: Change) -> Gap:
    """A rule for the local stack that was not applied to the cluster's config."""
    after = as_text(change.after)
    why = f"locally {change.rule} makes it {after} ({change.why}); here it is as it was"
    return Gap(what=f"{change.where}: {as_text(change.before)}", why=why)


def gap_of_defaults(backend: str, keys: Iterable[str]) -> Gap:
    """The blueprint's default config of a plugin, which is for local use."""
    why = "defaults of its blueprint for local use: not applied; the plugin's own hold"
    return Gap(what=f"{backend}: config ({', '.join(keys)})", why=why)
