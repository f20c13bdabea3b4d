"""The steps of a recipe, carried out.

Each step works in a folder that is removed afterwards. An image is made without a name; the
caller names it when all is well.

Go keeps each package that it has compiled: a build that was killed goes on where it ended. How
long a package takes follows the size of its source, so that the bytes of what is not compiled
yet tell how much time is left.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import ssl
import stat
import tarfile
import tempfile
import time
from itertools import repeat
from pathlib import Path
from typing import IO, TYPE_CHECKING, NamedTuple

from floe_local.errors import MachineError
from floe_local.plan.blueprint.recipe import Debootstrap, DockerBuild, GoBuild, LocatedRecipe
from floe_local.run import process
from floe_local.until import until

if TYPE_CHECKING:
    from collections.abc import Callable
    from threading import Event

    from floe_local.plan.blueprint.recipe import Recipe
    from floe_local.run.engine import Engine

    Tell = Callable[[str], None]

CERTIFICATES = "ca-certificates.crt"
SYSTEM_FOLDERS = ("/usr/local/sbin", "/usr/sbin", "/sbin")
"""Where root's tools are; they are not on every user's PATH."""
CLEAN_UP_S = 10.0
"""How long the engine may take to end a build whose connection was closed."""
OLDEST_GO = (1, 21)
"""The first that gets the version which a go.mod asks for."""
PROXIES = ("http_proxy", "https_proxy", "no_proxy")
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
EVERY_ROOTFS_WITHOUT = ("./dev/*", "./proc/*", "./sys/*", "./debootstrap")


class Machine(NamedTuple):
    """What a machine offers to builds. `go` is its version, such as (1, 25)."""

    root: bool = False
    go: tuple[int, int] | None = None
    debootstrap: bool = False


def this_machine() -> Machine:
    """Look at what this machine offers."""
    answer = process.run(["go", "env", "GOVERSION"], check=False).output if tool("go") else ""
    version = re.search(r"go(\d+)\.(\d+)", answer)
    return Machine(
        root=os.geteuid() == 0,
        go=(int(version[1]), int(version[2])) if version else None,
        debootstrap=tool("debootstrap") is not None,
    )


def missing_needs(recipe: Recipe, machine: Machine) -> tuple[str, ...]:
    """What the machine lacks for the recipe, each with what to install."""
    needs: list[tuple[bool, str]] = []
    for step in recipe.steps:
        if isinstance(step, GoBuild):
            new_enough = (machine.go or (0, 0)) >= OLDEST_GO
            needs.append((new_enough, f"Go {'.'.join(map(str, OLDEST_GO))} or newer"))
        if isinstance(step, Debootstrap):
            needs.append((machine.root, "root, for debootstrap (`sudo`)"))
            needs.append((machine.debootstrap, "debootstrap (`apt-get install debootstrap`)"))
    return tuple(dict.fromkeys(text for met, text in needs if not met))


def tool(name: str) -> str | None:
    """The path of a tool, also when only root's PATH has it."""
    return shutil.which(name, path=os.pathsep.join((os.environ.get("PATH", ""), *SYSTEM_FOLDERS)))


def trusted_certificates() -> Path:
    """The certificates that this machine trusts, in one file.

    Raises:
        MachineError: ``certificates-missing``.
    """
    for candidate in (os.environ.get("SSL_CERT_FILE"), ssl.get_default_verify_paths().cafile):
        if candidate and Path(candidate).is_file():
            return Path(candidate)
    hint = "Install ca-certificates, or set SSL_CERT_FILE to your bundle."
    raise MachineError("certificates-missing", "this machine has no bundle of certificates", hint)


