"""Processes that a test starts must end with it."""

from __future__ import annotations

import subprocess

DEADLINE_S = 90


def said_at_the_end(process: subprocess.Popen[str]) -> str:
    """Wait for a process's end; give its stderr.

    One that does not end is killed: leaving the block of a `Popen` would wait for ever.
    """
    try:
        return process.communicate(timeout=DEADLINE_S)[1]
    except subprocess.TimeoutExpired:
        process.kill()
        raise
