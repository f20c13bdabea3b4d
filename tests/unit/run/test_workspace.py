from __future__ import annotations

import errno
import json
import os
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from floe_local.errors import MachineError
from floe_local.plan.blueprint.lookup import find_blueprint
from floe_local.plan.stack.model import identify
from floe_local.plan.stack.plan import plan_stack
from floe_local.plan.values import Kind, Placement, Signal
from floe_local.run.workspace import Workspace, fingerprint

if TYPE_CHECKING:
    from floe_local.plan.stack.model import StackPlan
    from tests.unit.conftest import Builder


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


def own_plan(build: Builder, workspace: Workspace) -> StackPlan:
    plan = plan_stack(build.inputs())
    return plan.model_copy(update={"identity": identify(workspace.root.parent)})


def test_the_plan_is_read_back(build: Builder, workspace: Workspace) -> None:
    plan = own_plan(build, workspace)
    workspace.write(plan)
    assert workspace.plan() == plan
    assert workspace.is_own()
    assert (workspace.root / ".gitignore").read_text().endswith("*\n")


def test_backends_are_read_back_whole(build: Builder, workspace: Workspace) -> None:
    """Whatever their blueprints say, and whatever the plugin without one is called."""
    saas = find_blueprint("openmetadata")
    assert saas is not None
    played = build.backend("played", transport={"type": "console"})
    played = played.model_copy(update={"blueprint": saas.blueprint})
    console = build.backend("Console", exporters={"traces": ("debug",)})
    plan = plan_stack(build.inputs(build.compiled(backends=(console,))))
    plan = plan.model_copy(
        update={"backends": (played, console), "identity": identify(workspace.root.parent)}
    )
    workspace.write(plan)
    assert workspace.plan() == plan


@pytest.mark.parametrize("content", ['{"from": "the future"}', "", "[", '"\udcff"'])
def test_a_plan_that_cannot_be_read_is_not_none(
    content: str, build: Builder, workspace: Workspace
) -> None:
    workspace.write(own_plan(build, workspace))
    file = workspace.folder / "stack.json"
    file.write_bytes(content.encode("utf-8", "surrogateescape"))
    with pytest.raises(MachineError, match="another version") as caught:
        workspace.plan()
    assert caught.value.code == "stack-file"
    assert str(file) in caught.value.reason
    plan, why = workspace.known_plan()
    assert plan is None
    assert str(file) in why
    assert workspace.is_own()


def test_the_files_of_a_stack_that_was_elsewhere_are_not_ours(
    build: Builder, workspace: Workspace
) -> None:
    """A moved or copied folder, or one mounted twice, holds what another stack still needs."""
    workspace.write(plan_stack(build.inputs()))
    assert not workspace.is_own()
    with pytest.raises(MachineError, match="moved or copied"):
        workspace.plan()


def test_files_of_any_version_are_put_back_as_they_were(
    build: Builder, workspace: Workspace
) -> None:
    plan = own_plan(build, workspace)
    workspace.write(plan)
    (workspace.folder / "stack.json").write_text('{"from": "the future"}')
    (workspace.folder / "config" / "of-the-future.yaml").write_text("a: 1")
    before = workspace.snapshot()
    workspace.write(plan.model_copy(update={"files": {"config/new.yaml": ""}}))
    assert workspace.snapshot() != before
    workspace.restore(before)
    assert workspace.snapshot() == before


def test_modes_do_not_depend_on_the_callers_umask(build: Builder, workspace: Workspace) -> None:
    """A container's user, who is another, has to read its config."""
    before = os.umask(0o077)
    try:
        workspace.make_secrets(["A"])
        workspace.write(plan_stack(build.inputs()))
        (config,) = (workspace.folder / "config").rglob("*.yaml")
        config.chmod(0o600)  # a run of before, or somebody's chmod
        workspace.write(plan_stack(build.inputs()))
    finally:
        os.umask(before)
    modes = {p.name: p.stat().st_mode & 0o777 for p in workspace.folder.rglob("*") if p.is_file()}
    assert modes.pop(".env") == 0o600
    assert set(modes.values()) == {0o644}


def test_a_config_that_is_dropped_goes(build: Builder, workspace: Workspace) -> None:
    plan = plan_stack(build.inputs())
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
    workspace.write(plan_stack(build.inputs()))
    names = {p.name for p in workspace.folder.rglob("*") if p.is_file()}
    assert names == {".env", "stack.json", "stack.compose.yaml", "collector.yaml"}


def test_a_path_that_leads_out_is_refused(build: Builder, workspace: Workspace) -> None:
    plan = plan_stack(build.inputs()).model_copy(update={"files": {"../../x": ""}})
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


@pytest.mark.parametrize("number", [errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOSYS])
def test_a_file_system_without_locks_is_used_without(
    number: int, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr("fcntl.flock", refused)
    with workspace.locked(ignore, 0):
        assert workspace.folder.exists()


def test_a_lock_that_is_refused_names_its_file(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_: object) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr("fcntl.flock", refused)
    with pytest.raises(OSError, match="Input/output") as caught, workspace.locked(ignore, 0):
        pass
    assert caught.value.filename == str(workspace.folder / ".lock")


def test_passwords_that_are_not_text_name_their_file(workspace: Workspace) -> None:
    workspace.make_secrets(["A"])
    workspace.secrets_file.write_bytes(b"A=\xff")
    with pytest.raises(OSError, match="not UTF-8") as caught:
        workspace.secrets()
    assert caught.value.filename == str(workspace.secrets_file)


def test_a_lock_alone_leaves_nothing(workspace: Workspace) -> None:
    with workspace.locked(ignore, 1):
        assert workspace.folder.exists()
    assert not workspace.root.exists()


def test_withdrawing_keeps_the_passwords_of_an_older_volume(
    build: Builder, workspace: Workspace
) -> None:
    with workspace.locked(ignore, 1):
        workspace.make_secrets(["A"])
        workspace.write(plan_stack(build.inputs()))
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


OLDER = Path(__file__).parents[2] / "integration" / "stack" / "upgrades"


@pytest.mark.parametrize("version", ["0.1.0", "0.2.0"])
def test_a_plan_of_an_older_version_is_read(version: str, workspace: Workspace) -> None:
    workspace.folder.mkdir(parents=True)
    left = (OLDER / version / "workspace" / "stack.json").read_text(encoding="utf-8")
    written = json.loads(left)["identity"]["project"]
    (workspace.folder / "stack.json").write_text(
        left.replace(written, workspace.project), encoding="utf-8"
    )

    plan = workspace.plan()

    assert plan is not None
    assert [(b.name, b.kind, b.placement) for b in plan.backends] == [
        ("jaeger", Kind.TELEMETRY, Placement.IN_STACK),
        ("marquez", Kind.LINEAGE, Placement.IN_STACK),
    ]
    jaeger, marquez = plan.backends
    assert jaeger.service_of["otlp-grpc"] == "jaeger"
    assert [probe.name for probe in jaeger.blueprint.readback[Signal.TRACES]] == ["trace"]
    assert marquez.blueprint.naming.child_job == "{parent_job}.{job}"
    assert marquez.transport


@pytest.mark.parametrize("content", ["{", "[]", '{"backends": [3], "sandboxed": []}'])
def test_what_is_no_plan_of_any_version_is_said(content: str, workspace: Workspace) -> None:
    workspace.folder.mkdir(parents=True)
    (workspace.folder / "stack.json").write_text(content, encoding="utf-8")
    with pytest.raises(MachineError) as raised:
        workspace.plan()
    assert raised.value.code == "stack-file"
