"""The control port: what was received, by its keys; failures; counts."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from sandbox_recorder import control

if TYPE_CHECKING:
    from standins.recorder.tests.conftest import Recorder, StartRecorder

LINEAGE = {"name": "l", "path": "/l", "decode": "openlineage", "signal": "lineage"}
OTLP = [
    {"name": signal, "path": f"/v1/{signal}", "decode": "otlp", "signal": signal}
    for signal in ("traces", "metrics", "logs")
]
TRACE = "0123456789abcdef0123456789abcdef"


@pytest.fixture
def recorder(start: StartRecorder) -> Recorder:
    return start(routes=[LINEAGE, *OTLP])


def send_event(recorder: Recorder, run: str, job: str, kind: str) -> None:
    event = {"run": {"runId": run}, "job": {"name": job}, "eventType": kind}
    assert recorder.post("/l", json.dumps(event).encode()).status_code == 200


def events(recorder: Recorder, path: str) -> list[tuple[str, str]]:
    items = recorder.ask(f"/received/lineage/{path}")["items"]
    return [(item["run_id"], item["event"]) for item in items]


def test_it_is_ready(recorder: Recorder) -> None:
    answer = recorder.control.get("/ready")
    assert (answer.status_code, answer.get_json()) == (200, {"ready": True})


def test_events_are_found_by_run_and_by_job_in_order(recorder: Recorder) -> None:
    for run, kind in (("r1", "START"), ("r2", "START"), ("r1", "COMPLETE")):
        send_event(recorder, run, "a/b c", kind)
    assert events(recorder, "r1") == [("r1", "START"), ("r1", "COMPLETE")]
    assert len(events(recorder, "a%2Fb%20c")) == 3
    assert events(recorder, "r1?event=COMPLETE") == [("r1", "COMPLETE")]
    assert events(recorder, "a/b c?run_id=r2") == [("r2", "START")]
    assert events(recorder, "r1?event=FAIL") == []


def test_what_is_not_known_is_404(recorder: Recorder) -> None:
    answer = recorder.control.get("/received/lineage/nobody")
    assert (answer.status_code, answer.get_json()) == (404, {"items": []})
    send_event(recorder, "r1", "j", "START")
    assert recorder.control.get("/received/traces/r1").status_code == 404, "of another signal"
    assert recorder.control.get("/received/colours/r1").status_code == 404
    assert recorder.control.get("/nowhere").get_json() == {"error": "Not Found"}
    assert recorder.control.post("/ready").status_code == 405


def span(span_id: str) -> dict[str, Any]:
    return {"traceId": TRACE, "spanId": span_id, "name": "s"}


def test_traces_come_as_items_and_as_otlp(recorder: Recorder) -> None:
    scoped = [{"spans": [span("0" * 15 + "1"), span("0" * 15 + "2")]}]
    body = json.dumps({"resourceSpans": [{"scopeSpans": scoped}]}).encode()
    assert recorder.post("/v1/traces", body).status_code == 200
    found = recorder.ask(f"/received/traces/{TRACE}")
    assert [item["span_id"][-1] for item in found["items"]] == ["1", "2"]
    assert [
        group["scopeSpans"][0]["spans"][0]["spanId"][-1] for group in found["resourceSpans"]
    ] == ["1", "2"]
    one = recorder.ask(f"/received/traces/{TRACE}?span_id={'0' * 15}2")
    assert len(one["items"]) == len(one["resourceSpans"]) == 1


def test_metrics_and_logs_are_found_by_attributes(recorder: Recorder) -> None:
    attribute = {"key": "canary", "value": {"stringValue": "c1"}}
    points = [{"asInt": "1", "attributes": [attribute]}]
    metric = {"name": "m", "gauge": {"dataPoints": points}}
    metrics = {"resourceMetrics": [{"scopeMetrics": [{"metrics": [metric]}]}]}
    record = {"traceId": TRACE, "attributes": [attribute]}
    logs = {"resourceLogs": [{"scopeLogs": [{"logRecords": [record]}]}]}
    recorder.post("/v1/metrics", json.dumps(metrics).encode())
    recorder.post("/v1/logs", json.dumps(logs).encode())
    for path in ("metrics/m", "metrics/c1", f"logs/{TRACE}", "logs/c1"):
        found = recorder.ask(f"/received/{path}")
        assert len(found["items"]) == 1
        assert "resourceSpans" not in found


def test_an_answer_has_an_end(recorder: Recorder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(control, "MOST_ITEMS", 3)
    for _ in range(5):
        send_event(recorder, "r", "j", "START")
    assert len(events(recorder, "r")) == 3


def test_requests_are_told_newest_last(recorder: Recorder) -> None:
    for number in range(60):
        send_event(recorder, f"r{number}", "j", "START")
    assert [entry["number"] for entry in recorder.ask("/requests")] == list(range(11, 61))
    assert [entry["number"] for entry in recorder.ask("/requests?limit=2")] == [59, 60]


def test_everything_can_be_forgotten(recorder: Recorder) -> None:
    send_event(recorder, "r", "j", "START")
    assert recorder.control.delete("/received").status_code == 200
    assert recorder.control.get("/received/lineage/r").status_code == 404
    assert recorder.ask("/requests") == []
    counts = recorder.ask("/counts")
    assert counts["requests"] == counts["items"]["lineage"] == 0
    send_event(recorder, "r", "j", "START")
    assert len(events(recorder, "r")) == 1


def test_a_failure_in_force_is_told(recorder: Recorder) -> None:
    assert recorder.ask("/fail") == {"fail": None}
    recorder.control.put("/fail", json={"status": 429, "times": 3, "retry_after": 2})
    recorder.post("/l")
    left = {"status": 429, "times": 2, "retry_after": 2, "path": None}
    assert recorder.ask("/fail") == {"fail": left}
    recorder.control.delete("/fail")
    assert recorder.ask("/fail") == {"fail": None}


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        (None, "with status"),
        ([], "with status"),
        ({}, "with status"),
        ({"status": 500, "often": 1}, "with status"),
        ({"status": 200}, "from 400 to 599"),
        ({"status": "429"}, "from 400 to 599"),
        ({"status": True}, "from 400 to 599"),
        ({"status": 500, "times": 0}, "times is"),
        ({"status": 500, "times": 1.5}, "times is"),
        ({"status": 500, "retry_after": -1}, "retry_after is"),
        ({"status": 500, "path": 5}, "path is"),
    ],
)
def test_what_is_no_failure_is_refused(recorder: Recorder, given: Any, reason: str) -> None:
    answer = recorder.control.put("/fail", json=given)
    assert answer.status_code == 400
    assert reason in answer.get_json()["error"]
    assert recorder.ask("/fail") == {"fail": None}
