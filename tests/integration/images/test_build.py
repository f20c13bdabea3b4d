from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import docker
import psutil
import pytest

from floe_local.errors import MachineError
from floe_local.plan.blueprint.model import ImageSource, compose_folder
from floe_local.plan.blueprint.recipe import GoBuild, load_recipe
from floe_local.plan.stack.model import ImageNeed
from floe_local.run.build import WORK_PREFIX, build, demand_needs, sweep
from floe_local.run.build_steps import go_program, uncompiled
from floe_local.run.images import Policy, resolve
from tests.waiting import wait_for

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from floe_local.plan.blueprint.recipe import LocatedRecipe
    from floe_local.run.engine import Engine
    from floe_local.run.progress import Progress

    Make = Callable[..., LocatedRecipe]
    Start = Callable[..., subprocess.Popen[bytes]]

pytestmark = pytest.mark.integration

BUILDER = """
import sys
from pathlib import Path
from floe_local.plan.blueprint.recipe import load_recipe
from floe_local.run.build import build
from floe_local.run.engine import Engine

build(load_recipe(Path(sys.argv[1])), Engine())
"""
GO_PROGRAM = 'package main\n\nimport _ "encoding/json"\n\nfunc main() {}\n'
SLOW_ROOTFS = "recipe: 1\nname: {name}\nsteps: [{{step: debootstrap, suite: bookworm}}]\n"


def go_recipe(make_recipe: Make) -> LocatedRecipe:
    """A recipe that compiles seventy packages of Go's own."""
    if not shutil.which("go"):
        pytest.skip("there is no go command")
    folder = make_recipe().folder
    text = (folder / "recipe.yaml").read_text(encoding="utf-8")
    steps = "steps: [{step: go-build, output: x}, "
    (folder / "recipe.yaml").write_text(text.replace("steps: [", steps), encoding="utf-8")
    (folder / "go.mod").write_text("module x\n\ngo 1.21\n", encoding="utf-8")
    (folder / "main.go").write_text(GO_PROGRAM, encoding="utf-8")
    return load_recipe(folder)


def leftovers(engine: Engine, recipe: LocatedRecipe) -> list[str]:
    """Images (named or not) and containers that mention the recipe's name; work folders.

    Other tests use the engine meanwhile, so that its totals say nothing.
    """
    name = recipe.recipe.name
    listed = engine.client.api.images(all=True)
    images = [i["Id"] for i in listed if name in f"{i['RepoTags']}{made_by(engine, i['Id'])}"]
    containers = [
        c
        for c in engine.client.containers.list(all=True, ignore_removed=True)
        if name in str(c.attrs["Config"])
    ]
    found = [*(f"image {i}" for i in images), *(f"container {c.id}" for c in containers)]
    return found + [f"folder {path}" for path in work_folders(name)]


def made_by(engine: Engine, image: str) -> str:
    """The commands that made an image."""
    try:
        return str(engine.client.api.history(image))
    except docker.errors.ImageNotFound:  # it has gone meanwhile
        return ""


def work_folders(name: str = "") -> list[Path]:
    return list(Path(tempfile.gettempdir()).glob(f"{WORK_PREFIX}{name}*"))


@pytest.fixture
def start_build() -> Iterator[Start]:
    """Give a function that builds in a process of its own."""
    with ExitStack() as stack:

        def start(recipe: LocatedRecipe, **env: str) -> subprocess.Popen[bytes]:
            process = subprocess.Popen(
                [sys.executable, "-c", BUILDER, str(recipe.folder)],
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
                env={**os.environ, **env},
            )
            stack.callback(end, process)
            return process

        yield start


def end(process: subprocess.Popen[bytes]) -> None:
    """End a build; one that does not end in time is killed."""
    process.terminate()
    try:
        process.wait(30)
    except subprocess.TimeoutExpired:
        process.kill()
        raise


def test_an_image_is_built_named_and_labelled(engine: Engine, make_recipe: Make) -> None:
    recipe = make_recipe(extra="origin: stand-in\nupstream: some/thing:1\n")

    name = build(recipe, engine)

    image = engine.image(name)
    assert image is not None
    assert image.labels == recipe.labels
    assert image.names == (recipe.reference,)


def test_the_second_build_finds_the_first(engine: Engine, make_recipe: Make) -> None:
    recipe = make_recipe()
    first, second = no_events(), no_events()

    build(recipe, engine, first.append)
    build(recipe, engine, second.append)

    assert {p.phase for p in first} == {"planned", "building", "built"}
    assert second == []


def no_events() -> list[Progress]:
    return []


