"""The deprecated ``plugins: {observability: NAME}``, settled by what is installed (ADR-0035)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from floe_local.plan.plugins.loading import UNIFIED
from floe_local.plan.plugins.registry import PluginRegistry
from floe_local.plan.values import Kind

if TYPE_CHECKING:
    from collections.abc import Iterator

    from floe_local.plan.manifest.model import Manifest
    from floe_local.plan.plugins.output import BackendRef


def settled(manifest: Manifest, registry: PluginRegistry | None = None) -> Manifest:
    """Let the split plugins of a name serve where no unified one is installed.

    The reader made a reference of each kind. One that no plugin serves goes, with a warning,
    if the other is served; where none is, both stay, and the registry's look-up explains.

    Args:
        manifest: as it was read.
        registry: what is installed; None: beside floe-local.
    """
    named = [ref for ref in manifest.backends if ref.unified]
    if not named:
        return manifest
    entries = (registry or PluginRegistry()).entries()
    installed = {(entry.kind, entry.name) for entry in entries}
    split = [ref for ref in named if (UNIFIED, ref.name) not in installed]
    unserved = [ref for ref in split if (ref.kind, ref.name) not in installed]
    served_names = {ref.name for ref in split if ref not in unserved}
    gone = [ref for ref in unserved if ref.name in served_names]
    serving = [ref for ref in split if ref not in unserved]
    return manifest.model_copy(
        update={
            "backends": tuple(ref for ref in manifest.backends if ref not in gone),
            "warnings": (*manifest.warnings, *_warnings(serving)),
        }
    )


def _warnings(serving: list[BackendRef]) -> Iterator[str]:
    """What serves each name, what does not, and what to write instead."""
    for name in dict.fromkeys(ref.name for ref in serving):
        mine = [ref for ref in serving if ref.name == name]
        kinds = {ref.kind for ref in mine}
        keys = ", ".join(f"{k}_backend: {name if k in kinds else '…'}" for k in Kind)
        text = (
            f"{mine[0].where}: plugins.{UNIFIED}: no unified plugin '{name}' is installed; "
            f"the {' and '.join(kinds)} plugin of that name serves"
        )
        missing = [f"; {k} has no backend" for k in Kind if k not in kinds]
        yield f"{text}{''.join(missing)}: write under plugins: {keys}"
