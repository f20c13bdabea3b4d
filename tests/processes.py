"""Processes that a test starts end with it; those that tests run in share what takes long to make."""

from __future__ import annotations

import fcntl
import shutil
import subprocess
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

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


def made_once(folder: Path, make: Callable[[Path], None], lock: Path | None = None) -> Path:
    """Let one process make a folder; the others wait for it.

    Args:
        folder: what is made, unless it is there, whole.
        make: makes it.
        lock: held meanwhile; a file beside the folder if not given.
    """
    stamp = folder.with_suffix(".made")
    lock = lock or folder.with_suffix(".lock")
    lock.parent.mkdir(parents=True, exist_ok=True)
    with lock.open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        if not stamp.exists():
            shutil.rmtree(folder, ignore_errors=True)
            make(folder)
            stamp.touch()
    return folder
