"""What may be called received, and what a run needs to be a pass."""

from __future__ import annotations

from xml.etree import ElementTree as ET

import pytest

from floe_local.plan.values import Kind, Origin, Signal
from floe_local.prove.delivery import Ack, Delivery, ProbeResult, Sending
from floe_local.prove.report import (
    Bulk,
    Check,
    CleanupResult,
    Durations,
    Hop,
    HopName,
    HopState,
    Report,
    Verdict,
    failure_reason,
)
from floe_local.prove.targets import Targets
from floe_local.prove.verdicts import check, with_export_errors
from floe_local.report.junit import smoke_junit
from floe_local.signals.shared.difference import Difference
from tests.backends import target_of

OK = Ack(ok=True, at=1.0, seconds=0.1)
REFUSED = Ack(ok=False, at=1.0, seconds=0.1, error="refused")
WRONG = (Difference(field="span x.links.y", expected={}, found="(absent)"),)


def hop(name: HopName, state: HopState) -> Hop:
    return Hop(name=name, state=state, detail="3 of 5")


def counters(accepted: HopState, exported: HopState) -> tuple[Hop, ...]:
    return (
        hop(HopName.COLLECTOR_ACCEPTED, accepted),
        hop(HopName.COLLECTOR_EXPORTED, exported),
    )


PASSED = counters(HopState.PASSED, HopState.PASSED)
UNKNOWN = counters(HopState.UNKNOWN, HopState.UNKNOWN)


def result(*differences: Difference, never: bool = False, present: bool = False) -> ProbeResult:
    return ProbeResult(never, present, differences, 0.5)


def judged(  # noqa: PLR0917 - what a check rests on, most of it as it should be
    ack: Ack | None = OK,
    hops: tuple[Hop, ...] = PASSED,
    answers: tuple[ProbeResult, ...] = (),
    origin: Origin = Origin.UPSTREAM,
    accepts: tuple[Signal, ...] = (Signal.TRACES,),
    skip_reason: str = "",
    unexported: tuple[Signal, ...] = (),
    unset: tuple[str, ...] = (),
    exporters: tuple[str, ...] = (),
) -> Check:
    endpoints = {"query": "http://127.0.0.1:1"}
    backend = target_of(
        "b",
        Kind.TELEMETRY,
        accepts=accepts,
        unexported=unexported,
        unset={Signal.TRACES: unset} if unset else {},
        endpoints=endpoints,
        origin=origin,
        exporters={Signal.TRACES: exporters},
    )
    sending = Sending(Signal.TRACES, "grpc", "traces", "http://there")
    return check(Delivery(backend, sending, (), skip_reason, ack, hops, answers))


@pytest.mark.parametrize(
    ("origin", "verdict"),
    [
        (Origin.UPSTREAM, Verdict.RECEIVED),
        (Origin.BUILT, Verdict.RECEIVED),
        (Origin.STAND_IN, Verdict.BY_STAND_IN),
        (Origin.SANDBOX, Verdict.BY_SANDBOX),
    ],
)
def test_who_received_is_said(origin: Origin, verdict: Verdict) -> None:
    assert judged(answers=(result(), result(never=True)), origin=origin).verdict is verdict


def test_what_was_read_back_passed_the_hops_before() -> None:
    lagging = counters(HopState.FAILED, HopState.FAILED)
    assert judged(hops=lagging, answers=(result(),)).verdict is Verdict.RECEIVED


def test_what_was_not_read_back_is_accepted_at_most() -> None:
    assert judged().verdict is Verdict.ACCEPTED
    assert judged(hops=UNKNOWN).verdict is Verdict.SKIPPED
    assert judged(hops=()).verdict is Verdict.SKIPPED


def test_a_variable_that_is_missing_for_reading_back_is_named() -> None:
    found = judged(unset=("A_KEY", "B_KEY"))
    assert found.verdict is Verdict.ACCEPTED
    assert found.reason == "acknowledged; set A_KEY and B_KEY to have it read back"
    assert "set A_KEY to" in judged(hops=UNKNOWN, unset=("A_KEY",)).reason
    refused = judged(hops=counters(HopState.PASSED, HopState.FAILED), unset=("A_KEY",))
    assert (refused.verdict, refused.hop) == (Verdict.FAILED, HopName.COLLECTOR_EXPORTED)


@pytest.mark.parametrize(
    ("exporters", "verdict"),
    [
        (("prometheus/b",), Verdict.SKIPPED),
        (("prometheus", "debug"), Verdict.SKIPPED),
        (("prometheus", "otlp_grpc"), Verdict.ACCEPTED),
        (("prometheusremotewrite",), Verdict.ACCEPTED),
    ],
)
def test_what_waits_to_be_scraped_is_not_accepted(
    exporters: tuple[str, ...], verdict: Verdict
) -> None:
    assert judged(exporters=exporters).verdict is verdict
    assert judged(exporters=exporters, answers=(result(),)).verdict is Verdict.RECEIVED


