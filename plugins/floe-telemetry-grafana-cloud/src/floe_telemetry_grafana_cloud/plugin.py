"""Grafana Cloud as a telemetry backend: traces, metrics and logs, over OTLP."""

from __future__ import annotations

from base64 import b64encode
from typing import Any

from floe_local.plugin_api import Configured, TelemetryBackendPlugin, ask_backend, resolved
from floe_telemetry_grafana_cloud.config import GrafanaCloudConfig

EXPORTER = "otlp_http/grafana-cloud"
EXTENSION = "basicauth/grafana-cloud"
SIGNALS = ("traces", "metrics", "logs")
NOTHING = b'{"resourceSpans": []}'


class GrafanaCloudPlugin(Configured[GrafanaCloudConfig], TelemetryBackendPlugin):
    """Telemetry backend plugin for Grafana Cloud (SaaS), by its OTLP gateway.

    Keywords are the fields of `GrafanaCloudConfig`.
    """

    name = "grafana-cloud"
    version = "0.1.0"
    floe_api_version = "2.0.0"
    config_model = GrafanaCloudConfig

    def get_otlp_exporter_config(self) -> dict[str, Any]:
        """Give an OTLP exporter, the extension that signs it in, and a pipeline for each signal."""
        account = {"username": self.config.instance_id, "password": self.config.token}
        pipeline = {"receivers": ["otlp"], "processors": [], "exporters": [EXPORTER]}
        return {
            "extensions": {EXTENSION: {"client_auth": account}},
            "exporters": {
                EXPORTER: {"endpoint": self.config.base_url, "auth": {"authenticator": EXTENSION}}
            },
            "service": {
                "extensions": [EXTENSION],
                "pipelines": {signal: dict(pipeline) for signal in SIGNALS},
            },
        }

    def get_helm_values(self) -> dict[str, Any]:
        """Give none: Grafana Cloud runs elsewhere."""
        return {}

    def validate_connection(self) -> bool:
        """Post no spans to the gateway: it answers nothing else.

        Raises:
            ConnectionError: nothing answers there, or it is not an OTLP gateway.
            CredentialError: instance and token are refused, or a variable is not set.
        """
        url = f"{self.config.base_url}/v1/traces"
        account = resolved(f"{self.config.instance_id}:{self.config.token}")
        headers = {"Authorization": f"Basic {b64encode(account.encode()).decode()}"}
        answer = ask_backend(
            url,
            backend="Grafana Cloud",
            headers=headers,
            timeout_s=self.config.timeout,
            post=NOTHING,
        )
        if not isinstance(answer, dict) or set(answer) - {"partialSuccess"}:
            message = f"what answers at {url} is not an OTLP gateway: set zone, or endpoint"
            raise ConnectionError(message)
        return True
