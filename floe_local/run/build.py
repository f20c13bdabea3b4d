"""Builds images from recipes.

An image gets its name, which holds the hash of its recipe, when it is whole: what is called
so is whole, and need not be built again. However a build ends, its work folder goes, and so
does what it made of the image.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from floe_local.errors import MachineError, on_path
from floe_local.plan.blueprint.recipe import (
    FILE_NAME,
    Debootstrap,
    GoBuild,
    LocatedRecipe,
    recipe_files,
)
from floe_local.run import build_steps
from floe_local.run.docker_client import find_image
from floe_local.run.interrupts import one_interrupt
from floe_local.run.progress import silent, timed
from floe_local.run.pull import mirrored, pull
from floe_local.run.workspace import flock

if TYPE_CHECKING:
    from collections.abc import Iterator

    import docker

    from floe_local.run.build_steps import Tell
    from floe_local.run.progress import Report

WORK_PREFIX = "floe-local-build-"
LOCK = ".lock"


def build(
    source: LocatedRecipe,
    client: docker.DockerClient,
    report: Report = silent,
    registry: str | None = None,
) -> str:
    """Make the image of a recipe, and those it stands on, unless they are there.

    Args:
        source: the recipe.
        client: the engine that gets the image.
        report: told of each step, with the time since the image was begun.
        registry: a prefix for upstream's names (a mirror).

    Returns:
        The image's name.

    Raises:
        MachineError: ``build-needs`` (something is not installed), ``build-failed`` or
            ``command-failed`` (with the end of the output); a pull's, where there is no other
            base.
    """
    if find_image(source.reference, client):
        return source.reference
    base = _pulled_base(source, client, report, registry)
    chain = (source,) if base else source.chain
    wanted = [recipe for recipe in chain if not find_image(recipe.reference, client)]
    demand_needs(wanted)
    with one_interrupt():
        sweep()
        for recipe in wanted:
            own = recipe.base.reference if recipe.base else None
            _build_one(recipe, client, report, base or own)
    return source.reference


def _pulled_base(
    source: LocatedRecipe, client: docker.DockerClient, report: Report, registry: str | None
) -> str | None:
    """The upstream image to stand on: here, or pulled; None where the recipe's own base serves.

    Raises:
        MachineError: it cannot be pulled, and the recipe has no other.
    """
    wanted = source.recipe.pulled_base
    if wanted is None or (source.base and find_image(source.base.reference, client)):
        return None
    name = mirrored(wanted, registry)
    if not find_image(name, client):
        try:
            pull(name, client, report)
        except MachineError as error:
            if source.base is None:
                raise _nothing_to_stand_on(source, error) from error
            return None  # the base is built, or what that lacks is told
    return name


def _nothing_to_stand_on(source: LocatedRecipe, error: MachineError) -> MachineError:
    """The pull's own error, for a recipe that has no other base."""
    file = source.folder / FILE_NAME
    reason = f"to build {source.recipe.name}: its pulled_base {error.reason}; {file} has no `base`"
    hint = f"{error.hint} Or write `base: FOLDER`, a recipe to build and stand on instead."
    return MachineError(error.code, reason, hint)


def demand_needs(recipes: list[LocatedRecipe]) -> None:
    """Raise MachineError ``build-needs`` when a recipe cannot be built on this machine."""
    machine = build_steps.this_machine()
    for source in recipes:
        missing = build_steps.missing_needs(source.recipe, machine)
        if missing:
            reason = f"to build {source.recipe.name}, this machine lacks: {', '.join(missing)}"
            raise MachineError("build-needs", reason, "Install it, or let the image be pulled.")


def sweep() -> None:
    """Remove the work folders of builds that were killed."""
    for lock_file in Path(tempfile.gettempdir()).glob(f"{WORK_PREFIX}*/{LOCK}"):
        with suppress(PermissionError, FileNotFoundError), lock_file.open("r+") as lock:  # or gone
            if _locked(lock.fileno()):
                shutil.rmtree(lock_file.parent)


def _build_one(
    source: LocatedRecipe, client: docker.DockerClient, report: Report, base: str | None
) -> None:
    tell = timed(report, source.name)
    with _alone(source.folder):
        if find_image(source.reference, client):  # another process built it while we waited
            return
        with work_folder(source) as work:
            tell("building", "")
            image = _carry_out(source, work, client, base, lambda line: tell("building", line))
        repository, tag = source.reference.split(":")
        client.api.tag(image, repository, tag)
    tell("built", source.reference)


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Wait until no other process builds from this folder. The lock leaves no file behind."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        with on_path(folder):
            flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _carry_out(
    source: LocatedRecipe, work: Path, client: docker.DockerClient, base: str | None, tell: Tell
) -> str:
    """Run the steps in order; the last gives the image's id."""
    image = ""
    for step in source.recipe.steps:
        if isinstance(step, GoBuild):
            architecture = client.api.version()["Arch"]
            tags = source.variant.tags if source.variant else ()
            build_steps.go_build(step, work, architecture=architecture, tell=tell, tags=tags)
        elif isinstance(step, Debootstrap):
            image = build_steps.debootstrap(step, work, client, labels=source.labels, tell=tell)
        else:
            image = build_steps.docker_build(step, source, work, client, base=base, tell=tell)
    return image


@contextmanager
def work_folder(source: LocatedRecipe) -> Iterator[Path]:
    """A folder with the recipe's files; it is locked while it is used, and then removed."""
    holder = Path(tempfile.mkdtemp(prefix=f"{WORK_PREFIX}{source.recipe.name}-"))
    try:
        with (holder / LOCK).open("w") as lock:
            flock(lock.fileno(), fcntl.LOCK_EX)
            work = holder / "work"
            for name, path in recipe_files(source.folder).items():
                target = work / name
                target.parent.mkdir(parents=True, exist_ok=True)
                with on_path(target):
                    shutil.copy(path, target)
            yield work
    finally:
        shutil.rmtree(holder)


def _locked(descriptor: int) -> bool:
    try:
        flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