def test_progress_tells_the_steps_and_their_times(engine: Engine, make_recipe: Make) -> None:
    events = no_events()
    recipe = make_recipe()

    build(recipe, engine, events.append)

    plan, *events = events
    assert (plan.subject, plan.phase) == ("images", "planned")
    assert plan.detail.startswith(recipe.recipe.name)
    assert {event.subject for event in events} == {recipe.recipe.name}
    assert any("COPY recipe.yaml" in event.detail for event in events)
    times = [event.elapsed_s for event in events]
    assert times == sorted(times)


def test_another_content_is_another_image(engine: Engine, make_recipe: Make) -> None:
    recipe = make_recipe()
    first = build(recipe, engine)

    (recipe.folder / "more").write_text("x", encoding="utf-8")
    second = build(load_recipe(recipe.folder), engine)

    assert first != second
    assert engine.image(first)


def test_a_failed_build_leaves_nothing_and_shows_the_end(engine: Engine, make_recipe: Make) -> None:
    recipe = make_recipe("FROM scratch\nENV NAME={name}\nCOPY recipe.yaml /\nCOPY not-there /\n")

    with pytest.raises(MachineError, match="not-there") as raised:
        build(recipe, engine)

    assert raised.value.code == "build-failed"
    assert leftovers(engine, recipe) == []


def test_a_base_image_survives_a_failed_build_on_it(engine: Engine, make_recipe: Make) -> None:
    base = make_recipe()
    dockerfile = "ARG BASE\nFROM $BASE\nCOPY not-there /\n"
    top = make_recipe(dockerfile, extra=f"base: ../{base.folder.name}\n")

    with pytest.raises(MachineError):
        build(top, engine)

    assert engine.image(base.reference)
    assert engine.image(top.reference) is None


def test_an_image_that_is_here_does_not_need_its_base(engine: Engine, make_recipe: Make) -> None:
    base = make_recipe()
    top = make_recipe("ARG BASE\nFROM $BASE\nENV X=1\n", extra=f"base: ../{base.folder.name}\n")
    build(top, engine)
    engine.client.api.remove_image(base.reference)

    build(top, engine)

    assert engine.image(base.reference) is None


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_debootstrap_leaves_nothing(
    engine: Engine,
    make_recipe: Make,
    start_build: Start,
    how: signal.Signals,
) -> None:
    recipe = slow_rootfs(make_recipe)
    process = start_build(recipe)
    wait_for(lambda: unpacking(recipe), "debootstrap to unpack")

    process.send_signal(how)
    process.wait(30)

    assert process.returncode != 0
    assert leftovers(engine, recipe) == []
    assert debootstraps(recipe) == []


def test_an_interrupted_go_build_leaves_nothing(
    tmp_path: Path, make_recipe: Make, start_build: Start
) -> None:
    recipe = go_recipe(make_recipe)
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    process = start_build(recipe, TMPDIR=str(temporary), GOCACHE=str(tmp_path / "gocache"))
    wait_for(lambda: any(temporary.rglob("go-build*/*")), "go to compile", 60)

    process.send_signal(signal.SIGINT)
    process.wait(30)

    assert list(temporary.iterdir()) == []


