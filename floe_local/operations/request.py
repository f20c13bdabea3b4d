"""What to bring up: the command line's options → a manifest, plugins' output, one request."""

from __future__ import annotations

import os
from functools import partial
from typing import TYPE_CHECKING

from floe_local.plan.artifacts import PORT_DIFFERS, Compiled
from floe_local.plan.blueprint.lookup import find_blueprints, refuse_stray
from floe_local.plan.blueprint.model import COLLECTOR, LocatedBlueprint
from floe_local.plan.blueprint.placement import find_recorder, placeholder, resolve_placement
from floe_local.plan.manifest.model import LocalSettings
from floe_local.plan.stack.model import ImageNeed, StackIdentity, identify
from floe_local.plan.stack.requirements import image_needs, refuse_unknown, required_blueprints
from floe_local.plan.values import Egress, Frozen

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from floe_local.operations.stacks import Where
    from floe_local.plan.manifest.model import Manifest
    from floe_local.plan.plugins.output import BackendRef


class UpSettings(Frozen):
    """How to bring a stack up.

    `free_ports` ignores preferred ports; `strict_ports` takes no others; `retain` leaves a failed stack as it is;
    `deadline_s` overrides the manifest's.
    """

    free_ports: bool = False
    strict_ports: bool = False
    retain: bool = False
    deadline_s: float | None = None


class StackRequest(Frozen):
    """A stack to be brought up: compiled, with its blueprints and the manifest's settings.

    `live` is as in `Where`.
    """

    identity: StackIdentity
    compiled: Compiled
    parts: tuple[LocatedBlueprint, ...]
    local: LocalSettings = LocalSettings()
    warnings: tuple[str, ...] = ()
    live: bool = False

    @property
    def image_needs(self) -> tuple[ImageNeed, ...]:
        """The image that each service needs, with what the compiled config asks of it."""
        config = self.compiled.otlp_collector_config
        return image_needs(self.parts, self.local, config)


def request_stack(where: Where) -> StackRequest:
    """Read the manifest, ask the plugins that it names, compile what they return.

    Raises:
        InputError: the manifest, a plugin, what it returned, or a blueprint is wrong.
    """
    return request_of(manifest_of(where), where.stack, live=where.live)


def manifest_of(where: Where) -> Manifest:
    """Read the manifest; a deprecated ``observability`` is resolved by what is installed.

    Raises:
        InputError: the manifest is wrong.
    """
    # Loaded here: a stack that is there is found without its manifest.
    from floe_local.plan.manifest.reader import (  # noqa: PLC0415
        load_manifest,
        resolve_deprecated,
    )

    manifest = load_manifest(where.manifest, where.environment, root=where.folder)
    return resolve_deprecated(manifest)


def request_of(manifest: Manifest, stack: str | None = None, *, live: bool = False) -> StackRequest:
    """Ask the plugins that a manifest names, and compile what they return.

    Args:
        manifest: names the backends.
        stack: the stack's name; None: from the folder.
        live: use backends that run elsewhere for real.

    Raises:
        InputError: a plugin, what it returned, or a blueprint is wrong.
    """
    from floe_local.plan.compiler.compile import compile_outputs  # noqa: PLC0415 - not for `down`
    from floe_local.plan.plugins.host import call_plugins  # noqa: PLC0415

    blueprints = manifest_blueprints(manifest, live=live)
    refs = local_refs(manifest, blueprints)
    outputs = call_plugins(refs, limit_s=manifest.local.plugin_deadline)
    egress = Egress.ANYWHERE if live else Egress.STACK
    compiled = compile_outputs(manifest, outputs, blueprints, os.environ, egress=egress)
    parts = required_blueprints(compiled, blueprints)
    refuse_unknown(parts, manifest.local, manifest.place)
    return StackRequest(
        identity=identify(manifest.root, stack),
        compiled=compiled,
        parts=parts,
        local=manifest.local,
        warnings=(*manifest.warnings, *differing_ports(compiled)),
        live=live,
    )


def differing_ports(compiled: Compiled) -> Iterator[str]:
    """Where plugin and blueprint name two ports: the stack may wait for the wrong one."""
    for change in compiled.provenance:
        if change.rule == PORT_DIFFERS and change.level == "warning":
            yield f"{change.where}: {change.why}"


def manifest_blueprints(manifest: Manifest, *, live: bool = False) -> dict[str, LocatedBlueprint]:
    """The blueprints of the backends that a manifest names, with the Collector's.

    Unless `live`, those of backends that run elsewhere have the sandbox's recorder in them.
    With it, a backend without a blueprint has an empty one: it runs elsewhere.

    Raises:
        InputError: a blueprint is wrong, or there and not to be found by its name.
    """
    names = [COLLECTOR, *(ref.name for ref in manifest.backends)]
    folders = manifest.blueprint_folders
    found = find_blueprints(names, folders)
    unknown = [ref for ref in manifest.backends if ref.name not in found]
    _refuse_strays(unknown)
    placed = resolve_placement(found, live=live, recorder=partial(find_recorder, folders))
    if live:
        placed |= {ref.name: placeholder(ref.name, ref.kind) for ref in unknown}
    return placed


def _refuse_strays(refs: Iterable[BackendRef]) -> None:
    """Refuse blueprints that the plugins of `refs` seem to bring, by another name."""
    from floe_local.plan.plugins.registry import PluginRegistry  # noqa: PLC0415 - not for `down`

    registry = PluginRegistry()
    for ref in refs:
        for entry in registry.entries(ref.kind):
            if entry.name == ref.name:
                refuse_stray(ref.name, entry.distribution, entry.target)


def local_refs(
    manifest: Manifest, blueprints: Mapping[str, LocatedBlueprint]
) -> tuple[BackendRef, ...]:
    """The manifest's backends, with their blueprints' defaults."""
    defaults = {name: located.blueprint.config for name, located in blueprints.items()}
    return tuple(
        ref.model_copy(update={"defaults": defaults.get(ref.name, {})}) for ref in manifest.backends
    )
