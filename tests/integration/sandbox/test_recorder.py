"""The built recorder, sent to by the real Collector and by hand."""

from __future__ import annotations

import gzip
import json
import re
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest
import requests
from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.metrics import Histogram
from opentelemetry.sdk.metrics.export import AggregationTemporality
from testcontainers.core.container import DockerContainer

from floe_local.plan.blueprint.lookup import find_blueprints
from floe_local.plan.blueprint.model import Recording
from floe_local.plan.values import Signal
from floe_local.prove.canaries import plan
from floe_local.signals import logs, metrics, traces
from floe_local.signals.shared.difference import differences
from floe_local.signals.shared.otlp_json import decode_spans, spans_of_plan
from tests.containers import started
from tests.integration.sandbox.conftest import located

if TYPE_CHECKING:
    from pathlib import Path

    from floe_local.prove.canaries import Canaries
    from tests.integration.sandbox.conftest import Recorder, StartCollector, StartRecorder

pytestmark = pytest.mark.integration

SIGNALS = frozenset({Signal.TRACES, Signal.METRICS, Signal.LOGS})
OTLP_ROUTES = [
    {
        "name": signal,
        "path": f"/otlp/v1/{signal}",
        "content_types": ["application/x-protobuf", "application/json"],
        "decode": "otlp",
        "signal": signal,
    }
    for signal in ("traces", "metrics", "logs")
]
LINEAGE_ROUTE: dict[str, Any] = {
    "name": "lineage",
    "path": "/lineage",
    "content_types": ["application/json"],
    "decode": "openlineage",
    "signal": "lineage",
    "schema": "openlineage",
    "limit": 100_000,
}


def send(canaries: Canaries, collector: str) -> None:
    """Send traces, metrics and logs; histograms as what came since the last."""
    traces.send(canaries.of(Signal.TRACES), OTLPSpanExporter(f"{collector}/v1/traces"))
    delta: dict[type, Any] = {Histogram: AggregationTemporality.DELTA}
    exporter = OTLPMetricExporter(f"{collector}/v1/metrics", preferred_temporality=delta)
    metrics.send(canaries.of(Signal.METRICS), exporter)
    logs.send(canaries.of(Signal.LOGS), OTLPLogExporter(f"{collector}/v1/logs"))


def canaries() -> Canaries:
    return plan("floe", ("http",), SIGNALS)


def event(run: str, **changes: Any) -> dict[str, Any]:
    return {
        "eventTime": "2026-01-01T00:00:00Z",
        "eventType": "COMPLETE",
        "producer": "https://example.test",
        "schemaURL": "https://example.test/schema.json",
        "run": {"runId": run},
        "job": {"namespace": "n", "name": f"job-{run}"},
        **changes,
    }


@pytest.mark.parametrize("encoding", ["proto", "json"])
def test_otlp_of_a_real_collector_is_whole(
    start_recorder: StartRecorder, start_collector: StartCollector, encoding: str
) -> None:
    recorder = start_recorder(
        routes=OTLP_ROUTES,
        credential={"kind": "basic", "value": {"username": "123", "password": "dummy"}},
    )
    authenticator = "basicauth/x"
    exporter = {
        "endpoint": f"{recorder.inside}/otlp",
        "encoding": encoding,
        "auth": {"authenticator": authenticator},
    }
    extension = {"client_auth": {"username": "123", "password": "dummy"}}
    address = start_collector({"otlp_http": exporter}, {authenticator: extension})
    sent = canaries()
    send(sent, address)
    for trace in sent.of(Signal.TRACES):
        recorder.wait_for(f"traces/{trace.trace_id}", len(trace.spans))
        found = recorder.ask(f"/received/traces/{trace.trace_id}")
        assert (
            differences("trace", spans_of_plan(trace), decode_spans(found["resourceSpans"])) == []
        )
    for metric in sent.of(Signal.METRICS):
        (item,) = recorder.wait_for(f"metrics/{metric.name}")
        assert (item["value"], item["unit"]) == (metric.value, metric.unit)
        assert item["instrument"] == metric.instrument
        assert metric.attributes.items() <= item["attributes"].items()
    for log in sent.of(Signal.LOGS):
        (item,) = recorder.wait_for(f"logs/{log.trace_id}")
        assert (item["body"], item["severity"], item["span_id"]) == (
            log.body,
            log.severity,
            log.span_id,
        )
    assert {told["outcome"] for told in recorder.requests()} == {"accepted"}