def test_a_killed_go_build_goes_on_where_it_was(
    tmp_path: Path,
    engine: Engine,
    make_recipe: Make,
    start_build: Start,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    recipe = go_recipe(make_recipe)
    monkeypatch.setenv("GOCACHE", str(tmp_path / "gocache"))
    step = next(step for step in recipe.recipe.steps if isinstance(step, GoBuild))
    program = go_program(step, recipe.folder, engine.architecture)

    def packages() -> int:
        return len(uncompiled(program, lambda _: None).packages)

    whole = packages()
    process = start_build(recipe)
    wait_for(lambda: packages() <= whole / 2, "half of the packages", 120)
    compilers = psutil.Process(process.pid).children(recursive=True)
    process.kill()
    process.wait(30)
    psutil.wait_procs(compilers, 30)  # they end as nobody listens to them any more
    left = packages()
    events = no_events()
    build(recipe, engine, events.append)

    assert 0 < left <= 0.6 * whole
    counted = [event.detail for event in events if f"of {left} packages, " in event.detail]
    assert counted[0].startswith("1 of ")
    assert counted[-1].startswith(f"{left} of ")


def test_what_a_killed_build_leaves_goes_with_the_next(
    engine: Engine, make_recipe: Make, start_build: Start
) -> None:
    recipe = slow_rootfs(make_recipe)
    process = start_build(recipe)
    wait_for(lambda: unpacking(recipe), "debootstrap to unpack")

    process.kill()
    process.wait(30)
    wait_for(lambda: debootstraps(recipe) == [], "debootstrap to end with its parent", 60)
    sweep()

    assert leftovers(engine, recipe) == []


def test_a_running_build_is_not_swept(make_recipe: Make, start_build: Start) -> None:
    recipe = slow_rootfs(make_recipe)
    start_build(recipe)
    wait_for(lambda: unpacking(recipe), "debootstrap to unpack")

    sweep()

    assert work_folders(recipe.recipe.name)


def slow_rootfs(make_recipe: Make) -> LocatedRecipe:
    """A recipe that takes long enough to be interrupted."""
    recipe = make_recipe()
    text = SLOW_ROOTFS.format(name=recipe.recipe.name)
    (recipe.folder / "recipe.yaml").write_text(text, encoding="utf-8")
    recipe = load_recipe(recipe.folder)
    try:
        demand_needs([recipe])
    except MachineError as error:
        pytest.skip(error.reason)
    return recipe


def unpacking(recipe: LocatedRecipe) -> bool:
    return any(folder.glob("work/rootfs/var") for folder in work_folders(recipe.recipe.name))


def debootstraps(recipe: LocatedRecipe) -> list[int]:
    """The processes that work in the build's folder."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = path.read_bytes()
        except (FileNotFoundError, ProcessLookupError):
            continue
        if f"{WORK_PREFIX}{recipe.recipe.name}".encode() in words:
            found.append(int(path.parent.name))
    return found


def test_an_interrupted_docker_build_leaves_nothing(
    engine: Engine, make_recipe: Make, start_build: Start
) -> None:
    base = load_recipe(compose_folder() / "base" / "image")
    if not engine.image(base.reference):
        pytest.skip(f"{base.reference} has not been built")
    recipe = make_recipe(f"FROM {base.reference}\nRUN echo {{name}}\nRUN sleep 600 # {{name}}\n")
    process = start_build(recipe)
    wait_for(lambda: sleeping(engine, recipe), "the build's container", 60)

    process.send_signal(signal.SIGINT)
    process.wait(30)

    wait_for(lambda: leftovers(engine, recipe) == [], "the engine to clean up")
    assert engine.image(recipe.reference) is None


def sleeping(engine: Engine, recipe: LocatedRecipe) -> bool:
    containers = engine.client.containers.list(ignore_removed=True)
    configs = (str(container.attrs["Config"]) for container in containers)
    return any("sleep" in config and recipe.recipe.name in config for config in configs)


def test_two_builds_of_one_recipe_make_it_once(
    engine: Engine, make_recipe: Make, start_build: Start
) -> None:
    recipe = make_recipe()

    processes = [start_build(recipe) for _ in range(3)]

    assert [process.wait(60) for process in processes] == [0, 0, 0]
    assert engine.image(recipe.reference)


STANDING = "ARG BASE\nFROM $BASE\nENV STANDS_ON={name}\n"


def test_an_upstream_base_that_is_here_serves_as_well(engine: Engine, make_recipe: Make) -> None:
    upstream = build(make_recipe("FROM scratch\nENV IS=upstream\nCOPY recipe.yaml /\n"), engine)
    base = make_recipe()
    extra = f"base: ../{base.folder.name}\npulled_base: {upstream}\n"
    top = make_recipe(STANDING, extra=extra)

    assert engine.image_environment(build(top, engine))["IS"] == "upstream"
    assert engine.image(base.reference) is None


def test_where_the_upstream_base_cannot_be_had_the_own_one_is_built(
    engine: Engine, make_recipe: Make
) -> None:
    base = make_recipe("FROM scratch\nENV IS=own\nCOPY recipe.yaml /\n")
    extra = f"base: ../{base.folder.name}\npulled_base: 127.0.0.1:9/not/there:1\n"
    name = build(make_recipe(STANDING, extra=extra), engine)

    assert engine.image_environment(name)["IS"] == "own"


def test_a_base_that_cannot_be_pulled_is_named_where_there_is_no_other(
    engine: Engine, make_recipe: Make
) -> None:
    recipe = make_recipe(STANDING, extra="pulled_base: 127.0.0.1:9/not/there:1\n")

    with pytest.raises(MachineError, match="could not be pulled") as caught:
        build(recipe, engine)

    assert caught.value.code == "registry-unreachable"
    assert "has no `base`" in caught.value.reason
    assert "`base: FOLDER`" in caught.value.hint


def test_an_image_without_upstream_is_built_without_a_question(
    engine: Engine, make_recipe: Make
) -> None:
    recipe = make_recipe()
    source = ImageSource(recipe=recipe.folder.name)
    need = ImageNeed(service="own", source=source, folder=str(recipe.folder.parent))

    with pytest.raises(MachineError):
        resolve([need], Policy(build="never"), engine)
    assert resolve([need], Policy(), engine)["own"].reference == recipe.reference
