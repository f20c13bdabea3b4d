from __future__ import annotations

from typing import Any

from floe_core.plugins import LineageBackendPlugin


class MarquezPlugin(LineageBackendPlugin):
    """Lineage backend plugin for Marquez (OSS reference implementation)."""
    name = "marquez"
    version = "0.1.0"
    floe_api_version = "2.0.0"

    def get_transport_config(self) -> dict[str, Any]:
        """Generate OpenLineage HTTP transport config for Marquez."""
        return {
            "type": "http",
            "url": "http://marquez:5000/api/v1/lineage",
            "timeout": 5.0,
            "endpoint": "api/v1/lineage",
        }

    def get_namespace_strategy(self) -> dict[str, Any]:
        """Define namespace strategy for Marquez."""
        return {
            "strategy": "environment_based",
            "template": "floe-{environment}",
            "environment_var": "FLOE_ENVIRONMENT",
        }

    def get_helm_values(self) -> dict[str, Any]:
        """Generate Helm values for deploying Marquez."""
        return {
            "marquez": {
                "enabled": True,
                "db": {
                    "type": "postgresql",
                    "host": "postgresql",
                    "port": 5432,
                },
                "service": {
                    "type": "ClusterIP",
                },
            }
        }

    def validate_connection(self) -> bool:
        """Validate Marquez is reachable."""
        import requests
        try:
            response = requests.get("http://marquez:5000/api/v1/namespaces", timeout=5.0)
            return response.status_code == 200
        except requests.RequestException:
            return False
