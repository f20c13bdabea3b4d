"""A plugin's Collector config on its way through the rules.

Each rule is a small function from a Draft to a Draft; what it changes it also writes down.
In normal form a draft's config has the keys of `SECTIONS` and ``pipelines``, whose values
hold ``receivers``, ``processors`` and ``exporters``.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from floe_local.errors import InputError
from floe_local.plan.artifacts import Change
from floe_local.plan.env_refs import settled, typed
from floe_local.plan.plugins.calls import json_fault

if TYPE_CHECKING:
    from collections.abc import Mapping

    from floe_local.plan.blueprint.model import Blueprint
    from floe_local.plan.plugins.output import PluginOutput

Config = dict[str, Any]
SECTIONS = ("receivers", "processors", "exporters", "connectors", "extensions")
PARTS = ("receivers", "processors", "exporters")


class Neighbours(NamedTuple):
    """What outputs are judged by, besides their blueprints.

    `environment` is the manifest's. `self_hosts` are the names that mean the Collector
    itself, inside the Collector. `stack` are the names of the stack's services, besides which
    nothing may be reached; None: it is live. `values` are the variables that components will
    have: rules judge what those will see.
    """

    environment: str = "local"
    self_hosts: frozenset[str] = frozenset()
    stack: frozenset[str] | None = None
    values: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True)
class Draft:
    """A plugin's output with what is known of its backend.

    `environment`, `self_hosts`, `stack` and `values` are those of its `Neighbours`. `batch` is
    how the plugin wants its exports batched.
    """

    output: PluginOutput
    blueprint: Blueprint | None = None
    config: Config = field(default_factory=dict)
    environment: str = "local"
    self_hosts: frozenset[str] = frozenset()
    stack: frozenset[str] | None = None
    batch: Config = field(default_factory=dict)
    values: Mapping[str, str] = field(default_factory=dict)
    changes: tuple[Change, ...] = ()

    def noting(
        self,
        rule: str,
        place: str,
        before: Any,
        after: Any,
        why: str,
        *,
        level: Literal["info", "warning"] = "info",
    ) -> Draft:
        """This draft with one more change on record."""
        where = f"{self.output.who}: {place}" if place else self.output.who
        change = Change(rule=rule, where=where, before=before, after=after, why=why, level=level)
        return replace(self, changes=(*self.changes, change))

    def seen(self, value: Any) -> Any:
        """A part of the config as its component sees it; what is not known stays a reference."""
        return settled(value, self.values)

    def typed(self, value: Any) -> Any:
        """The same for numbers and switches."""
        return typed(value, self.values)

    def having(self, **sections: Any) -> Draft:
        """This draft with sections of its config replaced."""
        return replace(self, config={**self.config, **sections})

    def fault(self, place: str, what: str, hint: str = "") -> InputError:
        """The error for a mistake at `place` of the plugin's output."""
        return fault(self.output, place, what, hint)


def fault(output: PluginOutput, place: str, what: str, hint: str = "") -> InputError:
    """The error for a mistake that no rule mends; names plugin, distribution, field."""
    at = f"{output.who}: {place}: " if place else f"{output.who}: "
    return InputError("plugin-output", at + what, hint or f"mend it in the plugin {output.name!r}")


def refuse_unserialisable(output: PluginOutput, method: str, returned: Any) -> None:
    """Refuse what is no dict, or what YAML and JSON cannot hold.

    Raises:
        InputError: names plugin, method, and the place in what it returned.
    """
    if not isinstance(returned, dict):
        what = f"returned {type(returned).__name__}, expected a dict"
        raise fault(output, method, what, "return a dict (ADR-0035)")
    wrong = json_fault(returned)
    if wrong:
        raise fault(output, method, f"returned something that JSON cannot hold: {wrong}")


def type_of(component: str) -> str:
    """The type in a component's id: ``otlp_grpc`` of ``otlp_grpc/backup``."""
    return component.partition("/")[0].strip()


def renamed(config: Config, section: str, names: dict[str, str]) -> Config:
    """A config in normal form with components of one section renamed, references too."""
    part = {"connectors": PARTS, "extensions": ()}.get(section, (section,))
    pipelines = {
        key: {
            name: [names.get(i, i) for i in ids] if name in part else ids
            for name, ids in pipeline.items()
        }
        for key, pipeline in config["pipelines"].items()
    }
    components = {names.get(key, key): value for key, value in config[section].items()}
    return {**config, section: components, "pipelines": pipelines}
