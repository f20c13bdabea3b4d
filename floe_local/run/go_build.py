"""Compiles Go programs for images, and says how much is left.

Go keeps each package that it has compiled: a build that was killed goes on where it ended. How
long a package takes follows the size of its source, so that the bytes of what is not compiled
yet tell how much time is left.
"""

from __future__ import annotations

import json
import os
import shutil
import time
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from floe_local.run import process

if TYPE_CHECKING:
    from collections.abc import Callable
    from threading import Event

    from floe_local.plan.blueprint.recipe import GoBuild

    Tell = Callable[[str], None]

EXPECTED_BYTES_PER_S = 170_000.0
"""Source compiled in a second of one processor, as measured; what is seen soon outweighs it."""
EXPECTED_WEIGHT_S = 4.0
"""How many seconds of seeing weigh as much as that expectation."""
MOST_PROCESSORS = 8
"""Go compiles packages that wait for each other: more processors than these help little."""
LINK_SHARE = 0.06
"""What linking takes, as a share of compiling; it is printed by nobody."""
_UNCOMPILED = "{{if .Stale}}{{.ImportPath}}\t{{.Dir}}\t{{range .GoFiles}}{{.}} {{end}}{{end}}"
"""A line of ``go list`` for each package that Go has not kept: path, folder, files."""


class GoProgram(NamedTuple):
    """A Go program to compile in `folder`; `output` is the file that it becomes."""

    folder: Path
    package: str
    output: Path
    options: tuple[str, ...]
    environment: dict[str, str]

    def command(self, *words: str) -> list[str]:
        """A go command with the options that decide what is compiled, and how."""
        return ["go", *words, *self.options]


class Workload(NamedTuple):
    """The packages that are still to be compiled: bytes of source by import path."""

    packages: dict[str, int]

    @property
    def size(self) -> int:
        """All bytes, with those that linking is worth."""
        return int(sum(self.packages.values()) * (1 + LINK_SHARE))


