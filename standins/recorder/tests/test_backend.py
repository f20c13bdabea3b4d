"""The port that plays the backend: routes, refusals in its words, what is kept and shown."""

from __future__ import annotations

import gzip
import json
import sqlite3
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from standins.recorder.tests.conftest import Recorder, StartRecorder

RUN = "01890000-0000-7000-8000-000000000000"
KEY = "0f10e0f10e0f10e0f10e0f10e0f10e0f"
EVENT: dict[str, Any] = {
    "eventTime": "2026-01-01T00:00:00Z",
    "eventType": "COMPLETE",
    "producer": "https://example.test",
    "schemaURL": "https://example.test/s.json",
    "run": {"runId": RUN},
    "job": {"namespace": "n", "name": "j"},
}
LINEAGE: dict[str, Any] = {
    "name": "lineage",
    "path": "/events/{connector}/lineage",
    "content_types": ["application/json"],
    "limit": 2000,
    "decode": "openlineage",
    "signal": "lineage",
    "schema": "openlineage",
    "answer": {"status": 201, "body": {"taken": True}, "headers": {"X-Answer": "yes"}},
}
PATH = "/events/floe/lineage"
HEADER = {"kind": "header", "header": "X-Key", "value": KEY, "form": "[0-9a-f]{32}"}


def sent(**changes: Any) -> bytes:
    return json.dumps({**EVENT, **changes}).encode()


def event(start: StartRecorder, **route: Any) -> Recorder:
    return start(routes=[{**LINEAGE, **route}])


def test_a_request_is_answered_kept_and_told(start: StartRecorder) -> None:
    recorder = start(routes=[LINEAGE], credential=HEADER)
    answer = recorder.post(PATH, sent(), X_Key=KEY)
    assert answer.status_code == 201
    assert answer.get_json() == {"taken": True}
    assert answer.headers["X-Answer"] == "yes"
    assert answer.headers["Server"].startswith("floe-local-sandbox/")
    (item,) = recorder.ask(f"/received/lineage/{RUN}")["items"]
    assert item == {**EVENT, "run_id": RUN, "job_name": "j", "event": "COMPLETE"}
    entry = recorder.last()
    assert entry["at"].startswith("20")
    assert entry == {
        "number": 1,
        "at": entry["at"],
        "method": "POST",
        "path": PATH,
        "status": 201,
        "content_type": "application/json",
        "encoding": "identity",
        "bytes": len(sent()),
        "credential": "0f10…",
        "signal": "lineage",
        "items": 1,
        "reason": None,
        "outcome": "accepted",
    }


REFUSALS: list[tuple[str, str, str, bytes, dict[str, str], int, str]] = [
    ("no-credential", "POST", PATH, sent(), {}, 401, "no header X-Key"),
    ("wrong", "POST", PATH, sent(), {"X-Key": "f" * 32}, 403, "not the sandbox's dummy"),
    ("path", "POST", "/events/lineage", sent(), {"X-Key": KEY}, 404, "no such path"),
    ("doubled", "POST", f"{PATH}{PATH}", sent(), {"X-Key": KEY}, 404, "no such path"),
    ("slash", "POST", f"{PATH}/", sent(), {"X-Key": KEY}, 404, "no such path"),
    ("root", "GET", "/", b"", {}, 404, "no such path"),
    ("method", "PUT", PATH, sent(), {"X-Key": KEY}, 405, "method PUT on a path for POST"),
    ("type", "POST", PATH, sent(), {"X-Key": KEY, "Content-Type": "a/b"}, 415, "type a/b, not"),
    ("no-type", "POST", PATH, sent(), {"X-Key": KEY, "Content-Type": ""}, 415, "type missing"),
    ("coding", "POST", PATH, sent(), {"X-Key": KEY, "Content-Encoding": "zstd"}, 415, "zstd, not"),
    ("no-gzip", "POST", PATH, sent(), {"X-Key": KEY, "Content-Encoding": "gzip"}, 400, "gzip"),
    ("large", "POST", PATH, sent(x="x" * 2000), {"X-Key": KEY}, 413, "larger than 2000"),
    (
        "bomb",
        "POST",
        PATH,
        gzip.compress(bytes(10**6)),
        {"X-Key": KEY, "Content-Encoding": "gzip"},
        413,
        "larger than 2000",
    ),
    ("json", "POST", PATH, b"{", {"X-Key": KEY}, 400, "no JSON"),
    ("schema", "POST", PATH, sent(eventType="X"), {"X-Key": KEY}, 400, "eventType: 'X' is not"),
]


@pytest.mark.parametrize("case", REFUSALS, ids=lambda case: case[0])
def test_what_the_backend_would_refuse_is_refused_and_told(
    start: StartRecorder, case: tuple[str, str, str, bytes, dict[str, str], int, str]
) -> None:
    _, method, path, body, headers, status, reason = case
    recorder = start(routes=[LINEAGE], credential=HEADER)
    named = {"Content-Type": "application/json", **headers}
    answer = recorder.backend.open(path, method=method, data=body, headers=named)
    assert answer.status_code == status
    entry = recorder.last()
    assert (entry["status"], entry["outcome"], entry["items"]) == (status, "refused", 0)
    assert reason in entry["reason"]
    counts = recorder.ask("/counts")
    assert (counts["requests"], counts["refused"], counts["items"]["lineage"]) == (1, 1, 0)
    assert KEY not in json.dumps(entry)


