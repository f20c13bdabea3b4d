"""Looks into what was compiled."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from floe_local.plan.artifacts import Compiled


def exporter_of(compiled: Compiled, key: str = "otlp_grpc") -> dict[str, Any]:
    """Give an exporter's config."""
    exporter: dict[str, Any] = compiled["otlp_collector_config"]["exporters"][key]
    return exporter


def rules_of(compiled: Compiled) -> set[str]:
    """Give the names of the rules that changed something."""
    return {change.rule for change in compiled.provenance}
