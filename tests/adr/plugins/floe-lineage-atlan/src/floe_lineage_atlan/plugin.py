from __future__ import annotations

import os
from typing import Any

from floe_core.plugins import LineageBackendPlugin


class AtlanPlugin(LineageBackendPlugin):
    """Lineage backend plugin for Atlan (SaaS data catalog + lineage)."""
    name = "atlan"
    version = "0.1.0"
    floe_api_version = "2.0.0"

    def get_transport_config(self) -> dict[str, Any]:
        """Generate OpenLineage HTTP transport config for Atlan."""
        return {
            "type": "http",
            "url": f"https://{os.getenv('ATLAN_HOST')}/api/service/openlineage/event",
            "auth": {
                "type": "api_key",
                "api_key": "${env:ATLAN_API_KEY}",
            },
            "timeout": 5.0,
        }

    def get_namespace_strategy(self) -> dict[str, Any]:
        """Atlan manages namespace via backend metadata."""
        return {
            "strategy": "backend_managed",
            "description": "Atlan extracts namespace from connection metadata",
        }

    def get_helm_values(self) -> dict[str, Any]:
        """No services to deploy for Atlan SaaS."""
        return {} # External SaaS backend

    def validate_connection(self) -> bool:
        """Validate Atlan credentials."""
        return all(k in os.environ for k in ["ATLAN_HOST", "ATLAN_API_KEY"])
