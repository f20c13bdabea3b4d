"""The Datadog telemetry backend plugin for floe."""

from __future__ import annotations

from floe_telemetry_datadog.plugin import DatadogPlugin

__all__ = ["DatadogPlugin"]
