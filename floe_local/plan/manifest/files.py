"""Which file is the manifest."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from floe_local.errors import InputError
from floe_local.plan.blueprint.shipped import default_manifest

MANIFEST = "manifest.yaml"


@dataclass(frozen=True)
class ManifestFile:
    """The manifest's file, what it is called in messages, and its project's folder.

    `is_default` says that there is no manifest, and the reference pair's is read.
    """

    path: Path
    shown: str
    root: Path
    is_default: bool = False


def find_manifest(path: Path | None, environment: str | None, root: Path | None) -> ManifestFile:
    """The file that `path` and `environment` mean; see `reader.load_manifest`.

    Raises:
        InputError: there is no such file, or `environment` is no folder's name.
    """
    folder = root or Path.cwd()
    if path is not None and not path.is_dir():
        return _given(path)
    folder = path or folder
    if environment is not None and _has_no_default(folder, environment):
        return _of_environment(folder, environment)
    file = folder / MANIFEST
    if file.exists():
        return ManifestFile(file, MANIFEST if path is None else str(file), folder.resolve())
    if path is not None:
        raise _missing(str(file), "write one with `floe-local init`")
    return ManifestFile(default_manifest(), "the default manifest", folder.resolve(), True)


def _given(path: Path) -> ManifestFile:
    if not path.exists():
        raise _missing(str(path), "check the path that -m was given")
    return ManifestFile(path, str(path), path.resolve().parent)


def _has_no_default(folder: Path, environment: str) -> bool:
    """Whether an environment needs a manifest of its own: all but a lone ``local``."""
    return environment != "local" or (folder / environment / MANIFEST).exists()


def _of_environment(folder: Path, environment: str) -> ManifestFile:
    if environment in {"", ".", ".."} or Path(environment).name != environment:
        reason = f"--env {environment!r} is no name of an environment"
        raise InputError("environment-name", reason, "give the name of a folder, such as `prod`")
    file = folder / environment / MANIFEST
    if not file.exists():
        raise _missing(f"{environment}/{MANIFEST}", _environments(folder))
    return ManifestFile(file, f"{environment}/{MANIFEST}", folder.resolve())


def _environments(folder: Path) -> str:
    known = sorted(file.parent.name for file in folder.glob(f"*/{MANIFEST}"))
    return f"environments here: {', '.join(known)}" if known else f"write it, in {folder}"


def _missing(shown: str, hint: str) -> InputError:
    return InputError("manifest-missing", f"{shown}: there is no such file", hint)
