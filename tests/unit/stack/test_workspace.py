from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest

from floe_local.errors import MachineError
from floe_local.plan.stack.identity import identify
from floe_local.plan.stack.plan import plan_stack
from floe_local.run.workspace import Workspace, fingerprint

if TYPE_CHECKING:
    from pathlib import Path

    from tests.unit.stack.conftest import Builder


def ignore() -> None:
    """Be told of nothing."""


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    folder = tmp_path / "my shop, données"
    folder.mkdir()
    return Workspace(identify(folder))


def test_constructing_it_touches_nothing(workspace: Workspace) -> None:
    assert not workspace.root.exists()
    assert workspace.plan() is None
    assert workspace.secrets() == {}


def test_the_plan_is_read_back(build: Builder, workspace: Workspace) -> None:
    plan = plan_stack(build.given())
    workspace.write(plan)
    assert workspace.plan() == plan
    assert (workspace.root / ".gitignore").read_text().endswith("*\n")


def test_a_plan_of_another_version_is_none(build: Builder, workspace: Workspace) -> None:
    workspace.write(plan_stack(build.given()))
    (workspace.folder / "stack.json").write_text('{"from": "the future"}')
    assert workspace.plan() is None


def test_a_config_that_is_dropped_goes(build: Builder, workspace: Workspace) -> None:
    plan = plan_stack(build.given())
    workspace.write(plan)
    workspace.write(plan.model_copy(update={"files": {}}))
    assert not list((workspace.folder / "config").rglob("*.yaml"))


def test_passwords_are_private_and_stay(workspace: Workspace) -> None:
    first = workspace.make_secrets(["A"])
    second = workspace.make_secrets(["A", "B"])
    assert second["A"] == first["A"] != second["B"]
    assert workspace.secrets() == second
    assert workspace.secrets_file.stat().st_mode & 0o777 == 0o600
    assert len(first["A"]) >= 32


def test_no_temporary_file_is_left(build: Builder, workspace: Workspace) -> None:
    workspace.make_secrets(["A"])
    workspace.write(plan_stack(build.given()))
    names = {p.name for p in workspace.folder.rglob("*") if p.is_file()}
    assert names == {".env", "stack.json", "stack.compose.yaml", "collector.yaml"}


def test_a_path_that_leads_out_is_refused(build: Builder, workspace: Workspace) -> None:
    plan = plan_stack(build.given()).model_copy(update={"files": {"../../x": ""}})
    with pytest.raises(MachineError, match="leads out"):
        workspace.write(plan)


def test_a_second_command_waits_for_the_first(workspace: Workspace) -> None:
    entered: list[str] = []
    waiting = threading.Event()

    def second() -> None:
        with workspace.locked(waiting.set, 10):
            entered.append("second")

    with workspace.locked(ignore, 10):
        thread = threading.Thread(target=second)
        thread.start()
        assert waiting.wait(10)
        entered.append("first")
    thread.join(10)
    assert entered == ["first", "second"]


def test_a_command_does_not_wait_for_ever(workspace: Workspace) -> None:
    with (
        workspace.locked(ignore, 10),
        pytest.raises(MachineError) as caught,
        workspace.locked(ignore, 0.2),
    ):
        pass
    assert caught.value.code == "stack-locked"


def test_a_lock_alone_leaves_nothing(workspace: Workspace) -> None:
    with workspace.locked(ignore, 1):
        assert workspace.folder.exists()
    assert not workspace.root.exists()


def test_withdrawing_keeps_the_passwords_of_an_older_volume(
    build: Builder, workspace: Workspace
) -> None:
    with workspace.locked(ignore, 1):
        workspace.make_secrets(["A"])
        workspace.write(plan_stack(build.given()))
        workspace.withdraw(keep_secrets=True)
    assert workspace.secrets()
    assert workspace.plan() is None


def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / ".floe-local").write_text("a file in the way")
    workspace = Workspace(identify(tmp_path))
    with pytest.raises(MachineError, match="cannot write"), workspace.locked(ignore, 1):
        pass


def test_a_fingerprint_depends_on_the_named_passwords_only() -> None:
    assert fingerprint({"A": "1", "B": "2"}, ["A"]) == fingerprint({"A": "1"}, ["A"])
    assert fingerprint({"A": "1"}, ["A"]) != fingerprint({"A": "2"}, ["A"])
