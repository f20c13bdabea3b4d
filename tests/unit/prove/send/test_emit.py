"""Sending: what fails is told, without secrets and without a traceback."""

from __future__ import annotations

import logging
import os
from contextlib import suppress
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from openlineage.client.transport import Transport

from floe_local.errors import InputError
from floe_local.plan.values import Kind, Signal
from floe_local.prove.report import HopName, Verdict
from floe_local.prove.send.client_errors import error_message
from floe_local.prove.send.isolation import capture_logs, clean_environment
from floe_local.prove.send.lineage import RecordingTransport
from floe_local.prove.smoke import smoke
from floe_local.prove.targets import SmokeOptions, Targets
from tests.backends import target_of

if TYPE_CHECKING:
    from pathlib import Path

    from floe_local.prove.report import Report


def test_a_password_in_an_address_is_not_error_message() -> None:
    said = error_message(OSError("no route to http://me:dummy@there:1/x"))
    assert said == "OSError: no route to http://there:1/x"


def test_our_own_errors_say_what_to_do() -> None:
    assert error_message(InputError("c", "X is not set", "set X")) == "X is not set; set X"


def test_the_first_of_several_errors_is_told_too() -> None:
    wrapped = RuntimeError(f"could not send {'RunEvent(…) ' * 99}")
    wrapped.__cause__ = OSError("//me:dummy@there denies access")
    said = error_message(wrapped)
    assert said.startswith("RuntimeError: could not send RunEvent(…)")
    assert said.endswith("…: OSError: //there denies access")
    assert len(said) < 200


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
    with capture_logs() as messages:
        logging.getLogger("opentelemetry.exporter.x").error("refused: %s", "port 1")
        assert messages.take() == "refused: port 1"
        assert messages.take() == ""
    assert capfd.readouterr() == ("", "")


def nowhere(kind: Kind, signal: Signal, **more: Any) -> Targets:
    backend = target_of("b", kind, accepts=(signal,), endpoints={}, **more)
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
    assert server.requests[0]["authorization"] == "Bearer dummy-1"
    assert "dummy-1" not in report.model_dump_json()


def lineage_report(transport: dict[str, Any]) -> Report:
    target = nowhere(Kind.LINEAGE, Signal.LINEAGE, transport=transport)
    return smoke(target, SmokeOptions(deadline=0.1))


@pytest.mark.parametrize("kind", ["noop", "console", "file"])
def test_what_ends_in_the_pipeline_is_no_pass(kind: str, tmp_path: Path) -> None:
    report = lineage_report({"type": kind, "log_file_path": str(tmp_path / "events")})
    assert {check.verdict for check in report.checks} == {Verdict.SKIPPED}
    assert f"a transport of type '{kind}' ends in the pipeline itself" in report.checks[0].reason
    assert (report.ok, report.reason) == (False, "nothing was received or accepted")


def parts(*transports: dict[str, Any], **more: bool) -> dict[str, Any]:
    return {"type": "composite", "transports": list(transports), **more}


def shapes(url: str) -> dict[str, dict[str, Any]]:
    http = {"type": "http", "url": url}
    return {
        "http": http,
        "async_http": {**http, "type": "async_http"},
        "composite": parts({"type": "noop"}, http),
        "nested": parts({"type": "console"}, parts({**http, "type": "async_http"})),
    }


@pytest.mark.parametrize("shape", shapes(""))
def test_an_http_answer_to_every_event_is_an_acknowledgement(shape: str, serve: Any) -> None:
    report = lineage_report(shapes(serve({}).url)[shape])
    assert {check.verdict for check in report.checks} == {Verdict.ACCEPTED}


@pytest.mark.parametrize("shape", shapes(""))
def test_an_error_to_an_event_is_the_client_s_failure(shape: str, serve: Any) -> None:
    report = lineage_report(shapes(serve({}, 404).url)[shape])
    assert {(c.verdict, c.hop) for c in report.checks} == {(Verdict.FAILED, HopName.CLIENT)}
    assert not report.ok


def test_a_part_that_fails_beside_one_that_does_not_is_error_message(serve: Any) -> None:
    good, bad = ({"type": "http", "url": serve({}, status).url} for status in (200, 404))
    report = lineage_report(parts(good, bad, continue_on_failure=True))
    assert {check.verdict for check in report.checks} == {Verdict.FAILED}
    assert "404" in report.checks[0].reason
    assert "the path is not the backend's" in report.checks[0].hint


