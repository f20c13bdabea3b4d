"""`plugins list`, `show`, `validate`: what is installed, what it returns, whether it connects."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from floe_local.operations.request import local_refs, manifest_blueprints, manifest_of
from floe_local.operations.stacks import find_stack
from floe_local.plan.nested import deep_merge
from floe_local.plan.plugins.host import ConnectionVerdict, call_plugins, validate_connections
from floe_local.plan.plugins.output import BackendRef, PluginOutput
from floe_local.plan.plugins.registry import PluginRegistry
from floe_local.plan.stack.addresses import host_address_map
from floe_local.plan.values import Frozen, Kind, Placement

if TYPE_CHECKING:
    from collections.abc import Mapping

    from floe_local.operations.stacks import Where
    from floe_local.plan.blueprint.model import LocatedBlueprint
    from floe_local.plan.plugins.loading import PluginEntry

PLAYED = "the sandbox plays this backend, and validate_connection() asks the real one"
ASK_LIVE = "`floe-local plugins validate --live` asks the real one"
ALL_PLAYED = f"nothing was asked: the sandbox plays every backend of the manifest; {ASK_LIVE}"
NOT_UP = "the stack is not up, so that its names lead nowhere; `floe-local up` brings it up"


class PluginRow(Frozen):
    """An installed plugin, as its entry point declares it; it was not imported."""

    kind: str
    name: str
    distribution: str
    version: str
    target: str


class PluginList(Frozen):
    """Every plugin that is installed beside floe-local."""

    plugins: tuple[PluginRow, ...] = ()


class PluginDetails(Frozen):
    """A plugin with what it returns, exactly as returned."""

    plugin: PluginRow
    config: dict[str, Any] = {}
    output: PluginOutput


class ValidationResult(Frozen):
    """A verdict for each plugin that the manifest names.

    `reason` says why it is right that none was asked, where none was.
    """

    plugins: tuple[ConnectionVerdict, ...] = ()
    reason: str = ""

    @property
    def ok(self) -> bool:
        """None failed, and at least one was asked, or there is none to be asked."""
        states = {plugin.status for plugin in self.plugins}
        return "failed" not in states and ("ok" in states or bool(self.reason))


def list_plugins() -> PluginList:
    """List the plugins without importing any."""
    entries = PluginRegistry().entries()
    return PluginList(plugins=tuple(_row(entry) for entry in entries))


def show_plugin(where: Where, name: str) -> tuple[PluginDetails, ...]:
    """Ask the plugins of a name what they return, with the config that the manifest gives.

    Raises:
        InputError: there is none of that name, or it is broken.
    """
    manifest = manifest_of(where)
    configured = {
        (ref.kind, ref.name): ref for ref in local_refs(manifest, manifest_blueprints(manifest))
    }
    registry = PluginRegistry()
    kinds = [k for k in Kind if name in {e.name for e in registry.entries(k)}]
    refs = [
        configured.get((k, name), BackendRef(kind=k, name=name))
        for k in kinds or [Kind.TELEMETRY]  # where there is none, the look-up says so
    ]
    outputs = call_plugins(refs, registry=registry, limit_s=manifest.local.plugin_deadline)
    return tuple(
        PluginDetails(
            plugin=_row(registry.find(ref.kind, ref.name)),
            config=_effective(ref, output),
            output=output,
        )
        for ref, output in zip(refs, outputs, strict=True)
    )


def _effective(ref: BackendRef, output: PluginOutput) -> dict[str, Any]:
    """What the plugin was configured with: the manifest's config over the known defaults."""
    known = {key: value for key, value in ref.defaults.items() if key not in output.ignored_keys}
    return deep_merge(known, ref.config)


def validate_plugins(where: Where) -> ValidationResult:
    """Run validate_connection() of each plugin that the manifest names.

    When the stack is up, the names that a plugin dials lead to it. A backend that the
    sandbox plays is not asked: its plugin would ask the real one. Where it plays them all,
    there is nothing to be found wrong.

    Raises:
        InputError: the manifest is wrong.
    """
    manifest = manifest_of(where)
    blueprints = manifest_blueprints(manifest, live=where.live)
    refs = local_refs(manifest, blueprints)
    played = {ref.name for ref in refs if _is_sandboxed(ref, blueprints)}
    plan, _ = find_stack(where).workspace.known_plan()
    verdicts = validate_connections(
        [ref for ref in refs if ref.name not in played],
        addresses=host_address_map(plan) if plan else {},
        limit_s=manifest.local.plugin_deadline,
    )
    if plan is None:
        verdicts = tuple(map(_of_no_stack, verdicts))
    skipped = [
        ConnectionVerdict(
            kind=ref.kind, name=ref.name, status="skipped", reason=PLAYED, hint=ASK_LIVE
        )
        for ref in refs
        if ref.name in played
    ]
    return ValidationResult(
        plugins=(*verdicts, *skipped), reason=ALL_PLAYED if skipped and not verdicts else ""
    )


def _of_no_stack(verdict: ConnectionVerdict) -> ConnectionVerdict:
    """A failure may be the stack's, which is not up; where the plugin does not say why."""
    if verdict.status != "failed" or verdict.hint:
        return verdict
    return verdict.model_copy(update={"hint": NOT_UP})


def _is_sandboxed(ref: BackendRef, blueprints: Mapping[str, LocatedBlueprint]) -> bool:
    """Whether the sandbox plays a backend, or one of its parts."""
    located = blueprints.get(ref.name)
    parts = located.blueprint.transports.values() if located else ()
    named = [blueprints[name] for name in (ref.name, *parts) if name in blueprints]
    return any(one.placement is Placement.SANDBOXED for one in named)


def _row(entry: PluginEntry) -> PluginRow:
    return PluginRow(
        kind=entry.kind,
        name=entry.name,
        distribution=entry.distribution,
        version=entry.version,
        target=entry.target,
    )
