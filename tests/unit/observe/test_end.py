"""When a run of a command ends: what it left behind may send on, and ends its runs."""

from __future__ import annotations

import json
import shlex
import sys
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from floe_local.observe.session.model import About, own_span
from floe_local.observe.tap.variables import OwnRun, marks
from floe_local.observe.verdict import Settings
from floe_local.operations.observe import Options, RunResult, run
from tests.unit.observe.conftest import event
from tests.unit.observe.test_rules import codes, span, spans

if TYPE_CHECKING:
    from pathlib import Path

SESSION = "0123456789abcdef0123456789abcdef"
EMIT = """
import os, sys, urllib.request
request = urllib.request.Request(os.environ["OPENLINEAGE_URL"], sys.argv[1].encode())
urllib.request.urlopen(request, timeout=10)
"""


def emit(kind: str, at: int) -> str:
    """A shell's command that sends an event."""
    return shlex.join([sys.executable, "-c", EMIT, json.dumps(event(kind, at))])


def run_script(
    script: str, folder: Path, *, deadline_s: float = 30.0
) -> tuple[RunResult, list[str]]:
    """What a shell's script comes to, and what was said while that was waited for."""
    said: list[str] = []
    options = Options(deadline_s=deadline_s, folder=folder, tell=said.append)
    return run(["sh", "-c", script], Settings(), options), said


def found(result: RunResult) -> set[str]:
    return {one.code for one in result.verdict.findings}


def test_a_child_that_goes_on_may_end_the_run(tmp_path: Path) -> None:
    script = f"{emit('START', 0)}; (sleep 0.3; {emit('COMPLETE', 1)}) &"
    result, said = run_script(script, tmp_path)
    assert found(result) == set()
    assert said == ["waiting for runs that have not ended, at most 30 s: ns/job"]
    assert result.seconds < 20


def test_a_child_that_never_ends_the_run_is_waited_for_until_the_deadline(tmp_path: Path) -> None:
    result, _ = run_script(f"{emit('START', 0)}; sleep 2 &", tmp_path, deadline_s=0.3)
    assert found(result) == {"run-left-open", "no-end"}


@pytest.mark.parametrize("end", ["true", "kill -KILL $$"])
def test_nothing_is_waited_for_where_nothing_runs(tmp_path: Path, end: str) -> None:
    result, said = run_script(f"{emit('START', 0)}; {end}", tmp_path)
    assert found(result) == {"no-end"}
    assert said == []
    assert result.seconds < 20


@pytest.mark.parametrize("given", [{}, {"TRACEPARENT": "00-x", "TRACESTATE": "a=b"}])
def test_a_traceparent_is_of_the_sessions_trace_and_only_given_where_that_is_said(
    given: dict[str, str],
) -> None:
    own = OwnRun("ns", "job", "run")
    assert "TRACEPARENT" not in marks(SESSION, own, given)
    found = marks(SESSION, own, given, traceparent=True)
    assert found["TRACEPARENT"] == f"00-{SESSION}-0123456789abcdef-01"
    assert found.get("TRACESTATE", given.get("TRACESTATE", "")) == ""


def test_the_span_that_a_command_was_given_is_a_known_parent() -> None:
    child = span(trace_id=SESSION, parent_id=own_span(SESSION), flags=0x301)
    about = About(source="run", session_id=SESSION)
    assert codes(replace(spans(child), about=about), "otel") == []
    assert codes(spans(child), "otel") == ["remote-parent"]
    local = replace(child, flags=0)
    assert codes(replace(spans(local), about=about), "otel") == []
    assert codes(replace(spans(local), about=replace(about, session_id="f" * 32)), "otel") == [
        "span-parent"
    ]


def test_the_command_has_the_traceparent(tmp_path: Path) -> None:
    options = Options(folder=tmp_path, traceparent=True)
    script = f'test "${{TRACEPARENT#00-}}" != "$TRACEPARENT" && {emit("COMPLETE", 1)}'
    assert run(["sh", "-c", script], Settings(), options).command_exit == 0
