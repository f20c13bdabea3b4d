"""Every backend that the ADR names, in one stack, without an account."""

from __future__ import annotations

import os
from collections import Counter
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from docs.backends import page
from floe_local.errors import InputError
from floe_local.operations.sandbox import Failure, fail, show_received
from floe_local.operations.smoke_test import find_targets
from floe_local.operations.stacks import find_planned
from floe_local.operations.status import status
from floe_local.plan.values import Signal
from floe_local.prove.report import HopName, Verdict
from tests.integration.backends.conftest import SHELL
from tests.waiting import wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator

    import docker
    from docker.models.containers import Container

    from floe_local.prove.report import Check, Report
    from floe_local.testing import FloeLocal

pytestmark = pytest.mark.integration

PAGE = Path(__file__).parents[3] / "docs" / "backends.md"
PLAYED = {"datadog", "grafana-cloud", "xray", "atlan", "openmetadata", "aws.datazone"}
READY_SECONDS = 60
REAL = {"jaeger", "marquez", "aws.marquez"}


@pytest.fixture(scope="module")
def report(every_backend: FloeLocal) -> Report:
    return every_backend.smoke_test()


def containers_of(stack: FloeLocal, engine: docker.DockerClient) -> list[Container]:
    return list(
        engine.containers.list(filters={"label": [f"dev.floe.local.stack={stack.network}"]})
    )


def wait_until_ready(stack: FloeLocal) -> None:
    wait_for(lambda: status(stack.where).ready, f"{stack.where} is ready", READY_SECONDS)


def verdicts(report: Report) -> dict[str, Counter[Verdict]]:
    found: dict[str, Counter[Verdict]] = {}
    for check in report.checks:
        found.setdefault(check.backend, Counter())[check.verdict] += 1
    return found


def test_each_has_a_verdict_of_its_own(report: Report) -> None:
    assert report.ok, report.reason
    found = verdicts(report)
    assert set(found) == PLAYED | REAL
    for name in PLAYED:
        assert set(found[name]) <= {Verdict.BY_SANDBOX, Verdict.SKIPPED}
        assert found[name][Verdict.BY_SANDBOX]
    for name in REAL:
        assert set(found[name]) <= {Verdict.RECEIVED, Verdict.BY_STAND_IN, Verdict.SKIPPED}
        assert found[name][Verdict.RECEIVED] + found[name][Verdict.BY_STAND_IN]


def test_every_signal_is_received_somewhere(report: Report) -> None:
    good = {c.signal for c in report.checks if c.verdict in {Verdict.BY_SANDBOX, Verdict.RECEIVED}}
    assert good == set(Signal)


def test_what_was_skipped_says_why(report: Report) -> None:
    skipped = [check for check in report.checks if check.verdict is Verdict.SKIPPED]
    assert all(check.reason for check in skipped)


def test_no_credential_of_the_shell_is_anywhere(
    every_backend: FloeLocal, report: Report, engine: docker.DockerClient
) -> None:
    shown = show_received(every_backend.where, limit=1000)
    texts = [report.to_json(), shown.model_dump_json()]
    containers = containers_of(every_backend, engine)
    assert len(containers) > len(PLAYED)
    texts += [str(container.attrs) for container in containers]
    folder = find_planned(every_backend.where)[1].folder
    texts += [p.read_text(errors="replace") for p in folder.rglob("*") if p.is_file()]
    for secret in SHELL.values():
        assert not [text for text in texts if secret in text]


def test_recorders_show_what_arrived_with_credentials_masked(
    every_backend: FloeLocal, report: Report
) -> None:
    assert report.ok
    shown = {r.backend: r for r in show_received(every_backend.where, limit=1000).recorders}
    assert set(shown) == PLAYED
    for recorded in shown.values():
        assert recorded.requests
        assert {r.status for r in recorded.requests} <= {200, 201, 202}, recorded.backend
        sent = [r for r in recorded.requests if r.has_data]
        bare = [r for r in sent if not (r.credential and len(r.credential) <= 24)]
        assert sent
        assert not bare, bare


def failed(report: Report, backend: str) -> list[Check]:
    return [c for c in report.checks if c.backend == backend and c.verdict is Verdict.FAILED]


@contextmanager
def failing(stack: FloeLocal, backend: str, status: int) -> Iterator[None]:
    """Let a recorder refuse everything; afterwards it answers as its backend does."""
    fail(stack.where, backend, Failure(status=status))
    try:
        yield
    finally:
        fail(stack.where, backend, None)


@pytest.mark.parametrize("code", [401, 403, 404, 413])
def test_a_refusal_is_red_for_that_backend_alone(every_backend: FloeLocal, code: int) -> None:
    with failing(every_backend, "datadog", code), failing(every_backend, "atlan", code):
        red = every_backend.smoke_test(deadline=5.0)
    assert not red.ok
    assert {c.backend for c in red.checks if c.verdict is Verdict.FAILED} == {"datadog", "atlan"}
    assert {c.hop for c in failed(red, "atlan")} == {HopName.CLIENT}
    assert {c.hop for c in failed(red, "datadog")} <= {
        HopName.COLLECTOR_EXPORTED,
        HopName.BACKEND_STORED,
    }


