"""What older versions left is taken over: files, volumes, passwords, and the data in them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from floe_local.operations.down import down
from floe_local.operations.request import UpSettings
from floe_local.operations.smoke_test import find_targets, smoke_test
from floe_local.operations.stacks import identity_of
from floe_local.operations.status import status
from floe_local.operations.up import up
from floe_local.plan.values import Kind
from floe_local.prove.targets import SmokeOptions
from floe_local.prove.waiting import wait_for_run
from floe_local.run.workspace import Workspace
from tests.integration.stack.upgrade_data import project_in, restore, versions

if TYPE_CHECKING:
    from pathlib import Path

    from floe_local.run.engine import Engine
    from tests.integration.stack.conftest import Stacks

pytestmark = pytest.mark.integration


@pytest.mark.parametrize("version", versions())
def test_a_stack_that_an_older_version_left_goes_on(
    version: str, engine: Engine, stacks: Stacks, tmp_path: Path
) -> None:
    where = project_in(tmp_path, engine)
    identity = identity_of(where)
    stacks.projects.add(identity.project)
    left = restore(version, where, engine)
    passwords = Workspace(identity).secrets()

    before = status(where, engine)
    assert before.warnings == ()
    assert set(before.volumes) == set(left.volumes)
    assert {row.state for row in before.services} == {"down"}

    up(where, UpSettings(free_ports=True))
    assert status(where, engine).ready
    assert Workspace(identity).secrets().items() >= passwords.items()
    kept = {v.name: v.labels for v in engine.holdings(identity.project).volumes}
    assert {name: kept[name] for name in left.volumes} == left.volumes

    report = smoke_test(where, SmokeOptions())
    assert report.ok, report.reason
    [lineage] = [b for b in find_targets(where).backends if b.kind is Kind.LINEAGE]
    assert left.runs
    for run_id, state in left.runs.items():
        assert wait_for_run(lineage, run_id, state=state)

    down(where, volumes=True, engine=engine)
    assert not engine.holdings(identity.project)
    assert not Workspace(identity).root.exists()
