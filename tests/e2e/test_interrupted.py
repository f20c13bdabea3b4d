"""^C, or a job's end, while a command works: nothing, or a stack that works, is left."""

from __future__ import annotations

import signal
import subprocess
from typing import TYPE_CHECKING

import pytest

from tests.processes import said_at_the_end

if TYPE_CHECKING:
    from tests.e2e.conftest import Shell

pytestmark = pytest.mark.e2e


def interrupted(shell: Shell, command: str, moment: str, number: signal.Signals) -> str:
    """Run a command until it tells a moment; send a signal; check its end; give its stderr."""
    with subprocess.Popen(
        ["floe-local", *command.split()],
        cwd=shell.folder,
        env=shell.environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stderr is not None
        seen = next((line for line in process.stderr if moment in line), "")
        process.send_signal(number)
        told = said_at_the_end(process)
    assert seen, f"never told {moment}"
    assert process.returncode == 130, told
    assert "Traceback" not in told
    assert "error: interrupted [interrupted]" in told
    return told


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_up(shell: Shell, number: signal.Signals) -> None:
    interrupted(shell, "up --free-ports", "starting", number)
    assert "nothing of" in shell.run("floe-local down").stdout
    assert not (shell.folder / ".floe-local").exists()


def test_up_of_a_stack_that_runs_then_down(shell: Shell) -> None:
    shell.run("floe-local up --free-ports")
    (shell.folder / "manifest.yaml").write_text(
        "plugins: {telemetry_backend: jaeger, lineage_backend: marquez}\n"
        "local: {resource_attributes: {team: changed}}\n"
    )
    interrupted(shell, "up", "starting", signal.SIGINT)
    assert shell.json("floe-local status")["ready"]
    interrupted(shell, "-v down", "stopping", signal.SIGINT)
    shell.run("floe-local down --volumes")
    assert shell.json("floe-local status", expect=4)["volumes"] == []
