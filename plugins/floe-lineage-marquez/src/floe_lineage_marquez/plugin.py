"""Marquez as a lineage backend: OpenLineage over HTTP."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from floe_lineage_marquez.defaults import DEFAULTS, Defaults
from floe_local.plugin_api import LineageBackendPlugin, ask_backend

if TYPE_CHECKING:
    from floe_lineage_marquez.config import MarquezConfig

NAMESPACE_FIELDS = {
    "environment_based": ("strategy", "template", "environment_var"),
    "custom": ("strategy", "namespace"),
    "centralized": ("strategy", "environment", "platform"),
    "backend_managed": ("strategy",),
}


class MarquezPlugin(LineageBackendPlugin):
    """Lineage backend plugin for Marquez (the OpenLineage reference implementation).

    Args:
        config: the fields of `floe_lineage_marquez.config.MarquezConfig`.

    Raises:
        pydantic.ValidationError: an unknown field, a wrong value, a written-out credential.
    """

    name = "marquez"
    version = "0.1.0"
    floe_api_version = "2.0.0"

    def __init__(self, **config: Any) -> None:
        self.config: MarquezConfig | Defaults = DEFAULTS
        if config:
            self.config = self.get_config_schema()(**config)

    @staticmethod
    def get_config_schema() -> type[MarquezConfig]:
        """Give the pydantic model of the config."""
        from floe_lineage_marquez.config import MarquezConfig  # noqa: PLC0415 - pydantic is slow to import

        return MarquezConfig

    def configure(self, config: MarquezConfig) -> None:
        """Replace the whole config."""
        self.config = config

    def get_transport_config(self) -> dict[str, Any]:
        """Give the OpenLineage transport."""
        transport: dict[str, Any] = {
            "type": "http",
            "url": self.config.url,
            "endpoint": self.config.endpoint,
            "timeout": self.config.timeout,
        }
        if self.config.api_key:
            transport["auth"] = {"type": "api_key", "apiKey": self.config.api_key}
        if not self.config.verify_ssl:
            transport["verify"] = False
        if self.config.drain_timeout is not None:
            transport["drain_timeout"] = self.config.drain_timeout
        return transport

    def get_namespace_strategy(self) -> dict[str, Any]:
        """Give the namespace strategy, with the fields that it uses."""
        namespace = self.config.namespace
        return {field: getattr(namespace, field) for field in NAMESPACE_FIELDS[namespace.strategy]}

    def get_helm_values(self) -> dict[str, Any]:
        """Give Helm values in the layout of ADR-0035."""
        database = {"type": "postgresql", "host": self.config.db_host, "port": self.config.db_port}
        return {
            "marquez": {
                "enabled": True,
                "db": database,
                "service": {"type": self.config.service},
            }
        }

    def validate_connection(self) -> bool:
        """Ask Marquez for its namespaces.

        Raises:
            ConnectionError: nothing answers there, or it is not Marquez.
            CredentialError: it refuses the API key, or the key's variable is not set.
        """
        url = f"{self.config.url.rstrip('/')}/api/v1/namespaces"
        key = self.config.api_key
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        answer = ask_backend(
            url,
            backend="Marquez",
            headers=headers,
            timeout_s=self.config.timeout,
            verify=self.config.verify_ssl,
        )
        if not isinstance(answer, dict) or "namespaces" not in answer:
            message = f"what answers at {url} is not Marquez: set url"
            raise ConnectionError(message)
        return True
