"""A folder that holds a distribution, found as if it were installed.

Its plugins' code is not run here: only its metadata is written out, where the look-up of
entry points finds it, in front of all that is installed.
"""

from __future__ import annotations

import re
import sys
import tempfile
import tomllib
from contextlib import contextmanager
from importlib import invalidate_caches
from pathlib import Path
from typing import TYPE_CHECKING, Any

from floe_local.errors import InputError
from floe_local.plan.plugins.registry import GROUPS
from floe_local.plan.yaml_source import nearest

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

PYPROJECT = "pyproject.toml"
_HINT = "give a folder with a pyproject.toml that declares the plugin's entry points"


@contextmanager
def as_installed(folder: Path) -> Iterator[str]:
    """Let the distribution in `folder` be found inside the block; gives its name.

    Raises:
        InputError: there is no pyproject.toml, it cannot be read, it declares no plugin, or
            a package that it names is not there.
    """
    project = _project(folder)
    points: Mapping[str, Mapping[str, str]] = project.get("entry-points", {})
    if not any(group in points for group in GROUPS.values()):
        reason = f"{folder / PYPROJECT}: no entry point of {' or '.join(GROUPS.values())}"
        near = [(group, meant) for group in points if (meant := nearest(group, GROUPS.values()))]
        questions = [f"it has '{group}': did you mean '{name}'?" for group, name in near]
        raise InputError("plugin-folder", reason, " ".join(questions) or _HINT)
    source = _source_root(folder, points)
    name = re.sub(r"[-_.]+", "-", str(project["name"])).lower()
    with tempfile.TemporaryDirectory(prefix="floe-local-plugin-") as site:
        _write_metadata(Path(site), name, str(project.get("version", "0")), points)
        before = list(sys.path)
        sys.path[:0] = [site, str(source)]
        invalidate_caches()
        try:
            yield name
        finally:
            sys.path[:] = before


def _project(folder: Path) -> dict[str, Any]:
    file = folder / PYPROJECT
    try:
        document = tomllib.loads(file.read_text("utf-8"))
    except OSError as error:
        raise InputError("plugin-folder", f"{file}: {error.strerror}", _HINT) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InputError("plugin-folder", f"{file}: is not valid TOML: {error}", _HINT) from error
    project = document.get("project")
    if not isinstance(project, dict) or not project.get("name"):
        raise InputError("plugin-folder", f"{file}: has no [project] with a name", _HINT)
    return project


def _source_root(folder: Path, points: Mapping[str, Mapping[str, str]]) -> Path:
    """Where the distribution's packages are: below src/, or in the folder itself."""
    targets = [t for group in GROUPS.values() for t in points.get(group, {}).values()]
    packages = {target.partition(":")[0].partition(".")[0].strip() for target in targets}
    for root in (folder / "src", folder):
        if all((root / p).is_dir() or (root / f"{p}.py").is_file() for p in packages):
            return root.resolve()
    listed = ", ".join(sorted(packages))
    reason = f"{folder / PYPROJECT}: its entry points name {listed}, which is not in src/ or here"
    there = [f.parent.name for root in (folder / "src", folder) for f in root.glob("*/__init__.py")]
    near = [f"did you mean '{name}'?" for p in sorted(packages) if (name := nearest(p, there))]
    hint = " ".join(["mend the entry points, or install it and name it", *near])
    raise InputError("plugin-folder", reason, hint)


def _write_metadata(
    site: Path, name: str, version: str, points: Mapping[str, Mapping[str, str]]
) -> None:
    info = site / f"{name.replace('-', '_')}-{version}.dist-info"
    info.mkdir()
    head = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
    (info / "METADATA").write_text(head, "utf-8")
    lines = []
    for group, targets in points.items():
        lines += [f"[{group}]", *(f"{point} = {target}" for point, target in targets.items()), ""]
    (info / "entry_points.txt").write_text("\n".join(lines), "utf-8")
