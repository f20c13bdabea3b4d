"""What integration tests and plugin authors use."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from floe_local.testing.stack import FloeLocal

__all__ = ["FloeLocal"]


def __getattr__(name: str) -> Any:
    """Import `FloeLocal` on first use: the pytest plugin is loaded in every pytest run."""
    if name != "FloeLocal":
        message = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(message)
    from floe_local.testing.stack import FloeLocal  # noqa: PLC0415

    return FloeLocal
