"""When a run of a command ends: what it left behind may send on, and ends its runs."""

from __future__ import annotations

import json
import shlex
import sys
from typing import TYPE_CHECKING

import pytest

from floe_local.observe.verdict import Settings
from floe_local.operations.observe import Options, RunResult, run
from tests.unit.observe.conftest import event

if TYPE_CHECKING:
    from pathlib import Path

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


def test_the_command_has_the_traceparent(tmp_path: Path) -> None:
    options = Options(folder=tmp_path, traceparent=True)
    script = f'test "${{TRACEPARENT#00-}}" != "$TRACEPARENT" && {emit("COMPLETE", 1)}'
    assert run(["sh", "-c", script], Settings(), options).command_exit == 0
