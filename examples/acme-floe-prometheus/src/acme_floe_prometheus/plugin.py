"""Prometheus as a telemetry backend: it scrapes metrics from the Collector."""

from __future__ import annotations

from typing import Any

from acme_floe_prometheus.config import PrometheusConfig
from floe_local.plugin_api import Configured, TelemetryBackendPlugin, ask_backend

SCRAPED_PORT = 8889
"""Where the Collector shows its metrics; prometheus.yml names it, too."""


class PrometheusPlugin(Configured[PrometheusConfig], TelemetryBackendPlugin):
    """Telemetry backend plugin for Prometheus: metrics only, pulled.

    Keywords are the fields of `PrometheusConfig`.
    """

    name = "prometheus"
    version = "0.1.0"
    floe_api_version = "2.0.0"
    config_model = PrometheusConfig

    def get_otlp_exporter_config(self) -> dict[str, Any]:
        """Give the exporter that Prometheus scrapes, and its pipeline."""
        exporter = {
            "endpoint": f"0.0.0.0:{SCRAPED_PORT}",
            # A metric keeps the name that the code gave it, with dots as underscores.
            "translation_strategy": "UnderscoreEscapingWithoutSuffixes",
            "metric_expiration": f"{self.config.expiration_s}s",
            "const_labels": self.config.labels,
        }
        pipeline = {"receivers": ["otlp"], "exporters": ["prometheus"]}
        return {
            "exporters": {"prometheus": exporter},
            "service": {"pipelines": {"metrics": pipeline}},
        }

    def get_helm_values(self) -> dict[str, Any]:
        """Give the values that Acme's chart needs to scrape the Collector."""
        target = f"otel-collector:{SCRAPED_PORT}"
        scrape = {"job_name": "otel-collector", "static_configs": [{"targets": [target]}]}
        return {"prometheus": {"enabled": True, "extraScrapeConfigs": [scrape]}}

    def validate_connection(self) -> bool:
        """Ask Prometheus whether its last scrape of the Collector went well.

        Raises:
            ConnectionError: nothing answers there, it is no Prometheus, or it does not
                reach the Collector.
            CredentialError: something before it wants credentials.
        """
        url = f"{self.config.url}/api/v1/query?query=up"
        answer = ask_backend(url, backend="Prometheus", timeout_s=self.config.timeout)
        if not isinstance(answer, dict) or "data" not in answer:
            message = f"what answers at {self.config.url} is not Prometheus: set url"
            raise ConnectionError(message)
        states = {row["metric"].get("job"): row["value"][1] for row in answer["data"]["result"]}
        if states.get("otel-collector") != "1":
            message = f"Prometheus does not reach the Collector on port {SCRAPED_PORT}: open it"
            raise ConnectionError(message)
        return True
