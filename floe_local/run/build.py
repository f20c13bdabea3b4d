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
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING, NamedTuple

from floe_local.errors import MachineError, on_path
from floe_local.plan.blueprint.recipe import (
    FILE_NAME,
    Debootstrap,
    GoBuild,
    LocatedRecipe,
    recipe_files,
)
from floe_local.run import build_steps
from floe_local.run.build_steps import describe_duration, go_build, processors
from floe_local.run.interrupts import defer_signals, interrupt_once
from floe_local.run.progress import Progress, silent, timed
from floe_local.run.pull import mirrored, pull
from floe_local.run.workspace import flock

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Sequence

    from floe_local.run.build_steps import Tell
    from floe_local.run.engine import Engine
    from floe_local.run.progress import OnProgress

WORK_PREFIX = "floe-local-build-"
LOCK = ".lock"
GO_ON = "Then `floe-local images get --build` goes on where it ended."
CAUSES: tuple[tuple[str, str, tuple[str, ...]], ...] = (
    # code, what to do, what the output of a failed build holds; the first that fits
    ("build-disk-full", "Make room: `df -h` and `docker system df` show what is used.",
     ("no space left on device", "disk quota exceeded")),
    ("build-out-of-memory", "Give it more memory: end other programs, or add swap.",
     ("signal: killed", "cannot allocate memory", "out of memory")),
    ("build-unreachable", "Check the network, and HTTPS_PROXY where there is a proxy.",
     ("no such host", "dial tcp", "i/o timeout", "tls handshake timeout", "proxyconnect",
      "connection refused", "connection reset", "temporary failure", "could not resolve",
      "couldn't download", "failed to fetch", "unexpected eof", "x509:")),
)  # fmt: skip


class BuildJob(NamedTuple):
    """An image to build: its recipe, and the image that it stands on."""

    recipe: LocatedRecipe
    base: str | None

    @property
    def compiles_alone(self) -> bool:
        """Whether it is a Go program that needs no other image: processors are all it waits for."""
        return self.base is None and self.compiles

    @property
    def compiles(self) -> bool:
        """Whether it compiles Go."""
        return any(isinstance(step, GoBuild) for step in self.recipe.recipe.steps)

    @property
    def expected_s(self) -> float:
        """Seconds that it is expected to take: only a compiler uses several processors."""
        return self.recipe.effort.cpu_s / (processors() if self.compiles else 1)


def build(
    source: LocatedRecipe,
    engine: Engine,
    report: OnProgress = silent,
    registry: str | None = None,
) -> str:
    """Make the image of a recipe, as `build_all` does.

    Returns:
        The image's name.
    """
    build_all((source,), engine, report, registry)
    return source.reference


def build_all(
    sources: Sequence[LocatedRecipe],
    engine: Engine,
    report: OnProgress = silent,
    registry: str | None = None,
) -> None:
    """Make the images of recipes, and those that they stand on, unless they are there.

    Args:
        sources: the recipes.
        engine: the engine that gets the images.
        report: told of each step, with the time since the image was begun.
        registry: a prefix for upstream's names (a mirror).

    Raises:
        MachineError: ``build-needs`` (something is not installed), ``build-failed`` or
            ``command-failed`` (with the end of the output); a pull's, where there is no other
            base.
    """
    jobs: dict[str, BuildJob] = {}
    for source in sources:
        jobs |= {j.recipe.reference: j for j in _jobs(source, engine, report, registry)}
    if jobs:  # what this machine offers takes a while to find out
        demand_needs([job.recipe for job in jobs.values()])
        report(Progress(subject="images", phase="planned", detail=plan_text(jobs.values())))
    with interrupt_once():
        sweep()
        _build_side_by_side(tuple(jobs.values()), engine, report)


def plan_text(jobs: Collection[BuildJob]) -> str:
    """What will be built, what is downloaded for it, and about how long that takes."""
    lanes = [
        sum(job.expected_s for job in jobs if job.compiles_alone is alone)
        for alone in (True, False)
    ]
    names = ", ".join(job.recipe.name for job in jobs)
    download = sum(job.recipe.effort.download_mb for job in jobs)
    return (
        f"{names} from packages, once: about {download} MB to download, "
        f"{describe_duration(max(lanes))} on {processors()} processors"
    )