def test_a_rate_limit_of_lineage_is_named(every_backend: FloeLocal) -> None:
    with failing(every_backend, "atlan", 429):
        before = len(show_received(every_backend.where, "atlan", limit=1000).recorders[0].requests)
        red = every_backend.smoke_test(deadline=5.0)
        now = status(every_backend.where)
    refused, *others = [c for c in failed(red, "atlan") if c.client == "floe-local"]
    assert (refused.canary, refused.hop) == ("parent", HopName.CLIENT)
    for check in (refused, *others):
        assert "429" in check.reason
        assert "rate limit" in check.hint
        assert "`floe-local status`" in check.hint
    assert not refused.reason.startswith("not sent")
    assert len(others) == 4
    assert all(c.reason.startswith("not sent, because run 'parent'") for c in others)
    assert [(f.backend, f.failure and f.failure.status) for f in now.failures] == [("atlan", 429)]
    assert red.durations.load < red.durations.send
    sent = show_received(every_backend.where, "atlan", limit=1000).recorders[0].requests[before:]
    assert {r.status for r in sent} == {429}


def test_an_encoding_that_a_backend_refuses_is_named(every_backend: FloeLocal) -> None:
    with failing(every_backend, "grafana-cloud", 415):
        red = every_backend.smoke_test(deadline=5.0)
    checks = failed(red, "grafana-cloud")
    assert {c.signal for c in checks} == {Signal.TRACES, Signal.METRICS, Signal.LOGS}
    for check in checks:
        assert check.hop is HopName.COLLECTOR_EXPORTED
        assert "HTTP Status Code 415" in check.reason
        assert "`encoding` or `compression`" in check.hint
        assert "goroutine" not in check.reason
        [exported] = [hop for hop in check.hops if hop.name is HopName.COLLECTOR_EXPORTED]
        assert "415" in exported.detail


def test_throttling_is_waited_out(every_backend: FloeLocal) -> None:
    fail(every_backend.where, "grafana-cloud", Failure(status=429, times=2, retry_after=1))
    assert every_backend.smoke_test().ok
    shown = show_received(every_backend.where, "grafana-cloud").recorders[0]
    assert [r.status for r in shown.requests].count(429) >= 2


def test_one_backend_that_is_down_does_not_hurt_the_others(
    every_backend: FloeLocal, engine: docker.DockerClient
) -> None:
    down = [
        container
        for container in containers_of(every_backend, engine)
        if container.labels["dev.floe.local.service"] in {"grafana-cloud-sandbox", "atlan-sandbox"}
    ]
    assert len(down) == 2
    hanging, gone = sorted(down, key=lambda c: c.labels["dev.floe.local.service"], reverse=True)
    hanging.pause()
    gone.stop(timeout=1)
    try:
        red = every_backend.smoke_test(deadline=5.0, count=3)
    finally:
        hanging.unpause()
        gone.start()
        wait_until_ready(every_backend)
    hurt = [c for c in red.checks if c.verdict is Verdict.FAILED]
    assert {c.backend for c in hurt if c.client == "floe-local"} == {"grafana-cloud", "atlan"}, [
        (c.backend, c.signal, c.hop, c.reason) for c in hurt
    ]
    # openlineage-python sends to the parts of a composite one after the other: the one that hangs
    # holds up those after it, as it would hold up a pipeline.
    waiting = [
        c for c in hurt if c.client != "floe-local" and c.backend not in {"grafana-cloud", "atlan"}
    ]
    assert {c.client for c in waiting} <= {"openlineage-python"}
    assert all("did not end within" in c.reason for c in waiting), [c.reason for c in waiting]
    whole = {account.backend for account in red.bulk if account.complete}
    assert whole >= {"jaeger", "marquez", "xray", "datadog"} - {
        t.name for t in find_targets(every_backend.where).backends if not t.readback
    }
    assert every_backend.smoke_test().ok


def test_a_real_account_is_reached_only_where_both_commands_say_live(
    every_backend: FloeLocal,
) -> None:
    live = every_backend.where.model_copy(update={"live": True})
    with pytest.raises(InputError, match="the sandbox plays"):
        find_targets(live)


def test_the_page_is_what_the_run_has_shown(every_backend: FloeLocal, report: Report) -> None:
    recorded = show_received(every_backend.where, limit=1000).recorders
    plan, _ = find_planned(every_backend.where)
    text = page(report, plan.backends, recorded)
    if os.environ.get("FLOE_UPDATE_GOLDEN"):
        PAGE.write_text(text, encoding="utf-8")
    assert PAGE.read_text(encoding="utf-8") == text
