"""Bring up the backends of a floe manifest locally, with proof that each receives."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from floe_local.plan.compiler.in_process import Compiler
    from floe_local.plan.plugins.registry import PluginRegistry

__all__ = ["Compiler", "PluginRegistry"]


def __getattr__(name: str) -> Any:
    """Import `Compiler` and `PluginRegistry` on first use: the CLI's start-up needs neither."""
    homes = {
        "Compiler": "floe_local.plan.compiler.in_process",
        "PluginRegistry": "floe_local.plan.plugins.registry",
    }
    if name not in homes:
        message = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(message)
    return getattr(import_module(homes[name]), name)
