"""What passes the tap is in the backends of a real stack; what does not arrive there is named."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from uuid import uuid4

import pytest

from floe_local.observe.verdict import Settings
from floe_local.operations.observe import Options, RunResult, run
from floe_local.testing import FloeLocal
from tests.unit.observe.conftest import event

pytestmark = pytest.mark.integration

JOB = Path(__file__).with_name("job.py")


def sound() -> list[dict[str, object]]:
    """A run with its end."""
    run_id = str(uuid4())
    job = {"namespace": "ns", "name": f"job-{run_id}", "facets": {}}
    return [event("START", 0, run_id, job=job), event("COMPLETE", 1, run_id, job=job)]


def run_on(stack: FloeLocal, *arguments: str, deadline_s: float = 20.0) -> RunResult:
    command = [sys.executable, str(JOB), *arguments]
    return run(command, Settings(), Options(deadline_s=deadline_s), where=stack.where)


def codes(result: RunResult) -> dict[str, int]:
    return {finding.code: finding.count for finding in result.verdict.findings}


@pytest.mark.parametrize("protocol", ["grpc", "http/protobuf"])
def test_what_a_real_client_sends_is_stored(
    stack: FloeLocal, protocol: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_PROTOCOL", protocol)
    result = run_on(stack, "spans=300", f"events={json.dumps(sound())}")
    stored = {one.backend: (one.acknowledged, one.stored) for one in result.verdict.stored}
    assert stored == {"jaeger": (301, 301), "marquez": (1, 1)}
    assert codes(result) == {}
    assert result.exit_code == 0
    assert {request.channel for request in result.session.requests} == {
        "openlineage",
        "otlp-grpc" if protocol == "grpc" else "otlp-http",
    }


def test_a_service_of_three_processes_is_one_trace(tmp_path: Path) -> None:
    command = [sys.executable, str(JOB), "spans=2", "depth=3"]
    result = run(command, Settings(), Options(folder=tmp_path))
    assert {name: one.spans for name, one in result.verdict.services.items()} == {
        "job-1": 3,
        "job-2": 3,
        "job-3": 3,
    }
    assert len({span.trace_id for span in result.session.spans}) == 1
    assert codes(result) == {}


def test_a_service_whose_first_process_does_not_send(tmp_path: Path) -> None:
    parent = f"traceparent=00-{'a' * 32}-{'b' * 16}-01"
    command = [sys.executable, str(JOB), "spans=0", parent]
    result = run(command, Settings(), Options(folder=tmp_path))
    assert codes(result) == {"remote-parent": 1}


def test_an_event_that_the_backend_refuses_is_named_and_refused(stack: FloeLocal) -> None:
    bad = event("START", 0, eventTime="yesterday")
    result = run_on(stack, f"events={json.dumps([bad])}")
    assert codes(result)["not-acknowledged"] == 1
    [request] = result.session.requests
    assert request.status.startswith(("HTTP 4", "HTTP 5"))
    assert result.command_exit == 0
    assert result.exit_code == 1


def test_an_acknowledged_event_that_is_not_stored_is_named(stack: FloeLocal) -> None:
    result = run_on(stack, f"events={json.dumps([event(run_id='no-uuid')])}", deadline_s=1.0)
    assert codes(result)["not-stored"] >= 1
    assert result.exit_code == 1


def test_a_wrong_path_is_led_to_the_right_one_and_named(stack: FloeLocal) -> None:
    result = run_on(stack, f"events={json.dumps(sound())}", "path=/lineage")
    assert codes(result) == {"wrong-path": 2}
    assert [one.stored for one in result.verdict.stored] == [1]


def test_a_stack_that_dies_in_the_middle_is_no_hang(tmp_path: Path) -> None:
    script = tmp_path / "job.sh"
    with FloeLocal() as own:
        collector = own.get_container("otel-collector")
        script.write_text(
            f"{sys.executable} {JOB} spans=1\ndocker kill {collector.ID} >&2\n"
            f"{sys.executable} {JOB} spans=1\n"
        )
        result = run(["sh", str(script)], Settings(), Options(deadline_s=3.0), where=own.where)
    assert codes(result)["not-acknowledged"] >= 1
    assert result.exit_code == 1
