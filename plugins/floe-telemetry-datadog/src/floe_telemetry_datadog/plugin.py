"""Datadog as a telemetry backend: traces, metrics and logs, by the Collector's own exporter."""

from __future__ import annotations

from typing import Any

from floe_local.plugin_api import Configured, CredentialError, TelemetryBackendPlugin, ask_backend
from floe_telemetry_datadog.config import DatadogConfig

SIGNALS = ("traces", "metrics", "logs")


class DatadogPlugin(Configured[DatadogConfig], TelemetryBackendPlugin):
    """Telemetry backend plugin for Datadog (SaaS).

    Keywords are the fields of `DatadogConfig`.
    """

    name = "datadog"
    version = "0.1.0"
    floe_api_version = "2.0.0"
    config_model = DatadogConfig

    def get_otlp_exporter_config(self) -> dict[str, Any]:
        """Give the `datadog` exporter, and a pipeline for each signal."""
        exporter = {
            "api": {"key": self.config.api_key, "site": self.config.site},
            "hostname": self.config.hostname,
            "host_metadata": {"enabled": self.config.host_metadata},
        }
        return {
            "exporters": {"datadog": exporter},
            "service": {
                "pipelines": {
                    signal: {"receivers": ["otlp"], "processors": [], "exporters": ["datadog"]}
                    for signal in SIGNALS
                }
            },
        }

    def get_helm_values(self) -> dict[str, Any]:
        """Give none: Datadog runs elsewhere."""
        return {}

    def validate_connection(self) -> bool:
        """Ask Datadog whether it takes the API key.

        Raises:
            ConnectionError: nothing answers there, or it is not Datadog.
            CredentialError: the key is refused, or its variable is not set.
        """
        base = self.config.api_url or f"https://api.{self.config.site}"
        url = f"{base.rstrip('/')}/api/v1/validate"
        headers = {"DD-API-KEY": self.config.api_key}
        answer = ask_backend(url, backend="Datadog", headers=headers, timeout_s=self.config.timeout)
        if not isinstance(answer, dict) or "valid" not in answer:
            message = f"what answers at {url} is not Datadog: set site, or api_url"
            raise ConnectionError(message)
        if answer["valid"] is not True:
            message = f"Datadog at {base} does not know the API key: is it of this site?"
            raise CredentialError(message)
        return True
