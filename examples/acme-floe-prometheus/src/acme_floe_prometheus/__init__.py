"""Acme's Prometheus, as a telemetry backend plugin for floe."""

from __future__ import annotations

from acme_floe_prometheus.plugin import PrometheusPlugin

__all__ = ["PrometheusPlugin"]
