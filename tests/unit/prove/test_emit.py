"""Sending: what fails is told, without secrets and without a traceback."""

from __future__ import annotations

import logging
import os
from concurrent.futures import Future
from contextlib import suppress
from typing import Any

import pytest

from floe_local.errors import InputError
from floe_local.plan.values import Kind, Signal
from floe_local.prove.emit import failure
from floe_local.prove.isolation import captured_logs, clean_environment
from floe_local.prove.options import SmokeOptions
from floe_local.prove.report import HopName, Verdict
from floe_local.prove.smoke import smoke
from floe_local.prove.targets import BackendTarget, Targets


def broken(error: BaseException) -> Future[Any]:
    job: Future[Any] = Future()
    job.set_exception(error)
    return job


def test_a_password_in_an_address_is_not_told() -> None:
    told = failure(broken(OSError("no route to http://me:dummy@there:1/x")))
    assert told == "OSError: no route to http://there:1/x"


def test_our_own_errors_say_what_to_do() -> None:
    assert failure(broken(InputError("c", "X is not set", "set X"))) == "X is not set; set X"


def test_the_first_of_several_errors_is_told_too() -> None:
    wrapped = RuntimeError(f"could not send {'RunEvent(…) ' * 99}")
    wrapped.__cause__ = OSError("//me:dummy@there denies access")
    told = failure(broken(wrapped))
    assert told.startswith("RuntimeError: could not send RunEvent(…)")
    assert told.endswith("…: OSError: //there denies access")
    assert len(told) < 200


def test_the_environment_is_given_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_SDK_DISABLED", "true")
    monkeypatch.setenv("OPENLINEAGE_URL", "http://x")
    monkeypatch.setenv("NO_PROXY", "internal")
    monkeypatch.delenv("no_proxy", raising=False)
    before = dict(os.environ)
    inside: dict[str, str] = {}
    with suppress(KeyError), clean_environment():
        inside.update(os.environ)
        raise KeyError
    assert not [name for name in inside if name.startswith(("OTEL_", "OPENLINEAGE_"))]
    assert inside["NO_PROXY"] == "internal,localhost,127.0.0.1,::1"
    assert dict(os.environ) == before


def test_logs_are_kept_from_the_terminal(capfd: pytest.CaptureFixture[str]) -> None:
    with captured_logs() as messages:
        logging.getLogger("opentelemetry.exporter.x").error("refused: %s", "port 1")
        assert messages.take() == "refused: port 1"
        assert messages.take() == ""
    assert capfd.readouterr() == ("", "")


def nowhere(kind: Kind, signal: Signal, **more: Any) -> Targets:
    backend = BackendTarget(name="b", kind=kind, accepts=(signal,), endpoints={}, **more)
    return Targets(stack="s", namespace="ns", backends=(backend,))


@pytest.mark.parametrize(
    ("kind", "signal"), [(Kind.TELEMETRY, Signal.TRACES), (Kind.LINEAGE, Signal.LINEAGE)]
)
def test_what_cannot_be_sent_is_skipped_and_no_pass(kind: Kind, signal: Signal) -> None:
    report = smoke(nowhere(kind, signal), SmokeOptions(deadline=0.1))
    assert {check.verdict for check in report.checks} == {Verdict.SKIPPED}
    assert (report.ok, report.reason) == (False, "nothing was received or accepted")


@pytest.mark.parametrize(
    ("transport", "reason"),
    [
        ({"type": "http", "url": "http://127.0.0.1:1", "auth": {"type": "bearer"}}, "bearer"),
        ({"type": "nope"}, "nope"),
        ({"type": "http", "url": "${env:FLOE_TEST_UNSET}"}, "FLOE_TEST_UNSET is not set"),
    ],
)
def test_a_transport_that_does_not_work_is_the_client_s_failure(
    transport: dict[str, Any], reason: str
) -> None:
    report = smoke(
        nowhere(Kind.LINEAGE, Signal.LINEAGE, transport=transport), SmokeOptions(deadline=0.1)
    )
    assert {(c.verdict, c.hop) for c in report.checks} == {(Verdict.FAILED, HopName.CLIENT)}
    assert reason in report.checks[0].reason


def test_a_variable_s_default_is_known_where_events_are_sent() -> None:
    transport = {"type": "http", "url": "${env:FLOE_TEST_UNSET:-http://127.0.0.1:1}"}
    target = nowhere(Kind.LINEAGE, Signal.LINEAGE, transport=transport)
    report = smoke(target, SmokeOptions(deadline=0.1))
    assert "127.0.0.1" in report.checks[0].reason
    assert "not set" not in report.checks[0].reason


def test_a_credential_whose_variable_has_an_sdk_s_name_is_sent(
    serve: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENLINEAGE_API_KEY", "dummy-1")
    server = serve({})
    auth = {"type": "api_key", "apiKey": "${env:OPENLINEAGE_API_KEY}"}
    transport = {"type": "http", "url": server.url, "auth": auth}
    target = nowhere(Kind.LINEAGE, Signal.LINEAGE, transport=transport)
    report = smoke(target, SmokeOptions(deadline=0.1))
    assert server.asked[0]["authorization"] == "Bearer dummy-1"
    assert "dummy-1" not in report.model_dump_json()
