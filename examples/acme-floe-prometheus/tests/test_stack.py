"""A real Prometheus receives: floe-local's canaries, and a metric of one's own."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any
from urllib.parse import quote
from urllib.request import urlopen

from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader

if TYPE_CHECKING:
    from floe_local.testing import FloeLocal

DEADLINE_S = 30


def series_of(stack: FloeLocal, query: str) -> list[dict[str, Any]]:
    """The series that a PromQL query finds, once it finds any."""
    url = f"{stack.endpoints['prometheus.api']}api/v1/query?query={quote(query)}"
    deadline = time.monotonic() + DEADLINE_S
    while time.monotonic() < deadline:
        with urlopen(url, timeout=5) as answer:  # noqa: S310 - loopback
            found: list[dict[str, Any]] = json.load(answer)["data"]["result"]
        if found:
            return found
        time.sleep(0.2)
    return []


def test_every_kind_of_metric_is_read_back(floe_stack: FloeLocal) -> None:
    report = floe_stack.smoke_test(strict=True)

    verdicts = {(c.signal.value, c.protocol): c.verdict.value for c in report.checks}
    assert report.ok, report.reason
    assert verdicts["metrics", "grpc"] == verdicts["metrics", "http"] == "received"


def test_a_pipeline_s_metric_keeps_its_name(floe_stack: FloeLocal) -> None:
    address = floe_stack.env(protocol="http/protobuf")["OTEL_EXPORTER_OTLP_ENDPOINT"]
    reader = PeriodicExportingMetricReader(OTLPMetricExporter(f"{address}/v1/metrics"))
    provider = MeterProvider([reader])
    provider.get_meter("acme").create_counter("acme.orders", unit="1").add(7, {"shop": "berlin"})
    provider.shutdown()

    (series,) = series_of(floe_stack, 'acme_orders{shop="berlin"}')

    assert series["value"][1] == "7"
