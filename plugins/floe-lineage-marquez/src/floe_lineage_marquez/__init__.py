"""The Marquez lineage backend plugin for floe."""

from __future__ import annotations

from floe_lineage_marquez.plugin import MarquezPlugin

__all__ = ["MarquezPlugin"]