def debootstrap(
    step: Debootstrap,
    work: Path,
    engine: Engine,
    *,
    labels: dict[str, str],
    tell: Tell,
) -> str:
    """Make a root file system and import it. Returns the id of the image.

    debootstrap runs in namespaces of its own: what it mounts vanishes with it, so that the
    work folder can always be removed, and its children end when it is ended.
    """
    rootfs, archive = work / "rootfs", work / "rootfs.tar"
    packages = [f"--include={','.join(step.include)}"] if step.include else []
    process.run(
        [tool("unshare") or "unshare", "--mount", "--pid", "--fork", "--kill-child",
         "--mount-proc", tool("debootstrap") or "debootstrap", "--variant=minbase", *packages,
         step.suite, str(rootfs), *_mirror(step.suite)],
        env=_proxies(),
        on_line=tell,
    )  # fmt: skip
    bundle = rootfs / "etc/ssl/certs" / CERTIFICATES
    process.run(["install", "-D", "-m", "0644", str(trusted_certificates()), str(bundle)])
    without = [f"--exclude={pattern}" for pattern in (*EVERY_ROOTFS_WITHOUT, *step.exclude)]
    process.run(["tar", "--numeric-owner", *without, "-cf", str(archive), "-C", str(rootfs), "."])
    tell("importing")
    changes = [*(f'LABEL {k}="{v}"' for k, v in labels.items()), 'CMD ["bash"]']
    return engine.import_image(archive, changes)


def docker_build(
    step: DockerBuild,
    source: LocatedRecipe,
    work: Path,
    engine: Engine,
    *,
    base: str | None,
    tell: Tell,
) -> str:
    """Build from the work folder, on the image `base`. Returns the id of the image.

    When it is interrupted, it leaves nothing.

    Raises:
        MachineError: ``build-failed``, with the end of what the build printed.
    """
    shutil.copyfile(trusted_certificates(), work / CERTIFICATES)
    arguments = _proxies() | ({"BASE": base} if base else {})
    lines: list[str] = []
    image = ""
    try:
        with packed(work) as context:
            for message in engine.build(context, step.dockerfile, arguments, source.labels):
                text = str(message.get("stream") or message.get("error") or "").strip()
                if text:
                    lines.append(text)
                    tell(text)
                image = message.get("aux", {}).get("ID", image)
        if not image:
            last = "".join(f"\n  {line}" for line in lines[-process.TAIL_LINES :])
            raise MachineError("build-failed", f"docker build in {work}:{last}")
    finally:
        if not image:
            _remove_unnamed([layer for line in lines for layer in _layer(line)], engine)
    return image


def _remove_unnamed(images: list[str], engine: Engine) -> None:
    """Remove images that have no name, the last first; unnamed parents go with them."""
    left = images[::-1]

    def are_gone() -> bool:
        while left and engine.remove_unnamed(left[0]):
            del left[0]
        return not left

    until(are_gone, CLEAN_UP_S, repeat(0.1))


def packed(folder: Path) -> IO[bytes]:
    """A build context: files as anybody may read them, whatever the caller's umask made of them.

    A file that its owner may run, anybody may; owner and times are nobody's. So the same
    files give the same image on every machine.
    """
    packed = tempfile.TemporaryFile()  # noqa: SIM115 - the caller closes it
    with tarfile.open(fileobj=packed, mode="w") as archive:
        archive.add(folder, arcname=".", filter=_plain)
    packed.seek(0)
    return packed


def _plain(entry: tarfile.TarInfo) -> tarfile.TarInfo:
    mode = 0o755 if entry.isdir() or entry.mode & stat.S_IXUSR else 0o644
    return entry.replace(mode=mode, uid=0, gid=0, uname="", gname="", deep=False)


def _layer(line: str) -> list[str]:
    """The image id in a line of the builder such as ``---> 3f5a1b2c4d6e``."""
    arrow, _, image = line.partition("---> ")
    return [image] if not arrow and image and " " not in image else []


def _mirror(suite: str) -> list[str]:
    """The mirror that this machine's apt uses for the suite; nothing: debootstrap's own."""
    if not tool("apt-get"):
        return []
    wanted = ["Identifier: Packages", "Origin: Debian", "Component: main", f"Codename: {suite}"]
    command = ["apt-get", "indextargets", "--format", "$(REPO_URI)", *wanted]
    found = process.run(command, check=False).output.split()
    return [uri for uri in found if uri.startswith("http")][:1]


def _proxies() -> dict[str, str]:
    """The proxy variables of this process, in the case that the tools look for."""
    both = {name: os.environ.get(name) or os.environ.get(name.upper()) for name in PROXIES}
    return {name: value for name, value in both.items() if value}


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
