"""Capture in tests: what the code under test sends, by real clients."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
from openlineage.client import OpenLineageClient
from openlineage.client.event_v2 import Job, Run, RunEvent, RunState
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor

from floe_local.testing import Capture
from tests.unit.observe.conftest import PRODUCER, RUN

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
