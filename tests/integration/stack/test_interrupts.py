"""^C at any moment leaves nothing, or a working stack."""

from __future__ import annotations

import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from floe_local.plan.stack.model import identify
from tests.processes import said_at_the_end

if TYPE_CHECKING:
    from pathlib import Path

    from floe_local.run.engine import Engine
    from tests.integration.stack.conftest import Stacks

pytestmark = pytest.mark.integration

CHILD = """
import sys
from pathlib import Path
from floe_local.operations.request import UpSettings
from floe_local.operations.stacks import Where
from floe_local.operations.up import up
tell = lambda p: print(p.subject, p.phase, flush=True)
up(Where(folder=Path(sys.argv[1])), UpSettings(free_ports=True), report=tell)
"""


@pytest.mark.parametrize("moment", ["jaeger starting", "jaeger ready", "postgres ready"])
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_up_leaves_nothing(
    engine: Engine, stacks: Stacks, tmp_path: Path, moment: str, number: signal.Signals
) -> None:
    project = identify(tmp_path).project
    stacks.projects.add(project)
    with subprocess.Popen(
        [sys.executable, "-c", CHILD, str(tmp_path)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as child:
        assert child.stdout is not None
        assert any(line.strip() == moment for line in child.stdout)
        child.send_signal(number)
        child.send_signal(number)  # an impatient one
        errors = said_at_the_end(child)
    assert errors.rstrip().endswith("KeyboardInterrupt"), errors
    assert not engine.holdings(project)
    assert not (tmp_path / ".floe-local").exists()
