"""What compilation gives: whole configs, with the story of every change."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal

from floe_local.plan.blueprint.model import Blueprint
from floe_local.plan.nested import deep_merge
from floe_local.plan.values import Frozen, Kind, Placement, Signal

if TYPE_CHECKING:
    from collections.abc import Mapping

    from floe_local.plan.plugins.output import PluginOutput


ENDS_IN_COLLECTOR = frozenset({"debug", "nop", "file"})
"""Exporter types that carry to no backend."""

SCRAPED = frozenset({"prometheus"})
"""Exporter types that wait for a backend to fetch: what they count as sent, nobody may have."""

ENDS_IN_PIPELINE = frozenset({"console", "file", "noop"})
"""Types of OpenLineage transports that call nobody."""


Level = Literal["info", "warning"]
PORT_DIFFERS = "port-not-listened-on"
"""The rule by which a plugin's port gives way to its blueprint's."""


class Change(Frozen):
    """One thing that a named rule changed in what the plugin returned."""

    rule: str
    where: str
    before: Any
    after: Any
    why: str = ""
    level: Level = "info"


class Backend(Frozen):
    """One named backend, or one part of a composite transport: from here to the report.

    `plugin` is its plugin's name in a manifest, `who` the same as errors name it, with
    distribution and version. `blueprint` is as the stack uses it; an empty one where there is none.
    `exporters` are the ids in the Collector config that carry to this backend, by signal.
    `transport` is the OpenLineage transport as containers use it. `hosts` are the host names
    (with ports) in the plugin's endpoints, which become network aliases.
    """

    name: str
    kind: Kind
    plugin: str
    who: str = ""
    placement: Placement
    blueprint: Blueprint
    exporters: dict[Signal, tuple[str, ...]] = {}
    transport: dict[str, Any] | None = None
    hosts: tuple[tuple[str, int], ...] = ()
    helm_values: dict[str, Any] = {}

    @property
    def service_of(self) -> dict[str, str]:
        """The services of its endpoints, by the endpoints' names."""
        return {endpoint.name: service for service, endpoint in self.blueprint.endpoints}

    @property
    def live_endpoints(self) -> dict[str, str]:
        """The base URLs of endpoints that are not in the stack; may hold references."""
        is_sandboxed = self.placement is Placement.SANDBOXED
        return {} if is_sandboxed else self.blueprint.live.endpoints

    @property
    def ends_in_collector(self) -> bool:
        """Whether the Collector keeps what is for it: in its log, in a file, or not at all."""
        types = {i.partition("/")[0] for ids in self.exporters.values() for i in ids}
        return self.kind is Kind.TELEMETRY and bool(types) and types <= ENDS_IN_COLLECTOR


class Compiled(Frozen):
    """The artifacts of ADR-0035: a Collector config, an OpenLineage config, Helm values.

    ``"otlp_collector_config" in artifacts`` holds where the manifest has a telemetry
    backend, ``"openlineage_config" in artifacts`` where it has a lineage backend.
    `openlineage_config` is what openlineage-python reads: ``{"transport": {...}}``.
    `secrets` are the names of the ``${env:NAME}`` references in them.
    """

    otlp_collector_config: dict[str, Any] | None = None
    openlineage_config: dict[str, Any] | None = None
    namespace: str = "default"
    environment: str = "local"
    project: str = ""
    backends: tuple[Backend, ...] = ()
    provenance: tuple[Change, ...] = ()
    secrets: tuple[str, ...] = ()
    sampling: str = "off"

    @property
    def artifacts(self) -> Mapping[str, Any]:
        """The artifacts that are there, by name."""
        named = {
            "otlp_collector_config": self.otlp_collector_config,
            "openlineage_config": self.openlineage_config,
            "helm_values": self.helm_values or None,
            "namespace": self.namespace,
        }
        return MappingProxyType({k: v for k, v in named.items() if v is not None})

    @property
    def helm_values(self) -> dict[str, Any]:
        """All plugins' Helm values, by the name that a manifest writes."""
        found: dict[str, Any] = {}
        for backend in self.backends:
            if backend.helm_values:
                found = deep_merge(found, {backend.plugin: backend.helm_values})
        return found

    def __contains__(self, artifact: object) -> bool:
        return artifact in self.artifacts

    def __getitem__(self, artifact: str) -> Any:
        return self.artifacts[artifact]


def helm_values_of(output: PluginOutput) -> dict[str, Any]:
    """A plugin's Helm values; empty where it has none."""
    return output.helm_values if isinstance(output.helm_values, dict) else {}
