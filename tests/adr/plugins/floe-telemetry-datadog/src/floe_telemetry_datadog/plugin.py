from __future__ import annotations

import os
from typing import Any

from floe_core.plugins import TelemetryBackendPlugin


class DatadogPlugin(TelemetryBackendPlugin):
    """Telemetry backend plugin for Datadog APM (SaaS)."""
    name = "datadog"
    version = "0.1.0"
    floe_api_version = "2.0.0"

    def get_otlp_exporter_config(self) -> dict[str, Any]:
        """Generate OTLP Collector config for Datadog."""
        return {
            "exporters": {
                "datadog": {
                    "api": {
                        "key": "${env:DD_API_KEY}",
                        "site": os.getenv("DD_SITE", "datadoghq.com"),
                    }
                }
            },
            "service": {
                "pipelines": {
                    "traces": {
                        "receivers": ["otlp"],
                        "processors": ["batch"],
                        "exporters": ["datadog"],
                    },
                    "metrics": {
                        "receivers": ["otlp"],
                        "processors": ["batch"],
                        "exporters": ["datadog"],
                    },
                }
            },
        }

    def get_helm_values(self) -> dict[str, Any]:
        """No services to deploy for Datadog SaaS."""
        return {} # External SaaS backend

    def validate_connection(self) -> bool:
        """Validate DD_API_KEY is set."""
        return "DD_API_KEY" in os.environ
