"""A plugin's config on its way through the rules.

A rule is a small function from a draft to a draft; what it changes it also records. One for
whatever sends, an exporter as well as a transport, takes the path of that part besides.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple

from floe_local.errors import InputError
from floe_local.plan.artifacts import Change
from floe_local.plan.env_refs import expanded, seen, typed
from floe_local.plan.nested import at, json_fault, with_value_at
from floe_local.plan.secrets.recognise import refuse_written_out
from floe_local.plan.values import Egress, Kind, Placement
from floe_local.plan.yaml_source import dotted

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from floe_local.plan.artifacts import Level
    from floe_local.plan.blueprint.model import Blueprint, LocatedBlueprint
    from floe_local.plan.plugins.output import PluginOutput
    from floe_local.plan.yaml_source import Path_

CollectorConfig = dict[str, Any]
SECTIONS = ("receivers", "processors", "exporters", "connectors", "extensions")
PARTS = ("receivers", "processors", "exporters")


class Surroundings(NamedTuple):
    """What outputs are judged by, besides their blueprints.

    `environment` and `project` are the manifest's. `environ` are the variables of the process,
    `values` those that components will have: rules judge what those will see. With
    `nested_values` a value may refer to other variables, as in the Collector. `collector` are
    the names of the Collector's services, which mean "here" inside of it, `services` those of all
    services in the stack; `egress` says whether others may be called.
    """

    environment: str = "local"
    project: str = ""
    environ: Mapping[str, str] = MappingProxyType({})
    values: Mapping[str, str] = MappingProxyType({})
    nested_values: bool = True
    collector: frozenset[str] = frozenset()
    services: frozenset[str] = frozenset()
    egress: Egress = Egress.STACK


@dataclass(frozen=True)
class Draft:
    """What is compiled of a plugin's output, with what is known of its backend.

    `config` is a Collector config in normal form: the keys of `SECTIONS`, and ``pipelines``,
    whose values have those of `PARTS`. Or it is an OpenLineage transport, and `place` says where
    in the output it stands. `batch` is how the plugin wants its exports batched.
    """

    output: PluginOutput
    backend: LocatedBlueprint | None = None
    around: Surroundings = field(default_factory=Surroundings)
    config: CollectorConfig = field(default_factory=dict)
    place: str = ""
    batch: CollectorConfig = field(default_factory=dict)
    changes: tuple[Change, ...] = ()

    @property
    def blueprint(self) -> Blueprint | None:
        """What is known of the backend as data; None: it has no blueprint."""
        return self.backend.blueprint if self.backend else None

    @property
    def placement(self) -> Placement | None:
        """Where the backend runs; None: it has no blueprint."""
        return self.backend.placement if self.backend else None

    @property
    def is_lineage(self) -> bool:
        """Whether it is a transport."""
        return self.output.kind is Kind.LINEAGE

    def at(self, part: Path_) -> Any:
        """A part of the config: what its keys, and indices of lists, lead to."""
        return at(self.config, part)

    def type_at(self, part: Path_) -> str:
        """The type of a component, or of a transport."""
        return str(self.at(part).get("type")) if self.is_lineage else type_of(str(part[-1]))

    def with_value(self, part: Path_, value: Any) -> Draft:
        """This draft with another value at a path."""
        return replace(self, config=with_value_at(self.config, part, value))

    def with_sections(self, **sections: Any) -> Draft:
        """This draft with sections of its config replaced."""
        return replace(self, config={**self.config, **sections})

    def seen(self, value: Any) -> Any:
        """A part of the config as its component sees it; what is not known stays a reference."""
        expand = expanded if self.around.nested_values else seen
        return expand(value, self.around.values)

    def typed(self, value: Any) -> Any:
        """The same for numbers and switches of the Collector's."""
        return typed(value, self.around.values)

    def where(self, place: str | Path_) -> str:
        """A place of the config as errors name it: from the plugin's output on."""
        path = (place,) if isinstance(place, str) else place
        return dotted(tuple(str(step) for step in (self.place, *path) if step != ""))

    def record(
        self,
        rule: str,
        place: str | Path_,
        before: Any,
        after: Any,
        why: str,
        *,
        level: Level = "info",
    ) -> Draft:
        """This draft with one more change on record."""
        where = self.where(place)
        where = f"{self.output.who}: {where}" if where else self.output.who
        change = Change(rule=rule, where=where, before=before, after=after, why=why, level=level)
        return replace(self, changes=(*self.changes, change))

    def error_at(self, place: str | Path_, what: str, hint: str = "") -> InputError:
        """The error for a mistake at `place` of the config."""
        return output_error(self.output, self.where(place), what, hint)


def output_error(output: PluginOutput, place: str, what: str, hint: str = "") -> InputError:
    """The error for a mistake that no rule mends; names plugin, distribution, field."""
    at = f"{output.who}: {place}: " if place else f"{output.who}: "
    return InputError("plugin-output", at + what, hint or f"mend it in the plugin {output.name!r}")


def accept_config(output: PluginOutput) -> dict[str, Any]:
    """The config that a plugin returned, as far as any of its kind may go: rules see no other.

    Raises:
        InputError: it is not a dict, JSON cannot hold it, or a credential is written out in it.
    """
    refuse_unserialisable(output)
    is_lineage = output.kind is Kind.LINEAGE
    config: dict[str, Any] = output.transport if is_lineage else output.exporter_config
    refuse_written_out(output.who, config, ("transport",) if is_lineage else ())
    return config


def refuse_unserialisable(output: PluginOutput) -> None:
    """Refuse a config that is not a dict, or that YAML and JSON cannot hold.

    Raises:
        InputError: names plugin, method, and the place in what it returned.
    """
    is_lineage = output.kind is Kind.LINEAGE
    method = "get_transport_config()" if is_lineage else "get_otlp_exporter_config()"
    returned = output.transport if is_lineage else output.exporter_config
    if not isinstance(returned, dict):
        what = f"returned {type(returned).__name__}, expected a dict"
        raise output_error(output, method, what, "return a dict (ADR-0035)")
    wrong = json_fault(returned)
    if wrong:
        raise output_error(output, method, f"returned something that JSON cannot hold: {wrong}")


def type_of(component: str) -> str:
    """The type in a component's id: ``otlp_grpc`` of ``otlp_grpc/backup``."""
    return component.partition("/")[0].strip()


def components(draft: Draft, *sections: str) -> Iterator[Path_]:
    """The paths of a Collector config's components, section by section."""
    return ((section, key) for section in sections for key in draft.config[section])


def inner_transports(transport: Mapping[str, Any]) -> Iterator[Path_]:
    """The paths of the transports to which one hands events on; nothing: it sends itself."""
    match transport:
        case {"type": "composite", "transports": dict() | list() as children}:
            for key in children if isinstance(children, dict) else range(len(children)):
                yield "transports", key
        case {"type": "transform", "transport": child} if child:
            yield ("transport",)
        case _:
            pass


def senders(draft: Draft) -> Iterator[Path_]:
    """The parts that send: exporters, or the transports that hand on to no other."""
    return _leaves(draft, ()) if draft.is_lineage else components(draft, "exporters")


def _leaves(draft: Draft, part: Path_) -> Iterator[Path_]:
    inner = [(*part, *path) for path in inner_transports(draft.at(part))]
    for below in inner:
        yield from _leaves(draft, below)
    if not inner:
        yield part


def renamed(config: CollectorConfig, section: str, names: dict[str, str]) -> CollectorConfig:
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
