"""``from floe_core.plugins import …`` for plugins, where floe-core is not installed.

The ABCs of `floe_local.plugin_api` answer for ``floe_core.plugins``. An installed floe-core
always wins: the finder stands last in line, and steps back when the package is there.
"""

from __future__ import annotations

import sys
from contextlib import contextmanager
from importlib.machinery import ModuleSpec
from importlib.util import find_spec
from typing import TYPE_CHECKING, cast

from floe_local import plugin_api

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from importlib.abc import Loader
    from types import ModuleType

PACKAGE = "floe_core"
MODULES = ("floe_core.plugins", "floe_core.plugins.telemetry", "floe_core.plugins.lineage")
"""Where plugins in the wild import the ABCs from."""


class StandInFinder:
    """Finds, and makes, the stand-in modules (the finder and loader of the import system)."""

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Give a spec for the modules that are stood in for, None for all others."""
        del path, target
        if name != PACKAGE and name not in MODULES:
            return None
        loader = cast("Loader", self)  # importlib.abc, its base, is slow to import
        return ModuleSpec(name, loader, origin="floe-local's stand-in", is_package=True)

    def create_module(self, spec: ModuleSpec) -> None:
        """Leave the making of the module to the import system."""

    def exec_module(self, module: ModuleType) -> None:
        """Fill the module with the plugin contract."""
        if module.__name__ in MODULES:
            for name in plugin_api.__all__:
                setattr(module, name, getattr(plugin_api, name))


@contextmanager
def floe_core_stand_in() -> Iterator[None]:
    """Let ``floe_core.plugins`` be imported inside the block; leaves no trace after it."""
    if PACKAGE in sys.modules or find_spec(PACKAGE) is not None:
        yield
        return
    finder = StandInFinder()
    sys.meta_path.append(finder)
    try:
        yield
    finally:
        sys.meta_path.remove(finder)
        for name in (PACKAGE, *MODULES):
            sys.modules.pop(name, None)
