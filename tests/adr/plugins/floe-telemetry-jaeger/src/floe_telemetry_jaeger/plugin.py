from __future__ import annotations

from typing import Any

from floe_core.plugins import TelemetryBackendPlugin


class JaegerPlugin(TelemetryBackendPlugin):
    """Telemetry backend plugin for Jaeger (self-hosted OSS)."""
    name = "jaeger"
    version = "0.1.0"
    floe_api_version = "2.0.0"

    def get_otlp_exporter_config(self) -> dict[str, Any]:
        """Generate OTLP Collector config for Jaeger."""
        return {
            "exporters": {
                "jaeger": {
                    "endpoint": "jaeger:14250",
                    "tls": {"insecure": True},
                }
            },
            "service": {
                "pipelines": {
                    "traces": {
                        "receivers": ["otlp"],
                        "processors": ["batch"],
                        "exporters": ["jaeger"],
                    }
                }
            },
        }

    def get_helm_values(self) -> dict[str, Any]:
        """Generate Helm values for deploying Jaeger."""
        return {
            "jaeger": {
                "enabled": True,
                "storage": {
                    "type": "memory", # In-memory for local dev
                },
                "query": {
                    "service": {
                        "type": "LoadBalancer",
                    }
                },
            }
        }

    def validate_connection(self) -> bool:
        """Validate Jaeger is reachable."""
        import requests
        try:
            response = requests.get("http://jaeger:16686/", timeout=5.0)
            return response.status_code == 200
        except requests.RequestException:
            return False
