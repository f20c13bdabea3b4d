"""The Jaeger telemetry backend plugin for floe."""

from __future__ import annotations

from floe_telemetry_jaeger.plugin import JaegerPlugin

__all__ = ["JaegerPlugin"]
