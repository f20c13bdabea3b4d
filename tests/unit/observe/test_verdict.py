"""What a session comes to, and how it is written."""

from __future__ import annotations

from dataclasses import replace
from xml.etree import ElementTree as ET

import pytest

from floe_local.observe.session.model import Metric, ObservedSession, TakenRequest, TapFault
from floe_local.observe.verdict import TAKING, Settings, Stored, judge
from floe_local.report.junit import verdict_junit
from floe_local.report.verdict import verdict_text
from tests.unit.observe.conftest import event, session_of
from tests.unit.observe.test_rules import SOUND, span, spans

WARNED = session_of(event("COMPLETE"))


def test_a_sound_session_is_green() -> None:
    verdict = judge(SOUND, Settings())
    assert verdict.ok
    assert verdict.reason == "2 events: no findings"
    assert verdict.jobs["ns/job"].states == {"COMPLETE": 1}
    assert verdict.datasets == {"postgres://db:5432/d.s.in": 1, "postgres://db:5432/d.s.out": 1}


@pytest.mark.parametrize(
    ("session", "settings", "ok"),
    [
        (ObservedSession(), Settings(), False),
        (ObservedSession(), Settings(allow_empty=True), True),
        (WARNED, Settings(), True),
        (WARNED, Settings(fail_on="warning"), False),
        (WARNED, Settings(fail_on="warning", ignore=frozenset({"no-start"})), True),
        (session_of(event("START")), Settings(), False),
        (session_of(event("START")), Settings(profiles=("otel",)), True),
    ],
)
def test_what_fails_is_what_was_said_to(
    session: ObservedSession, settings: Settings, *, ok: bool
) -> None:
    assert judge(session, settings).ok is ok


@pytest.mark.parametrize(
    ("request_", "code"),
    [
        (TakenRequest(1, 0, "otlp-http", "/v1/traces", problem="no OTLP"), "unreadable"),
        (TakenRequest(1, 0, "otlp-http", "/v1/traces"), "not-acknowledged"),
        (TakenRequest(1, 0, "otlp-grpc", "/x", status="gRPC 14", message="gone"), "not-acknowledged"),
        (TakenRequest(1, 0, "otlp-grpc", "/x", status="gRPC 0", rejected=3), "not-acknowledged"),
        (TakenRequest(1, 0, "openlineage", "/lineage", status="HTTP 201", acknowledged=True), "wrong-path"),
    ],
)  # fmt: skip
def test_a_request_that_went_wrong_is_found(request_: TakenRequest, code: str) -> None:
    verdict = judge(replace(SOUND, requests=(request_,)), Settings())
    assert code in {finding.code for finding in verdict.findings}


@pytest.mark.parametrize(
    "code", ["spool", "still-connected", "session-cut-short", "no-json", "no-otlp"]
)
def test_a_fault_is_found(code: str) -> None:
    verdict = judge(replace(SOUND, faults=(TapFault(code, "it went wrong"),)), Settings())
    assert [finding.code for finding in verdict.findings] == [code]
    assert code in TAKING


def test_the_report_says_it_all() -> None:
    metric = Metric("rows", "gauge", "", 1, {"service.name": "shop"}, "request 1")
    second = event("START", run_id="01941f29-7c00-7000-8000-000000000009")
    second["job"] = {"namespace": "ns", "name": "next"}
    second["inputs"], second["outputs"] = event()["outputs"], []
    session = replace(
        session_of(event("START", 0), event("COMPLETE", 1), second),
        spans=tuple(replace(span(parent_id="c" * 16), span_id=f"{n:016x}") for n in range(1, 6)),
        requests=spans().requests,
        metrics=(metric,),
    )
    stored = (Stored("tracer", "spans", 5, 4),)
    text = verdict_text(
        judge(session, Settings(ignore=frozenset({"not-acknowledged"})), (), stored)
    )
    assert (
        text
        == """\
service  spans  metrics  logs
shop         5        1     0

2 jobs, 2 datasets
  ns/job   1 COMPLETE
  ns/next  1 START

lineage (> is a job)
  postgres://db:5432/d.s.in
    > ns/job
      postgres://db:5432/d.s.out
        > ns/next

tracer holds 4 of 5 acknowledged spans

error no-end: a run that starts has COMPLETE, FAIL or ABORT
  It is shown as running for ever: the process died, or its client was not closed.
  - event 3: run 01941f29-7c00-7000-8000-000000000009 of ns/next ends with START

error span-parent (5 times): the parent of a span comes, too
  The trace falls into pieces: the parent was dropped, not ended, or not flushed.
  - request 1: span 'load' (0000000000000001) of shop: its parent cccccccccccccccc never came
  - request 1: span 'load' (0000000000000002) of shop: its parent cccccccccccccccc never came
  - request 1: span 'load' (0000000000000003) of shop: its parent cccccccccccccccc never came
  … and 2 more

red: 5 spans, 1 metric, 3 events: 6 errors
"""
    )


def test_a_lineage_that_goes_in_a_circle_ends() -> None:
    content = event("COMPLETE")
    content["outputs"] = content["inputs"]
    assert "> ns/job" in verdict_text(judge(session_of(content), Settings()))


def test_junit_has_a_case_for_each_finding_and_one_for_the_whole() -> None:
    verdict = judge(session_of(event("START")), Settings())
    document = ET.fromstring(verdict_junit(verdict, "run", 1.5))  # noqa: S314 - it is our own
    suites = document if document.tag == "testsuite" else document[0]
    names = {case.attrib["name"]: [child.tag for child in case] for case in suites.iter("testcase")}
    assert names["no-end"] == ["failure"]
    assert names["run"] == ["failure"]
