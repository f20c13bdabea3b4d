"""Which stack a command line means: never another folder's, however the folder is spelt."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from floe_local.errors import FloeError, InputError, MachineError
from floe_local.operations.down import down
from floe_local.operations.logs import logs
from floe_local.operations.request import manifest_of
from floe_local.operations.show import env, render, urls
from floe_local.operations.smoke_test import find_targets
from floe_local.operations.stacks import Where, identity_of, resolve_project
from floe_local.operations.status import status
from floe_local.operations.up import up
from floe_local.run.holdings import Volume
from tests.fake_engine import FakeEngine

if TYPE_CHECKING:
    from collections.abc import Callable


PAIR = "plugins: {telemetry_backend: jaeger, lineage_backend: marquez}\n"


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project, with another one beside it, and every way to come to it."""
    folder = tmp_path / "shop"
    for name in ("shop", "shop/inner", "other"):
        (tmp_path / name).mkdir()
    for project in (folder, tmp_path / "other"):
        (project / "manifest.yaml").write_text(PAIR)
    (folder / "broken.yaml").write_text("{")
    (folder / "linked.yaml").symlink_to("../other/manifest.yaml")
    (folder / "nowhere.yaml").symlink_to("../gone.yaml")
    (tmp_path / "link").symlink_to("shop")
    (tmp_path / "other" / "deep").symlink_to("../shop/inner")
    monkeypatch.chdir(folder)
    monkeypatch.setenv("HOME", str(tmp_path))
    return folder


SPELLINGS = [
    "manifest.yaml",
    "./manifest.yaml",
    ".",
    "./",
    "inner/..",
    "../shop",
    "../shop/",
    "../shop//manifest.yaml",
    "../link",
    "../link/manifest.yaml",
    "../other/../shop/manifest.yaml",
    "../other/deep/../manifest.yaml",
    "~/shop",
    "~/link/manifest.yaml",
    "broken.yaml",
    "linked.yaml",
    "nowhere.yaml",
]


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_one_folder_is_one_stack_however_it_is_spelt(shop: Path, spelling: str) -> None:
    expected = identity_of(Where())
    assert Path(expected.folder) == shop
    assert identity_of(Where(manifest=Path(spelling))) == expected
    if not spelling.startswith("~"):
        assert identity_of(Where(manifest=shop / spelling)) == expected


def test_two_projects_that_link_one_manifest_have_a_stack_each(shop: Path) -> None:
    linked = Where(manifest=shop / "linked.yaml")
    other = Where(manifest=shop.parent / "other" / "manifest.yaml")
    assert identity_of(linked) != identity_of(other)
    assert manifest_of(linked).root == shop


MISSING = ["nope.yaml", "inner", "../typo/manifest.yaml", "~/typo", "a" * 300, "manifest.yaml/x"]
COMMANDS: list[Callable[[Where], object]] = [
    down,
    env,
    find_targets,
    logs,
    render,
    status,
    up,
    urls,
]


@pytest.mark.usefixtures("shop")
@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("path", MISSING)
def test_a_manifest_that_is_not_there_means_no_stack(
    path: str, command: Callable[[Where], object]
) -> None:
    with pytest.raises((InputError, OSError)) as caught:
        command(Where(manifest=Path(path)))
    if isinstance(caught.value, InputError):
        assert caught.value.code == "manifest-missing"


@pytest.mark.usefixtures("shop")
def test_an_environment_that_is_not_there_means_no_stack() -> None:
    with pytest.raises(InputError, match="there is not such a file"):
        identity_of(Where(environment="prdo"))


def test_a_folder_that_was_removed_is_said(shop: Path) -> None:
    gone = shop / "gone"
    gone.mkdir()
    os.chdir(gone)
    gone.rmdir()
    with pytest.raises(MachineError) as caught:
        identity_of(Where())
    assert caught.value.code == "folder-gone"


def engine_with(project: str) -> FakeEngine:
    """An engine that holds data of a project."""
    return FakeEngine(volumes=[Volume(name=f"{project}_db", project=project)])


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    manifest=st.none() | st.sampled_from([*SPELLINGS, *MISSING]) | st.text(max_size=8),
    environment=st.none() | st.sampled_from(["local", "prod", "inner", "../other", ""]),
    stack=st.none() | st.sampled_from(["ci", "shop", "other", "", "..", "OTHER"]),
)
def test_down_never_takes_another_folders_data(
    shop: Path, manifest: str | None, environment: str | None, stack: str | None
) -> None:
    other = identity_of(Where(manifest=shop.parent / "other"))
    engine = engine_with(other.project)
    path = None if manifest is None or "\0" in manifest else Path(manifest)
    where = Where(manifest=path, environment=environment, stack=stack)
    with suppress(FloeError, OSError):
        down(where, volumes=True, engine=engine)
    if path is not None and path.parts[:2] == ("..", "other"):
        return
    assert [v.project for v in engine.held.volumes] == [other.project]


def test_a_project_of_elsewhere_is_meant_only_without_a_manifest(shop: Path) -> None:
    other = identity_of(Where(manifest=shop.parent / "other")).project
    engine = engine_with(other)
    assert resolve_project(engine, Where(stack=other)) == other
    assert resolve_project(engine, Where(stack=other, manifest=shop)) != other
