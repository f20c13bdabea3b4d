"""Jaeger as a telemetry backend: traces, over OTLP."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from floe_local.plugin_api import TelemetryBackendPlugin, ask_backend
from floe_telemetry_jaeger.defaults import DEFAULTS, Defaults, DefaultTls

if TYPE_CHECKING:
    from floe_telemetry_jaeger.config import JaegerConfig

DEFAULT_ENDPOINT = {"grpc": "jaeger:4317", "http": "http://jaeger:4318"}
EXPORTER = {"grpc": "otlp_grpc/jaeger", "http": "otlp_http/jaeger"}


class JaegerPlugin(TelemetryBackendPlugin):
    """Telemetry backend plugin for Jaeger (self-hosted, takes OTLP itself; traces only).

    Args:
        config: the fields of `floe_telemetry_jaeger.config.JaegerConfig`.

    Raises:
        pydantic.ValidationError: an unknown field, a wrong value, a written-out credential.
    """

    name = "jaeger"
    version = "0.1.0"
    floe_api_version = "2.0.0"

    def __init__(self, **config: Any) -> None:
        self.config: JaegerConfig | Defaults = DEFAULTS
        if config:
            self.config = self.get_config_schema()(**config)

    @staticmethod
    def get_config_schema() -> type[JaegerConfig]:
        """Give the pydantic model of the config."""
        from floe_telemetry_jaeger.config import JaegerConfig  # noqa: PLC0415 - pydantic is slow to import

        return JaegerConfig

    def configure(self, config: JaegerConfig) -> None:
        """Replace the whole config."""
        self.config = config

    def get_otlp_exporter_config(self) -> dict[str, Any]:
        """Give one OTLP exporter and the traces pipeline. Queue and retries are the compiler's."""
        protocol = self.config.protocol
        tls = {field: getattr(self.config.tls, field) for field in DefaultTls._fields}
        exporter: dict[str, Any] = {
            "endpoint": self.config.endpoint or DEFAULT_ENDPOINT[protocol],
            "tls": {field: value for field, value in tls.items() if value},
        }
        if self.config.headers:
            exporter["headers"] = dict(self.config.headers)
        pipeline = {"receivers": ["otlp"], "processors": [], "exporters": [EXPORTER[protocol]]}
        return {
            "exporters": {EXPORTER[protocol]: exporter},
            "service": {"pipelines": {"traces": pipeline}},
        }

    def get_helm_values(self) -> dict[str, Any]:
        """Give Helm values in the layout of ADR-0035."""
        return {
            "jaeger": {
                "enabled": True,
                "storage": {"type": self.config.storage},
                "query": {"service": {"type": self.config.query_service}},
            }
        }

    def validate_connection(self) -> bool:
        """Ask Jaeger's query API for its services.

        Raises:
            ConnectionError: nothing answers there, or it is not Jaeger.
            CredentialError: the query API refuses the credentials.
        """
        url = f"{self.config.query_url.rstrip('/')}/api/v3/services"
        answer = ask_backend(
            url,
            backend="Jaeger",
            headers=self.config.query_headers,
            timeout_s=self.config.timeout,
        )
        if not isinstance(answer, dict) or not isinstance(answer.get("services", []), list):
            message = f"what answers at {url} is not Jaeger's query API: set query_url"
            raise ConnectionError(message)
        return True
