"""The Marquez plugin keeps the contract of ADR-0035."""

from __future__ import annotations

from floe_local.testing import PluginConformance


class TestMarquez(PluginConformance):
    kind = "lineage"
    plugin = "marquez"
