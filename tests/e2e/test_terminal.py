"""What a person at a terminal is asked, and what follows from the answer."""

from __future__ import annotations

import os
import pty
import re
import select
import subprocess
import time
from typing import TYPE_CHECKING

import pytest

from tests.e2e.conftest import Shell

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.e2e

DEADLINE_S = 90
NOWHERE = "127.0.0.1:9/no/such:1"
BLUEPRINT = f"""
blueprint: 1
name: jaeger
title: A backend whose image is nowhere
kind: telemetry
accepts: [traces]
ingest: {{otlp-grpc: otlp-grpc}}
services:
  jaeger:
    image: {{upstream: "{NOWHERE}", recipe: image}}
    endpoints: [{{name: otlp-grpc, port: 4317, protocol: otlp-grpc}}]
"""
RECIPE = f"""
recipe: 1
name: asked
upstream: "{NOWHERE}"
steps: [{{step: docker-build}}]
"""
MANIFEST = """
plugins: {telemetry_backend: jaeger}
local: {blueprints: [mine]}
"""


def at_a_terminal(
    shell: Shell, command: list[str], question: str = "", answer: str = "", **variables: str
) -> tuple[int, str]:
    """Run a command in a pseudo-terminal; answer its question; its exit code and output."""
    ours, theirs = pty.openpty()
    told = ""
    environment = {**shell.environment, "TERM": "xterm-256color", **variables}
    environment.pop("CI", None)  # nobody looks at the terminal of a CI job
    with subprocess.Popen(
        command, cwd=shell.folder, env=environment, stdin=theirs, stdout=theirs, stderr=theirs
    ) as process:
        os.close(theirs)
        deadline = time.monotonic() + DEADLINE_S
        answered = False
        while time.monotonic() < deadline:
            ready, _, _ = select.select([ours], [], [], 0.2)
            if ready:
                try:
                    told += os.read(ours, 65536).decode()
                except OSError:  # Linux says so when the last writer has gone
                    break
            if question and question in told and not answered:
                os.write(ours, f"{answer}\n".encode())
                answered = True
            if not ready and process.poll() is not None:
                break
    os.close(ours)
    return process.returncode, told


MOVES_UP = re.compile(r"\x1b\[\d*A")
COLOUR = re.compile(r"\x1b\[(?:\d+;)*3[0-7]m")
GREEN = re.compile(r"\x1b\[(?:\d+;)*32m")


@pytest.fixture
def alone(environment: dict[str, str], tmp_path: Path) -> Iterator[Shell]:
    """A project with one backend; its stack is gone afterwards."""
    (tmp_path / "manifest.yaml").write_text(
        "plugins: {telemetry_backend: jaeger}\n", encoding="utf-8"
    )
    shell = Shell(tmp_path, {k: v for k, v in environment.items() if k != "NO_COLOR"})
    yield shell
    shell.run("floe-local down --volumes")


def test_a_terminal_shows_a_table_that_moves_in_colour(alone: Shell) -> None:
    code, told = at_a_terminal(alone, ["floe-local", "up", "--free-ports"])
    assert code == 0, told
    assert MOVES_UP.search(told)
    assert GREEN.search(told)
    assert "jaeger" in told
    assert "otel-collector" in told

    code, told = at_a_terminal(alone, ["floe-local", "smoke-test"], NO_COLOR="1")
    assert code == 0, told
    assert MOVES_UP.search(told)
    assert not COLOUR.search(told)

    log = alone.run("floe-local smoke-test")
    assert "\x1b" not in log.stdout + log.stderr


@pytest.fixture(scope="module")
def nowhere(shell: Shell) -> Shell:
    """A project whose backend's image cannot be pulled, only built."""
    recipe = shell.folder / "mine" / "image"
    recipe.mkdir(parents=True)
    (shell.folder / "manifest.yaml").write_text(MANIFEST, encoding="utf-8")
    (recipe.parent / "blueprint.yaml").write_text(BLUEPRINT, encoding="utf-8")
    (recipe / "recipe.yaml").write_text(RECIPE, encoding="utf-8")
    (recipe / "Dockerfile").write_text("FROM scratch\nCOPY recipe.yaml /\n", encoding="utf-8")
    return shell


def test_a_pull_that_fails_asks_before_it_builds(nowhere: Shell) -> None:
    up = ["floe-local", "up", "--free-ports"]
    code, told = at_a_terminal(nowhere, up, "Build asked from packages?", "n")
    assert "Build asked from packages? That takes about ten minutes, once." in told
    assert code == 3, told
    assert "--build" in told
    assert "nothing of" in nowhere.run("floe-local down").stdout


def test_without_a_terminal_nothing_is_asked_or_built(nowhere: Shell) -> None:
    told = nowhere.run("floe-local up --free-ports", expect=3).stderr
    assert "Build asked" not in told
    assert "--build" in told