def test_a_refusal_is_in_the_backends_words(start: StartRecorder) -> None:
    forbidden = {"body": {"errors": ["Forbidden"]}, "headers": {"X-Why": "key"}}
    words = {"403": forbidden, 401: {"content_type": "text/plain", "body": "who?"}}
    recorder = start(routes=[LINEAGE], credential=HEADER, answers=words)
    answer = recorder.post(PATH, X_Key="wrong")
    assert answer.get_json() == {"errors": ["Forbidden"]}
    assert answer.headers["X-Why"] == "key"
    missing = recorder.post(PATH)
    assert (missing.text, missing.content_type) == ("who?", "text/plain")
    assert recorder.post("/nowhere").get_json() == {"error": "Not Found"}


def test_a_path_for_another_method_names_it(start: StartRecorder) -> None:
    assert event(start).backend.get(PATH).headers["Allow"] == "POST"


def test_query_and_parameters_do_not_change_the_route(start: StartRecorder) -> None:
    recorder = event(start)
    kind = "application/json; charset=utf-8"
    assert recorder.post(f"{PATH}?api_key={KEY}", sent(), Content_Type=kind).status_code == 201
    assert recorder.last()["path"] == PATH, "a query may hold a credential"


def test_a_segment_may_be_encoded(start: StartRecorder) -> None:
    assert event(start).post("/events/a%2Fb/lineage", sent()).status_code == 201


def test_what_is_not_decoded_is_counted(start: StartRecorder) -> None:
    route = {"name": "stats", "path": "/stats", "answer": {"status": 202}}
    recorder = start(routes=[route])
    assert recorder.post("/stats", b"\x81anything").status_code == 202
    assert recorder.ask("/counts")["accepted"] == 1


@pytest.mark.parametrize(
    ("kind", "body", "answer"),
    [("application/json", b"{}", b"{}"), ("application/x-protobuf", b"", b"")],
)
def test_otlp_is_answered_in_its_own_encoding(
    start: StartRecorder, kind: str, body: bytes, answer: bytes
) -> None:
    route = {"name": "t", "path": "/v1/traces", "decode": "otlp", "signal": "traces"}
    got = start(routes=[route]).post("/v1/traces", body, Content_Type=kind)
    assert (got.status_code, got.data, got.content_type) == (200, answer, kind)


COMPLETE_ONLY = {"query": "eventType == 'COMPLETE'", "reason": "only COMPLETE counts"}
WITH_INPUTS = {"query": "length(inputs) > `0`", "reason": "no inputs", "status": 422}


def test_what_a_rule_ignores_is_answered_and_not_kept(start: StartRecorder) -> None:
    recorder = event(start, rules=[COMPLETE_ONLY])
    assert recorder.post(PATH, sent(eventType="START")).status_code == 201
    assert recorder.last()["reason"] == "only COMPLETE counts"
    assert recorder.last()["outcome"] == "ignored"
    assert recorder.control.get(f"/received/lineage/{RUN}").status_code == 404
    assert recorder.post(PATH, sent()).status_code == 201
    assert len(recorder.ask(f"/received/lineage/{RUN}")["items"]) == 1
    counts = recorder.ask("/counts")
    assert (counts["requests"], counts["accepted"], counts["ignored"]) == (2, 1, 1)


def test_a_rule_with_a_status_refuses(start: StartRecorder) -> None:
    recorder = event(start, rules=[COMPLETE_ONLY, WITH_INPUTS])
    assert recorder.post(PATH, sent()).status_code == 422, "length() of what is not there"
    assert recorder.post(PATH, sent(inputs=[])).status_code == 422
    assert recorder.last()["reason"] == "no inputs"
    assert recorder.post(PATH, sent(inputs=[{"namespace": "n", "name": "d"}])).status_code == 201


def test_failures_on_demand_come_first_and_are_used_up(start: StartRecorder) -> None:
    recorder = start(routes=[LINEAGE], credential=HEADER, answers={503: {"body": "busy"}})
    recorder.control.put("/fail", json={"status": 503, "times": 2, "retry_after": 7})
    for _ in range(2):
        answer = recorder.post(PATH)
        assert (answer.status_code, answer.headers["Retry-After"]) == (503, "7")
        assert answer.text == "busy"
    assert recorder.last()["reason"] == "failure on demand"
    assert recorder.post(PATH, sent(), X_Key=KEY).status_code == 201


def test_too_many_requests_always_says_when_to_come_back(start: StartRecorder) -> None:
    recorder = event(start)
    recorder.control.put("/fail", json={"status": 429})
    assert recorder.post(PATH).headers["Retry-After"] == "1"


def test_a_failure_may_be_of_one_path_and_last(start: StartRecorder) -> None:
    recorder = event(start)
    recorder.control.put("/fail", json={"status": 500, "times": None, "path": PATH})
    assert recorder.post("/events/other/lineage", sent()).status_code == 201
    assert {recorder.post(PATH, sent()).status_code for _ in range(5)} == {500}
    recorder.control.delete("/fail")
    assert recorder.post(PATH, sent()).status_code == 201


def test_a_store_that_fails_is_a_fault_of_the_backend(start: StartRecorder) -> None:
    recorder = event(start)
    recorder.store.close()
    answer = recorder.post(PATH, sent())
    assert answer.status_code == 500
    assert "Traceback" not in answer.text
    assert recorder.control.get("/ready").status_code == 500


def test_half_a_character_is_kept(start: StartRecorder) -> None:
    recorder = event(start)
    body = sent().replace(b'"j"', b'"\\ud800"')
    try:
        assert recorder.post(PATH, body).status_code == 201
    except sqlite3.Error as problem:  # pragma: no cover - what this test is about
        pytest.fail(str(problem))
    assert len(recorder.ask(f"/received/lineage/{RUN}")["items"]) == 1
