"""What integration tests and plugin authors use."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from floe_local.testing.capture import Capture
    from floe_local.testing.conformance import PluginConformance
    from floe_local.testing.stack import FloeLocal

__all__ = ["Capture", "FloeLocal", "PluginConformance"]

_MODULES = {
    "Capture": "floe_local.testing.capture",
    "FloeLocal": "floe_local.testing.stack",
    "PluginConformance": "floe_local.testing.conformance",
}
EXTRA = "floe-local[testing]"
_OF_THE_EXTRA = ("pytest", "testcontainers")
"""What the extra installs, and floe-local itself does without."""


def __getattr__(name: str) -> Any:
    """Import a class on first use: the pytest plugin is loaded in every pytest run.

    Raises:
        ModuleNotFoundError: the extra `testing` is not installed; it says how it is.
    """
    if name not in _MODULES:
        message = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(message)
    from importlib import import_module  # noqa: PLC0415

    try:
        return getattr(import_module(_MODULES[name]), name)
    except ModuleNotFoundError as error:
        if error.name is None or error.name.partition(".")[0] not in _OF_THE_EXTRA:
            raise
        message = f"{name} needs {error.name}: pip install '{EXTRA}'"
        raise ModuleNotFoundError(message, name=error.name) from None
