"""Which file is the manifest."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from floe_local.errors import InputError, MachineError
from floe_local.plan.blueprint.model import default_manifest

MANIFEST = "manifest.yaml"


@dataclass(frozen=True)
class ManifestFile:
    """The manifest's file, what it is called in messages, and its project's folder.

    `root` is the folder in which the manifest was named, its links resolved: a manifest that
    is itself a link belongs to where the link is (decision 15). `is_default` says that there
    is no manifest, and the reference pair's is read.
    """

    path: Path
    shown: str
    root: Path
    is_default: bool = False


def find_manifest(path: Path | None, environment: str | None, root: Path | None) -> ManifestFile:
    """The file that `path` and `environment` mean; see `reader.load_manifest`.

    Raises:
        InputError: there is not such a file (``manifest-missing``), or `environment` is no
            folder's name.
        MachineError: the current folder was removed (``folder-gone``).
    """
    path = _at_home(path)
    if path is not None and not path.is_dir():
        return _given(path)
    folder = path or root or current_folder()
    if environment is not None and _has_no_default(folder, environment):
        return _of_environment(folder, environment)
    file = folder / MANIFEST
    if os.path.lexists(file):  # a link to nowhere is a broken manifest, not none
        return ManifestFile(file, MANIFEST if path is None else str(file), folder.resolve())
    if path is not None:
        raise _missing(str(file), "write one with `floe-local init`")
    return ManifestFile(default_manifest(), "the default manifest", folder.resolve(), True)


def _given(path: Path) -> ManifestFile:
    if not os.path.lexists(path):
        raise _missing(str(path), "check the path that -m was given")
    return ManifestFile(path, str(path), path.parent.resolve())


def _at_home(path: Path | None) -> Path | None:
    """``~/…`` as a shell has it: some shells leave it as it is behind ``--manifest=``."""
    if path is None or path.parts[:1] != ("~",) or path.exists():
        return path
    return Path(os.path.expanduser(path))  # noqa: PTH111 - Path's own raises where there is no home


def current_folder() -> Path:
    """The current folder.

    Raises:
        MachineError: it was removed (``folder-gone``).
    """
    try:
        return Path.cwd()
    except FileNotFoundError:
        raise MachineError(
            "folder-gone", "the current folder was removed", "change to one that is there"
        ) from None


def _has_no_default(folder: Path, environment: str) -> bool:
    """Whether an environment needs a manifest of its own: all but a lone ``local``."""
    return environment != "local" or (folder / environment / MANIFEST).exists()


def _of_environment(folder: Path, environment: str) -> ManifestFile:
    if environment in {"", ".", ".."} or Path(environment).name != environment:
        reason = f"--env {environment!r} is not a valid environment name"
        raise InputError("environment-name", reason, "give the name of a folder, such as `prod`")
    file = folder / environment / MANIFEST
    if not file.exists():
        raise _missing(f"{environment}/{MANIFEST}", _environments(folder))
    return ManifestFile(file, f"{environment}/{MANIFEST}", folder.resolve())


def _environments(folder: Path) -> str:
    known = sorted(file.parent.name for file in folder.glob(f"*/{MANIFEST}"))
    return f"environments here: {', '.join(known)}" if known else f"write it, in {folder}"


def _missing(shown: str, hint: str) -> InputError:
    return InputError("manifest-missing", f"{shown}: there is not such a file", hint)
