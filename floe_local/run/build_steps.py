"""The steps of a recipe, carried out.

Each step works in a folder that is removed afterwards. An image is made without a name; the
caller names it when all is well.
"""

from __future__ import annotations

import os
import re
import shutil
import ssl
import stat
import tarfile
import tempfile
from itertools import repeat
from pathlib import Path
from typing import IO, TYPE_CHECKING, NamedTuple

from floe_local.errors import MachineError
from floe_local.plan.blueprint.recipe import Debootstrap, DockerBuild, GoBuild, LocatedRecipe
from floe_local.run import process
from floe_local.until import until

if TYPE_CHECKING:
    from collections.abc import Callable

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
