"""The Atlan lineage backend plugin for floe."""

from __future__ import annotations

from floe_lineage_atlan.plugin import AtlanPlugin

__all__ = ["AtlanPlugin"]