class Compilation:
    """How far a compilation has come, by the lines that ``go build -v`` prints.

    Args:
        workload: what is to be compiled.
        following_s: what the builds after this one are expected to take, in seconds.
        clock: seconds that go on.
    """

    def __init__(
        self,
        workload: Workload,
        following_s: float = 0.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._left = dict(workload.packages)
        self._total, self._size = len(workload.packages), workload.size
        self._following_s = following_s
        self._clock, self._began = clock, clock()
        self._expected_rate = EXPECTED_BYTES_PER_S * processors()

    def describe(self, line: str) -> str:
        """What to show when Go has printed a line: it names a package as it begins with it."""
        if self._left.pop(line, None) is None:
            return line
        done = self._total - len(self._left)
        text = f"{done} of {self._total} packages, {describe_duration(self.left_s())} left"
        if not self._following_s:
            return text
        return f"{text}; {describe_duration(self.all_left_s())} for all images"

    def left_s(self) -> float:
        """Seconds until the program is there, by what was compiled in the time that has passed."""
        return self._bytes_left() / self._rate()

    def all_left_s(self) -> float:
        """Seconds until what follows is there, too, on a machine that is as fast as it was."""
        return self.left_s() + self._following_s * self._expected_rate / self._rate()

    def _bytes_left(self) -> float:
        linking = self._size - self._size / (1 + LINK_SHARE)
        return sum(self._left.values()) + linking

    def _rate(self) -> float:
        done, seconds = self._size - self._bytes_left(), self._clock() - self._began
        expected = self._expected_rate * EXPECTED_WEIGHT_S
        return (done + expected) / (seconds + EXPECTED_WEIGHT_S)


def processors() -> int:
    """How many processors speed a Go build up here."""
    return min(len(os.sched_getaffinity(0)), MOST_PROCESSORS)


def describe_duration(seconds: float) -> str:
    """A duration to plan by: ``about 4 min``, ``about 20 s``."""
    if seconds >= 90:  # noqa: PLR2004 - below it, minutes would be too coarse
        return f"about {round(seconds / 60)} min"
    return f"about {max(10, round(seconds, -1)):.0f} s"


def go_build(
    step: GoBuild,
    work: Path,
    *,
    architecture: str,
    tell: Tell,
    tags: tuple[str, ...] = (),
    following_s: float = 0.0,
    stop: Event | None = None,
) -> None:
    """Compile into the work folder.

    Args:
        step: what to compile.
        work: a folder with the recipe's files.
        architecture: of the engine, as Go names it.
        tell: called with what to show.
        tags: Go build tags.
        following_s: what the builds after this one are expected to take, in seconds.
        stop: once it is set, the compiler is ended.

    Raises:
        MachineError: Go is missing, a module cannot be had, or the program does not compile.
    """
    program = go_program(step, work, architecture, tags)
    compilation = Compilation(uncompiled(program, tell, stop), following_s)
    process.run(
        [*program.command("build", "-v"), "-o", str(program.output), program.package],
        cwd=program.folder,
        env=program.environment,
        on_line=lambda line: tell(compilation.describe(line)),
        stop=stop,
    )


def go_program(
    step: GoBuild, work: Path, architecture: str, tags: tuple[str, ...] = ()
) -> GoProgram:
    """What a step compiles in a work folder: of a module, or of the recipe's own files."""
    folder, mode = (_module_folder(step.module, work), "readonly") if step.module else (work, "mod")
    variables = [f"-X {name}={value}" for name, value in step.variables.items()]
    return GoProgram(
        folder=folder,
        package=step.package,
        output=work / step.output,
        options=(
            f"-mod={mode}",
            "-modcacherw",
            "-trimpath",
            "-buildvcs=false",
            f"-ldflags={' '.join(['-s', '-w', *variables])}",
            *([f"-tags={','.join(tags)}"] if tags else []),
            *_replacing(step, folder, work),
        ),
        environment={
            "CGO_ENABLED": "0",
            "GOOS": "linux",
            "GOARCH": architecture,
            "GOWORK": "off",
            "TMPDIR": str(work.parent),  # go leaves its own files there when it is ended
        },
    )


def _module_folder(module: str, work: Path) -> Path:
    command = ["go", "mod", "download", "-modcacherw", "-json", module]
    answer = process.run(command, cwd=work, env={"GOWORK": "off", "GOFLAGS": "-mod=mod"}).output
    found = json.loads(answer[answer.index("{") :])
    return Path(found["Dir"])


def _replacing(step: GoBuild, folder: Path, work: Path) -> list[str]:
    """The option by which Go takes folders of the recipe for modules; none without `replace`.

    The module's own go.mod lies in the module cache, which is shared: a copy of it is changed.
    """
    if not step.replace:
        return []
    changed = work / "replaced.mod"
    shutil.copyfile(folder / "go.sum", changed.with_suffix(".sum"))
    lines = [f"replace {module} => {work / path}" for module, path in step.replace.items()]
    changed.write_text("\n".join([(folder / "go.mod").read_text("utf-8"), *lines, ""]), "utf-8")
    return [f"-modfile={changed}"]


def uncompiled(program: GoProgram, tell: Tell, stop: Event | None = None) -> Workload:
    """What Go has not compiled yet. Modules that are missing are downloaded here."""
    listed = process.run(
        [*program.command("list", "-deps", "-f", _UNCOMPILED), program.package],
        cwd=program.folder,
        env=program.environment,
        on_line=lambda line: None if "\t" in line else tell(line),
        stop=stop,
    )
    rows = (line.split("\t") for line in listed.output.splitlines() if "\t" in line)
    return Workload({path: _size(Path(folder), files.split()) for path, folder, files in rows})


def _size(folder: Path, files: list[str]) -> int:
    return sum((folder / name).stat().st_size for name in files)
