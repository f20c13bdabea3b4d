"""The fixture `floe_capture` in processes that run side by side."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

SIDE_BY_SIDE = """
import json, os, urllib.request
import pytest

@pytest.mark.parametrize("number", range(6))
def test_only_its_own(floe_capture, number):
    job = {"namespace": "ns", "name": f"job-{number}"}
    for at in range(3):
        event = {"eventType": "START", "run": {"runId": f"{number}-{at}"}, "job": job}
        url = os.environ["OPENLINEAGE_URL"]
        urllib.request.urlopen(urllib.request.Request(url, json.dumps(event).encode()))
    floe_capture.await_run(f"job-{number}")
    assert floe_capture.runs.keys() == {f"{number}-{at}" for at in range(3)}
    if number == 0:
        floe_capture.assert_sound()
"""


def test_captures_in_processes_side_by_side(tmp_path: Path) -> None:
    (tmp_path / "test_it.py").write_text(SIDE_BY_SIDE)
    words = [sys.executable, "-m", "pytest", "-q", "-n", "2", "-p", "no:cacheprovider", "."]
    done = subprocess.run(words, capture_output=True, text=True, check=False, cwd=tmp_path)
    assert "1 failed, 5 passed" in done.stdout, done.stdout
    assert "AssertionError: 1 job" in done.stdout
    assert "error no-end" in done.stdout
    assert "red: 3 events: " in done.stdout
