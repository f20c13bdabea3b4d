"""The Grafana Cloud telemetry backend plugin for floe."""

from __future__ import annotations

from floe_telemetry_grafana_cloud.plugin import GrafanaCloudPlugin

__all__ = ["GrafanaCloudPlugin"]
