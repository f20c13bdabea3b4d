"""Atlan as a lineage backend: OpenLineage over HTTPS."""

from __future__ import annotations

from typing import Any

from floe_lineage_atlan.config import AtlanConfig
from floe_local.plugin_api import Configured, LineageBackendPlugin, ask_backend


class AtlanPlugin(Configured[AtlanConfig], LineageBackendPlugin):
    """Lineage backend plugin for Atlan (SaaS data catalog).

    Keywords are the fields of `AtlanConfig`.
    """

    name = "atlan"
    version = "0.1.0"
    floe_api_version = "2.0.0"
    config_model = AtlanConfig

    def get_transport_config(self) -> dict[str, Any]:
        """Give the OpenLineage transport, to the connector's own endpoint."""
        return {
            "type": "http",
            "url": f"https://{self.config.host}/events/openlineage/{self.config.connector}/",
            "endpoint": "api/v1/lineage",
            "timeout": self.config.timeout,
            "auth": {"type": "api_key", "apiKey": self.config.api_key},
        }

    def get_namespace_strategy(self) -> dict[str, Any]:
        """Leave the namespace to Atlan: it is the name of the connection there."""
        return {"strategy": "backend_managed"}

    def get_helm_values(self) -> dict[str, Any]:
        """Give none: Atlan runs elsewhere."""
        return {}

    def validate_connection(self) -> bool:
        """Ask Atlan who the API token is.

        Raises:
            ConnectionError: nothing answers there, or it is not Atlan.
            CredentialError: the token is refused, or a variable is not set.
        """
        base = (self.config.base_url or f"https://{self.config.host}").rstrip("/")
        url = f"{base}/api/service/users/current"
        answer = ask_backend(
            url,
            backend="Atlan",
            headers={"Authorization": f"Bearer {self.config.api_key}"},
            timeout_s=self.config.timeout,
        )
        if not isinstance(answer, dict) or "username" not in answer:
            message = f"what answers at {url} is not Atlan: set host"
            raise ConnectionError(message)
        return True
