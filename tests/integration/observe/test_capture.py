"""Capture before a real stack: what passes is in its backends, or an assertion says what is not."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest

from tests.unit.observe.conftest import event

if TYPE_CHECKING:
    from floe_local.testing import Capture, FloeLocal

pytestmark = pytest.mark.integration

JOB = Path(__file__).with_name("job.py")


def send(capture: Capture, *arguments: str) -> None:
    """Let a process send by what the capture's variables say."""
    subprocess.run([sys.executable, str(JOB), *arguments], env={**capture.env}, check=True)


def run_of(job: str, run_id: str) -> list[dict[str, object]]:
    """A run with its end."""
    named = {"namespace": "ns", "name": job, "facets": {}}
    return [event(kind, at, run_id, job=named) for at, kind in enumerate(("START", "COMPLETE"))]


def test_what_a_process_sends_is_captured_and_stored(stack: FloeLocal) -> None:
    job = f"job-{uuid4()}"
    with stack.capture() as capture:
        send(capture, "spans=5", f"events={json.dumps(run_of(job, str(uuid4())))}")
        run = capture.await_run(job, state="COMPLETE")
        root = capture.await_span("root", service="job")
        capture.assert_received()
        capture.assert_sound()
        assert {span.trace_id for span in capture.spans} == {root.trace_id}
        assert len(capture.spans) == 6
    assert run.types == ("START", "COMPLETE")
    assert stack.wait_for_span(root.trace_id, name="root")["trace_id"] == root.trace_id


def test_what_is_not_stored_is_an_assertion_with_the_report(stack: FloeLocal) -> None:
    with stack.capture() as capture:
        send(capture, f"events={json.dumps(run_of('lost', 'no-uuid'))}")
        with pytest.raises(AssertionError, match=r"error not-stored(.|\n)*red: 2 events: "):
            capture.assert_received(deadline_s=1.0)


def test_what_the_backend_refuses_is_an_assertion(stack: FloeLocal) -> None:
    with stack.capture() as capture:
        send(capture, f"events={json.dumps([event('START', 0, eventTime='yesterday')])}")
        with pytest.raises(AssertionError, match="error not-acknowledged"):
            capture.assert_received(deadline_s=1.0)


def test_two_captures_of_one_stack_do_not_mix(stack: FloeLocal) -> None:
    with stack.capture() as one, stack.capture() as other:
        send(one, f"events={json.dumps(run_of('one', str(uuid4())))}")
        send(other, "spans=1")
        assert (len(one.events), len(one.spans)) == (2, 0)
        assert (len(other.events), len(other.spans)) == (0, 2)
        one.assert_received()
        other.assert_received()