def test_a_signature_of_a_real_collector_is_verified(
    start_recorder: StartRecorder, start_collector: StartCollector
) -> None:
    dummy = {"access_key": "AKIDSANDBOX", "secret_key": "dummy", "service": "xray"}
    recorder = start_recorder(
        routes=OTLP_ROUTES, credential={"kind": "sigv4", "value": {**dummy, "region": "eu-west-1"}}
    )
    extension = {"region": "eu-west-1", "service": "xray"}
    exporter = {"endpoint": f"{recorder.inside}/otlp", "auth": {"authenticator": "sigv4auth"}}
    keys = {"AWS_ACCESS_KEY_ID": "AKIDSANDBOX", "AWS_SECRET_ACCESS_KEY": "dummy"}
    address = start_collector({"otlp_http": exporter}, {"sigv4auth": extension}, keys)
    wrong = {**keys, "AWS_SECRET_ACCESS_KEY": "another"}
    other = start_collector({"otlp_http": exporter}, {"sigv4auth": extension}, wrong)
    sent, refused = canaries(), canaries()
    send(refused, other)
    send(sent, address)
    for trace in sent.of(Signal.TRACES):
        recorder.wait_for(f"traces/{trace.trace_id}", len(trace.spans))
    assert not any(
        recorder.items(f"traces/{trace.trace_id}") for trace in refused.of(Signal.TRACES)
    )
    told = recorder.requests()
    assert {one["credential"] for one in told} == {"SigV4 AKID…"}
    reasons = {one["reason"] for one in told if one["status"] == 403}
    assert reasons == {"the signature does not match the request and the sandbox's dummy secret"}


def test_datadogs_own_exporter_is_understood(
    start_recorder: StartRecorder, start_collector: StartCollector
) -> None:
    blueprint = find_blueprints(["datadog"])["datadog"].blueprint
    assert blueprint.sandbox is not None
    kept = set(Recording.model_fields)
    recorder = start_recorder(
        **blueprint.sandbox.model_dump(mode="json", by_alias=True, include=kept)
    )
    assert blueprint.sandbox.credential is not None
    exporter = {
        "api": {"key": blueprint.sandbox.credential.value, "site": "datadoghq.com"},
        **{signal: {"endpoint": recorder.inside} for signal in ("traces", "metrics", "logs")},
        "hostname": "here",
        "host_metadata": {"enabled": False},
    }
    sent = canaries()
    send(sent, start_collector({"datadog": exporter}))
    for trace in sent.of(Signal.TRACES):
        items = recorder.wait_for(f"traces/{trace.trace_id}", len(trace.spans))
        expected = {
            (span.span_id, span.parent_id or "", span.service, span.name) for span in trace.spans
        }
        assert expected == {
            (item["span_id"], item["parent_id"], item["service"], item["resource"])
            for item in items
        }
    for metric in sent.of(Signal.METRICS):
        (item,) = recorder.wait_for(f"metrics/{metric.name}")
        assert item["value"] == metric.value
        assert item["attributes"]["floe.canary"] == metric.canary
    for log in sent.of(Signal.LOGS):
        (item,) = recorder.wait_for(f"logs/{log.trace_id}")
        assert (item["body"], item["severity"]) == (log.body, log.severity)
    refused = [one for one in recorder.requests() if one["outcome"] != "accepted"]
    assert refused == []


@pytest.fixture(scope="module")
def lineage(start_recorder: StartRecorder) -> Recorder:
    """A recorder that takes events; for tests that use run ids of their own."""
    return start_recorder(routes=[LINEAGE_ROUTE])