@pytest.mark.parametrize(
    ("kind", "hint"), [("noop", "ends in the pipeline itself"), ("kafka", "no HTTP answer")]
)
def test_what_was_not_answered_is_not_said_to_be(kind: str, hint: str) -> None:
    sent = Ack(ok=True, at=1.0, seconds=0.1)
    backend = target_of(
        "b",
        Kind.LINEAGE,
        accepts=(Signal.LINEAGE,),
        endpoints={},
        transport={"type": kind},
    )
    sending = Sending(Signal.LINEAGE, "openlineage", "run", "there")
    found = check(Delivery(backend, sending, ack=sent, results=(result(*WRONG),)))
    assert (found.verdict, found.hop) == (Verdict.FAILED, HopName.BACKEND_STORED)
    assert "answered 2xx" not in found.hint
    assert hint in found.hint


def test_an_answer_to_the_never_sent_alone_is_no_receipt() -> None:
    assert judged(answers=(result(never=True),), hops=UNKNOWN).verdict is Verdict.SKIPPED


@pytest.mark.parametrize(
    ("ack", "hops", "answers", "broken"),
    [
        (REFUSED, (), (), HopName.CLIENT),
        (REFUSED, (), (result(never=True),), HopName.CLIENT),
        (
            OK,
            counters(HopState.FAILED, HopState.FAILED),
            (result(*WRONG),),
            HopName.COLLECTOR_ACCEPTED,
        ),
        (
            OK,
            counters(HopState.PASSED, HopState.FAILED),
            (result(*WRONG),),
            HopName.COLLECTOR_EXPORTED,
        ),
        (OK, PASSED, (result(*WRONG),), HopName.BACKEND_STORED),
        (OK, UNKNOWN, (result(*WRONG),), HopName.BACKEND_STORED),
        (OK, counters(HopState.PASSED, HopState.FAILED), (), HopName.COLLECTOR_EXPORTED),
    ],
)
def test_the_first_hop_that_broke_is_named(
    ack: Ack, hops: tuple[Hop, ...], answers: tuple[ProbeResult, ...], broken: HopName
) -> None:
    found = judged(ack, hops, answers)
    assert (found.verdict, found.hop) == (Verdict.FAILED, broken)
    assert found.hint


def test_a_yes_to_the_never_sent_comes_first() -> None:
    yes = Difference(field="trace.never-sent", expected="HTTP 404", found="HTTP 200")
    found = judged(answers=(result(*WRONG), result(yes, never=True, present=True)))
    assert found.field == "trace.never-sent"
    assert "http://127.0.0.1:1" in found.hint


def test_a_signal_that_is_not_taken_is_skipped_with_the_reason() -> None:
    found = judged(accepts=())
    assert (found.verdict, found.reason) == (Verdict.SKIPPED, "b does not take traces")


def test_a_signal_that_the_plugin_has_no_pipeline_for_is_skipped_with_the_reason() -> None:
    found = judged(accepts=(), unexported=(Signal.TRACES,))
    assert found.verdict is Verdict.SKIPPED
    assert found.reason == "the plugin of b exports no traces"


def test_what_the_backend_need_not_hold_is_skipped_with_the_reason() -> None:
    found = judged(answers=(result(never=True),), skip_reason="it keeps COMPLETE only")
    assert (found.verdict, found.reason) == (Verdict.SKIPPED, "it keeps COMPLETE only")
    lost = judged(ack=REFUSED, skip_reason="it keeps COMPLETE only")
    assert (lost.verdict, lost.hop) == (Verdict.FAILED, HopName.CLIENT)


def a_check(verdict: Verdict, reason: str = "") -> Check:
    return Check(
        backend="b",
        signal=Signal.TRACES,
        protocol="grpc",
        canary="traces",
        verdict=verdict,
        reason=reason,
    )


def a_bulk(stored: int) -> Bulk:
    return Bulk(
        backend="b",
        signal=Signal.TRACES,
        protocol="grpc",
        threads=8,
        sent=10,
        acknowledged=10,
        stored=stored,
        missing=tuple("x" * (10 - stored)),
        send_seconds=1,
        read_seconds=1,
    )


@pytest.mark.parametrize(
    ("verdicts", "strict", "passes"),
    [
        ([], False, False),
        ([Verdict.SKIPPED], False, False),
        ([Verdict.SKIPPED, Verdict.ACCEPTED], False, True),
        ([Verdict.SKIPPED, Verdict.ACCEPTED], True, False),
        ([Verdict.BY_STAND_IN, Verdict.RECEIVED], True, False),
        ([Verdict.BY_SANDBOX], False, True),
        ([Verdict.BY_SANDBOX], True, False),
        ([Verdict.RECEIVED, Verdict.SKIPPED], True, True),
        ([Verdict.RECEIVED, Verdict.FAILED], False, False),
    ],
)
def test_what_is_a_pass(verdicts: list[Verdict], *, strict: bool, passes: bool) -> None:
    checks = tuple(map(a_check, verdicts))
    assert (failure_reason(checks, (), (), strict=strict) == "") is passes