def test_a_redirect_to_a_page_is_no_acknowledgement() -> None:
    """It is followed with a GET, and what a log-in page answers says nothing."""
    page = SimpleNamespace(status_code=200, request=SimpleNamespace(method="GET"))
    event: Any = SimpleNamespace(run=SimpleNamespace(runId="r"))

    class Redirected(Transport):
        def emit(self, event: Any) -> Any:
            return page if event else None

    recording = RecordingTransport(Redirected())
    recording.emit(event)
    assert recording.response("r") == (False, None)


class Careless(Transport):
    """It is somebody's own, and its close says nothing."""

    def __init__(self, _config: Any) -> None:
        self.said = SimpleNamespace(status_code=201, request=SimpleNamespace(method="POST"))

    def emit(self, event: Any) -> Any:
        return self.said if event else None

    def close(self, timeout: float = -1) -> Any:
        return None if timeout else True


class Unclosable(Careless):
    """It breaks at the end."""

    def close(self, timeout: float = -1) -> bool:
        message = f"not within {timeout} s"
        raise TimeoutError(message)


@pytest.mark.parametrize(
    ("transport", "verdict", "reason"),
    [
        (Careless, Verdict.ACCEPTED, "acknowledged"),
        (Unclosable, Verdict.FAILED, "TimeoutError: not within 5.0 s"),
    ],
)
def test_a_transport_s_end_is_heard(
    transport: type[Transport], verdict: Verdict, reason: str
) -> None:
    report = lineage_report({"type": f"{__name__}.{transport.__name__}"})
    assert {check.verdict for check in report.checks} == {verdict}
    assert reason in report.checks[0].reason


def test_a_module_that_is_missing_is_named() -> None:
    report = lineage_report({"type": "floe_nowhere.Transport"})
    assert "install what its transport needs" in report.checks[0].hint
    assert "floe_nowhere" in report.checks[0].hint


@pytest.mark.parametrize(
    ("status", "hint"),
    [
        (400, "see `floe-local logs b`"),
        (401, "mend its `auth`"),
        (403, "mend its `auth`"),
        (404, "the path is not the backend's"),
        (413, "larger than the backend takes"),
        (415, "`compression`"),
        (429, "`floe-local status` says so"),
        (503, "the backend itself failed"),
    ],
)
def test_an_answer_is_named_with_what_it_takes(serve: Any, status: int, hint: str) -> None:
    report = lineage_report({"type": "http", "url": serve({}, status).url, "retry": {"total": 0}})
    parent, *others = report.checks
    assert {check.hop for check in report.checks} == {HopName.CLIENT}
    assert str(status) in parent.reason
    assert all(hint in check.hint for check in report.checks)
    assert not any("is the stack up" in check.hint for check in report.checks)
    unsent = "not sent, because run 'parent' was not taken: "
    assert {check.reason for check in others} == {unsent + parent.reason}


class Fussy(Careless):
    """It expects a number in its settings."""

    def emit(self, event: Any) -> Any:
        raise TypeError(event.producer)


def test_a_client_that_fails_by_itself_is_not_said_to_miss_the_stack() -> None:
    report = lineage_report({"type": f"{__name__}.{Fussy.__name__}"})
    assert report.checks[0].reason.startswith("TypeError: ")
    assert {check.hop for check in report.checks} == {HopName.CLIENT}
    assert all("failed by itself" in check.hint for check in report.checks)


@pytest.mark.parametrize(
    ("url", "hint"),
    [
        ("http://floe-nowhere.invalid", "the host's name is not known"),
        ("http://127.0.0.1:1", "is the stack up?"),
        ("127.0.0.1:1", "failed by itself"),
    ],
)
def test_who_was_not_reached_is_told_apart(url: str, hint: str) -> None:
    report = lineage_report({"type": "http", "url": url, "retry": {"total": 0}})
    assert hint in report.checks[0].hint


def test_what_speaks_no_tls_is_named(serve: Any) -> None:
    url = serve({}).url.replace("http:", "https:")
    report = lineage_report({"type": "http", "url": url, "retry": {"total": 0}})
    assert "TLS fails" in report.checks[0].hint


def test_retries_are_no_loading(serve: Any) -> None:
    retry = {"total": 2, "backoff_factor": 0.5, "status_forcelist": [503]}  # waits for a second
    retry["allowed_methods"] = ["POST"]
    report = lineage_report({"type": "http", "url": serve({}, 503).url, "retry": retry})
    assert report.durations.send - report.durations.load > 0.9