def test_an_event_is_checked_and_found(lineage: Recorder) -> None:
    run = str(uuid4())
    assert requests.post(f"{lineage.played}/lineage", json=event(run), timeout=10).ok
    wrong = requests.post(f"{lineage.played}/lineage", json=event("42"), timeout=10)
    assert wrong.status_code == 400
    (item,) = lineage.items(f"lineage/{run}")
    assert item["job"]["name"] == f"job-{run}"
    assert "run.runId: '42' is not a 'uuid'" in lineage.requests()[-1]["reason"]


def test_failures_on_demand_over_the_wire(lineage: Recorder) -> None:
    requests.put(f"{lineage.control}/fail", json={"status": 429, "retry_after": 3}, timeout=10)
    first, second = (
        requests.post(f"{lineage.played}/lineage", json=event(str(uuid4())), timeout=10)
        for _ in range(2)
    )
    assert (first.status_code, first.headers["Retry-After"]) == (429, "3")
    assert second.status_code == 200


def test_a_collector_tries_again_after_failures(
    start_recorder: StartRecorder, start_collector: StartCollector
) -> None:
    recorder = start_recorder(routes=OTLP_ROUTES)
    retry = {"initial_interval": "100ms"}
    exporter = {"endpoint": f"{recorder.inside}/otlp", "retry_on_failure": retry}
    address = start_collector({"otlp_http": exporter})
    requests.put(f"{recorder.control}/fail", json={"status": 503, "times": 3}, timeout=10)
    sent = canaries()
    send(sent, address)
    for trace in sent.of(Signal.TRACES):
        recorder.wait_for(f"traces/{trace.trace_id}", len(trace.spans))
    assert recorder.ask("/counts")["refused"] == 3


def test_a_bomb_is_refused_and_memory_stays(lineage: Recorder) -> None:
    bomb = gzip.compress(bytes(256 * 1024 * 1024))
    before = resident(lineage)
    headers = {"Content-Type": "application/json", "Content-Encoding": "gzip"}
    for wire in (bomb, bomb[:50_000]):
        answer = requests.post(f"{lineage.played}/lineage", data=wire, headers=headers, timeout=30)
        assert answer.status_code == 413
    assert resident(lineage) < before + 32 * 1024


def test_a_body_in_chunks_is_read(lineage: Recorder) -> None:
    run = str(uuid4())
    body = json.dumps(event(run)).encode()
    chunks = iter((body[:50], body[50:]))
    headers = {"Content-Type": "application/json"}
    answer = requests.post(f"{lineage.played}/lineage", data=chunks, headers=headers, timeout=10)
    assert answer.ok
    assert len(lineage.items(f"lineage/{run}")) == 1


def resident(recorder: Recorder) -> int:
    """Memory of the recorder's process, in KiB."""
    _, output = recorder.container.exec(["cat", "/proc/1/status"])
    assert isinstance(output, bytes)
    found = re.search(rb"VmRSS:\s+(\d+) kB", output)
    assert found is not None
    return int(found[1])


def test_what_was_received_outlives_a_kill(start_recorder: StartRecorder) -> None:
    recorder = start_recorder(routes=[LINEAGE_ROUTE])
    run = str(uuid4())
    assert requests.post(f"{recorder.played}/lineage", json=event(run), timeout=10).ok
    container = recorder.container.get_wrapped_container()
    container.kill()
    container.start()
    again = located(recorder.host, recorder.container)
    assert len(again.items(f"lineage/{run}")) == 1
    assert again.ask("/counts")["accepted"] == 1


def test_a_file_that_is_wrong_ends_it_with_a_reason(recorder_image: str, tmp_path: Path) -> None:
    file = tmp_path / "sandbox.yaml"
    file.write_text("backend: acme\nroutes: 5\n", "utf-8")
    container = DockerContainer(recorder_image).with_volume_mapping(
        str(file), "/etc/floe/sandbox.yaml", "ro"
    )
    with started(container):
        assert container.get_wrapped_container().wait(timeout=30)["StatusCode"] == 1
        _, errors = container.get_logs()
    assert b"/etc/floe/sandbox.yaml: sandbox: " in errors
    assert b"Traceback" not in errors