def test_what_is_missing_of_many_or_left_behind_is_no_pass() -> None:
    good = (a_check(Verdict.RECEIVED),)
    assert "1 of 10" in failure_reason(good, (a_bulk(9),), (), strict=False)
    assert failure_reason(good, (a_bulk(10),), (), strict=False) == ""
    left = CleanupResult(backend="b", left=("/jobs/x: HTTP 200",))
    assert "could not be removed" in failure_reason(good, (), (left,), strict=False)


def a_report(*checks: Check, bulk: tuple[Bulk, ...] = ()) -> Report:
    reason = failure_reason(checks, bulk, (), strict=False)
    return Report(
        ok=not reason,
        strict=False,
        reason=reason,
        stack="s",
        run_id="r",
        namespace="ns",
        sampling="off",
        backends=(),
        checks=checks,
        bulk=bulk,
        durations=Durations(load=0, send=0, verdict=0, cleanup=0, total=1),
    )


def test_the_document_is_versioned() -> None:
    text = a_report(a_check(Verdict.RECEIVED)).to_json()
    assert '"schema": "floe-local/v1"' in text
    assert '"command": "smoke-test"' in text


def test_junit_counts_and_holds_any_text() -> None:
    odd = a_check(Verdict.FAILED).model_copy(
        update={
            "field": "a\x00<b>\ud800",
            "differences": (Difference(field="\x1b[31m", expected="&", found="\uffff"),),
        }
    )
    skipped = a_check(Verdict.SKIPPED, "because")
    report = a_report(odd, skipped, a_check(Verdict.RECEIVED), bulk=(a_bulk(9),))
    suite = ET.fromstring(smoke_junit(report).encode())  # noqa: S314 - our own document
    counts = {name: suite.get(name) for name in ("tests", "failures", "skipped")}
    assert counts == {"tests": "4", "failures": "2", "skipped": "1"}


def test_junit_fails_when_the_run_does() -> None:
    suite = ET.fromstring(smoke_junit(a_report(a_check(Verdict.SKIPPED))).encode())  # noqa: S314
    assert suite.get("failures") == "1"


EXPORTER = "otlp_http/b"
POSTED = "request to http://there/v1/traces responded with HTTP Status Code"
RPC = "rpc error: code ="
HANDSHAKE = "transport: authentication handshake failed: tls: first record does not look like TLS"
LOOK_UP = (
    "failed to make an HTTP request: dial tcp: lookup x.invalid on 127.0.0.11:53: no such host"
)


def explained(error: str, exporter: str = EXPORTER) -> Check:
    """A check that broke at an exporter, once the Collector's log was read."""
    broken = judged(hops=counters(HopState.PASSED, HopState.FAILED), exporters=(EXPORTER,))
    backend = target_of(
        "b",
        Kind.TELEMETRY,
        accepts=(Signal.TRACES,),
        endpoints={},
        exporters={Signal.TRACES: (EXPORTER,)},
    )
    targets = Targets(stack="s", namespace="ns", backends=(backend,))
    report = with_export_errors(a_report(broken), targets, {(exporter, "traces"): error})
    return report.checks[0]


@pytest.mark.parametrize(
    ("error", "hint"),
    [
        (f"{POSTED} 400, Message=no spans", "malformed"),
        (f"{POSTED} 401", "credentials"),
        (f"{POSTED} 403", "credentials"),
        (f"{POSTED} 404", "does not take this signal"),
        (f"{POSTED} 413", "of that size"),
        (f"{POSTED} 415", "`encoding` or `compression`"),
        (f"{RPC} ResourceExhausted desc = {POSTED} 429", "rate limit"),
        (f"{RPC} Unavailable desc = {POSTED} 503", "the backend itself failed"),
        (f"{RPC} Unauthenticated desc = no token", "credentials"),
        (f"{RPC} Unimplemented desc = unknown service", "does not take this signal"),
        (f'{RPC} Unavailable desc = connection error: desc = "{HANDSHAKE}"', "TLS fails"),
        ("tls: failed to verify certificate: x509: unknown authority", "TLS fails"),
        (LOOK_UP, "name is not known"),
        (f"{RPC} Unavailable desc = error reading server preface: http2", "another protocol"),
        ("dial tcp 127.0.0.1:1: connect: connection refused", "nothing answers there"),
    ],
)
def test_what_an_exporter_was_answered_is_the_reason(error: str, hint: str) -> None:
    found = explained(error)
    assert found.reason == f"{EXPORTER}: {error} (3 of 5)"
    assert hint in found.hint
    [exported] = [hop for hop in found.hops if hop.name is HopName.COLLECTOR_EXPORTED]
    assert error in exported.detail


def test_another_exporter_s_error_is_no_reason() -> None:
    found = explained("415", "otlp_http/other")
    assert (found.reason, found.hop) == ("3 of 5", HopName.COLLECTOR_EXPORTED)
