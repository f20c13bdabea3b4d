"""The command line in this process, as `main` runs it."""

from __future__ import annotations

import json
import signal
import sys
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

from floe_local.cli.main import run_command_line

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

NOWHERE = "unix:///nonexistent/docker.sock"


class Ended(NamedTuple):
    """How a command ended, and what it wrote."""

    code: int
    out: str
    err: str

    @property
    def error(self) -> dict[str, Any]:
        """The error of a --json document."""
        document = json.loads(self.out)
        assert document["schema"] == "floe-local/v1"
        assert document["ok"] is False
        return dict(document["error"])


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, from which no engine can be reached: whatever needs one fails."""
    folder = tmp_path / "Müller's project"
    folder.mkdir()
    monkeypatch.chdir(folder)
    monkeypatch.setenv("DOCKER_HOST", NOWHERE)
    for name in ("DOCKER_CONTEXT", "FLOE_ENVIRONMENT"):
        monkeypatch.delenv(name, raising=False)
    return folder


@pytest.fixture
def floe(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[Callable[..., Ended]]:
    """Give a function that runs `floe-local` with arguments."""
    before = signal.getsignal(signal.SIGTERM)

    def run(*arguments: str) -> Ended:
        monkeypatch.setattr(sys, "argv", ["floe-local", *arguments])
        code = run_command_line()
        return Ended(code, *capsys.readouterr())

    yield run
    signal.signal(signal.SIGTERM, before)
