"""OpenMetadata as a lineage backend: OpenLineage over HTTP(S), with a JWT.

OpenMetadata keeps edges between tables, not runs: by default it takes notice of COMPLETE events
only, and of those that have both inputs and outputs. It answers 200 to all others, too.
"""

from __future__ import annotations

from typing import Any

from floe_lineage_openmetadata.config import OpenMetadataConfig
from floe_local.plugin_api import Configured, LineageBackendPlugin, ask_backend


class OpenMetadataPlugin(Configured[OpenMetadataConfig], LineageBackendPlugin):
    """Lineage backend plugin for OpenMetadata (a catalog that one runs, or has run).

    Keywords are the fields of `OpenMetadataConfig`.
    """

    name = "openmetadata"
    version = "0.1.0"
    floe_api_version = "2.0.0"
    config_model = OpenMetadataConfig

    def get_transport_config(self) -> dict[str, Any]:
        """Give the OpenLineage transport; its API key goes out as ``Authorization: Bearer``."""
        return {
            "type": "http",
            "url": f"{self.config.url}/",
            "endpoint": "api/v1/openlineage/lineage",
            "timeout": self.config.timeout,
            "auth": {"type": "api_key", "apiKey": self.config.jwt_token},
        }

    def get_namespace_strategy(self) -> dict[str, Any]:
        """Give the namespace by environment."""
        return {
            "strategy": "environment_based",
            "template": self.config.namespace_template,
            "environment_var": self.config.environment_var,
        }

    def get_helm_values(self) -> dict[str, Any]:
        """Give none: OpenMetadata is deployed by a chart of its own, with its search and database."""
        return {}

    def validate_connection(self) -> bool:
        """Ask OpenMetadata who the JWT is.

        Raises:
            ConnectionError: nothing answers there, or it is not OpenMetadata.
            CredentialError: the JWT is refused, or a variable is not set.
        """
        url = f"{self.config.url}/api/v1/users/loggedInUser"
        answer = ask_backend(
            url,
            backend="OpenMetadata",
            headers={"Authorization": f"Bearer {self.config.jwt_token}"},
            timeout_s=self.config.timeout,
        )
        if not isinstance(answer, dict) or "name" not in answer:
            message = f"what answers at {url} is not OpenMetadata: set url"
            raise ConnectionError(message)
        return True