def _jobs(
    source: LocatedRecipe, engine: Engine, report: OnProgress, registry: str | None
) -> list[BuildJob]:
    """What is missing of a recipe and those that it stands on, the lowest first."""
    if engine.image(source.reference):
        return []
    pulled = _pulled_base(source, engine, report, registry)
    return [
        BuildJob(recipe, pulled or (recipe.base.reference if recipe.base else None))
        for recipe in ((source,) if pulled else source.chain)
        if not engine.image(recipe.reference)
    ]


def _build_side_by_side(jobs: Sequence[BuildJob], engine: Engine, report: OnProgress) -> None:
    """Build one after the other, while a thread compiles Go: most of the others' time is network.

    One Go build at a time, as each uses all processors.
    """
    stop = Event()
    with ThreadPoolExecutor(1, thread_name_prefix="go-build") as pool:
        try:
            with defer_signals():
                compiling = pool.submit(
                    _build_each, [j for j in jobs if j.compiles_alone], engine, report, stop
                )
            _build_each([j for j in jobs if not j.compiles_alone], engine, report, stop)
            compiling.result()
        finally:
            stop.set()


def _build_each(jobs: Sequence[BuildJob], engine: Engine, report: OnProgress, stop: Event) -> None:
    for number, job in enumerate(jobs, start=1):
        following_s = sum(later.expected_s for later in jobs[number:])
        _build_one(job, engine, report, following_s=following_s, stop=stop)


def _pulled_base(
    source: LocatedRecipe, engine: Engine, report: OnProgress, registry: str | None
) -> str | None:
    """The upstream image to stand on: here, or pulled; None where the recipe's own base serves.

    Raises:
        MachineError: it cannot be pulled, and the recipe has no other.
    """
    wanted = source.recipe.pulled_base
    if wanted is None or (source.base and engine.image(source.base.reference)):
        return None
    name = mirrored(wanted, registry)
    if not engine.image(name):
        try:
            pull(name, engine, report)
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
                _remove(lock_file.parent)


def _build_one(
    job: BuildJob,
    engine: Engine,
    report: OnProgress,
    *,
    following_s: float,
    stop: Event,
) -> None:
    source = job.recipe
    tell = timed(report, source.name)
    with _alone(source.folder):
        if engine.image(source.reference):  # another process built it while we waited
            return
        with named_causes(source.name), work_folder(source) as work:
            tell("building", "")
            compiler = partial(
                go_build,
                architecture=engine.architecture,
                tags=source.variant.tags if source.variant else (),
                following_s=following_s,
                stop=stop,
            )
            image = _carry_out(job, work, engine, compiler, lambda line: tell("building", line))
        engine.tag(image, source.reference)
    tell("built", source.reference)


@contextmanager
def named_causes(name: str) -> Iterator[None]:
    """Within it, a build that fails for lack of disk, memory or network says which."""
    try:
        yield
    except MachineError as error:
        text = error.reason.lower()
        for code, advice, signs in CAUSES:
            if any(sign in text for sign in signs):
                raise MachineError(code, f"{name}: {error.reason}", f"{advice} {GO_ON}") from error
        raise


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
    job: BuildJob,
    work: Path,
    engine: Engine,
    compiler: Callable[..., None],
    tell: Tell,
) -> str:
    """Run the steps in order; the last gives the image's id."""
    image, source = "", job.recipe
    for step in source.recipe.steps:
        if isinstance(step, GoBuild):
            compiler(step, work, tell=tell)
        elif isinstance(step, Debootstrap):
            image = build_steps.debootstrap(step, work, engine, labels=source.labels, tell=tell)
        else:
            image = build_steps.docker_build(step, source, work, engine, base=job.base, tell=tell)
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
        _remove(holder)


def _remove(folder: Path) -> None:
    """Remove a folder; a compiler that was ended may still be removing its own files there."""
    while folder.exists():
        with suppress(FileNotFoundError):
            shutil.rmtree(folder)


def _locked(descriptor: int) -> bool:
    try:
        flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
