"""The AWS X-Ray telemetry backend plugin for floe."""

from __future__ import annotations

from floe_telemetry_xray.plugin import XRayPlugin

__all__ = ["XRayPlugin"]
