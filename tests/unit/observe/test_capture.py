"""Capture in tests: what the code under test sends, by real clients."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
import requests
from openlineage.client import OpenLineageClient
from openlineage.client.event_v2 import Job, Run, RunEvent, RunState
from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import SimpleLogRecordProcessor
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor

from floe_local.testing import Capture
from tests.unit.observe.conftest import PRODUCER, RUN, SCHEMA, event

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(autouse=True)
def _plain(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith(("OTEL_", "OPENLINEAGE"))]:
        monkeypatch.delenv(name)


def emit(*kinds: RunState, **datasets: Any) -> None:
    """Send events by the real client, which reads the environment."""
    client = OpenLineageClient()
    for kind in kinds:
        client.emit(
            RunEvent(
                eventType=kind,
                eventTime="2026-01-01T00:00:00Z",
                run=Run(RUN),
                job=Job("ns", "load"),
                producer=PRODUCER,
                **datasets,
            )
        )
    client.close(1)


def test_runs_and_spans_of_real_clients(floe_capture: Capture) -> None:
    emit(RunState.START, RunState.COMPLETE)
    provider = TracerProvider(resource=Resource.create({"service.name": "shop"}))
    endpoint = f"{floe_capture.env['OTEL_EXPORTER_OTLP_ENDPOINT']}/v1/traces"
    provider.add_span_processor(SimpleSpanProcessor(OTLPSpanExporter(endpoint=endpoint)))
    with provider.get_tracer("x").start_as_current_span("root"):
        pass
    provider.shutdown()
    run = floe_capture.await_run("load", state="COMPLETE")
    span = floe_capture.await_span("root", service="shop")
    assert run.types == ("START", "COMPLETE")
    assert span.service == "shop"
    assert floe_capture.jobs.keys() == {"ns/load"}
    assert floe_capture.runs.keys() == {RUN}
    assert len(floe_capture.events) == 2
    assert not floe_capture.datasets
    assert not floe_capture.edges
    assert not floe_capture.columns
    assert (floe_capture.metrics, floe_capture.logs) == ((), ())
    floe_capture.assert_received()
    floe_capture.assert_sound()


def test_a_process_that_is_started_sends_there_too(floe_capture: Capture) -> None:
    script = (
        "import os, urllib.request as r; r.urlopen(r.Request(os.environ['OPENLINEAGE_URL'], b'{}'))"
    )
    subprocess.run([sys.executable, "-c", script], check=True)
    assert floe_capture.events == [{}]


def test_a_failure_is_an_assertion_that_carries_the_report(floe_capture: Capture) -> None:
    emit(RunState.START)
    with pytest.raises(AssertionError, match=r"error no-end(.|\n)*red: 1 event: 1 error"):
        floe_capture.assert_sound()
    floe_capture.assert_sound(ignore=["no-end"])
    with pytest.raises(AssertionError, match=r"no run of load in state COMPLETE came within 0.1 s"):
        floe_capture.await_run("load", state="COMPLETE", deadline_s=0.1)
    with pytest.raises(AssertionError, match=r"no span 'root' came"):
        floe_capture.await_span("root", deadline_s=0.1)


def test_nothing_at_all_is_not_received(floe_capture: Capture) -> None:
    with pytest.raises(AssertionError, match="nothing came"):
        floe_capture.assert_received()


def test_two_captures_do_not_hear_each_other(floe_capture: Capture, tmp_path: Path) -> None:
    with Capture(folder=tmp_path) as other:
        emit(RunState.START)
        floe_capture.await_run("ns/load")
        assert other.events == []
        assert other.env["OPENLINEAGE_URL"] != floe_capture.env["OPENLINEAGE_URL"]


def test_what_events_say_of_datasets_and_columns(floe_capture: Capture) -> None:
    table = "postgres://db:5432/d.s"
    made = {
        "fields": {
            "id": {
                "inputFields": [
                    {"namespace": "postgres://db:5432", "name": "d.s.in", "field": "id"}
                ]
            }
        }
    }
    [output] = event()["outputs"]
    facets = {**output["facets"], "columnLineage": made}
    post_event(event("START", 0), event(outputs=[{**output, "facets": facets}]))
    floe_capture.await_run("ns/job", state="COMPLETE")
    assert floe_capture.datasets.keys() == {f"{table}.in", f"{table}.out"}
    assert floe_capture.datasets[f"{table}.in"] == SCHEMA
    assert floe_capture.edges == {(f"{table}.in", "ns/job", f"{table}.out")}
    [column] = floe_capture.columns
    assert (str(column.source), column.source_field) == (f"{table}.in", "id")
    assert (str(column.target), column.target_field) == (f"{table}.out", "id")


def test_metrics_and_logs_of_real_clients(floe_capture: Capture) -> None:
    url = floe_capture.env["OTEL_EXPORTER_OTLP_ENDPOINT"]
    resource = Resource.create({"service.name": "shop"})
    reader = PeriodicExportingMetricReader(OTLPMetricExporter(f"{url}/v1/metrics"))
    meters = MeterProvider([reader], resource)
    meters.get_meter("x").create_counter("orders", unit="1").add(3)
    meters.shutdown()
    loggers = LoggerProvider(resource)
    loggers.add_log_record_processor(SimpleLogRecordProcessor(OTLPLogExporter(f"{url}/v1/logs")))
    loggers.get_logger("x").emit(body="done", severity_text="WARN")
    loggers.shutdown()
    [metric], [record] = floe_capture.metrics, floe_capture.logs
    assert (metric.name, metric.kind, metric.unit, metric.points) == ("orders", "sum", "1", 1)
    assert (record.body, record.severity) == ("done", "WARN")
    floe_capture.assert_received()


def test_a_full_disk_fails_what_is_received(floe_capture: Capture) -> None:
    post_event(event("START", 0))
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, limits[1]))
    try:
        post_event(event(blob="x" * (2 << 20)))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert len(floe_capture.events) == 1
    with pytest.raises(AssertionError, match=r"error spool(.|\n)*File too large"):
        floe_capture.assert_received()


def post_event(*contents: Any) -> None:
    for content in contents:
        requests.post(os.environ["OPENLINEAGE_URL"], json=content, timeout=10).raise_for_status()
