"""Which plugins are meant: installed ones by name, or those of a folder, as if it were installed.

The code of a folder's plugins is not run here: only its metadata is written out, where the
look-up of entry points finds it, in front of all that is installed.
"""

from __future__ import annotations

import os
import re
import sys
import tempfile
import tomllib
from contextlib import contextmanager
from importlib import invalidate_caches
from pathlib import Path
from typing import TYPE_CHECKING, Any

from floe_local.conformance.evidence import Subject, fault_of
from floe_local.errors import InputError
from floe_local.plan.blueprint.lookup import find_blueprints, refuse_stray
from floe_local.plan.blueprint.model import COLLECTOR
from floe_local.plan.blueprint.recipe import load_recipe
from floe_local.plan.plugins.registry import GROUPS, PluginRegistry
from floe_local.plan.stack.requirements import refuse_clashes
from floe_local.plan.values import Kind
from floe_local.plan.yaml_source import nearest

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from floe_local.plan.blueprint.model import LocatedBlueprint
    from floe_local.plan.plugins.loading import PluginEntry

PYPROJECT = "pyproject.toml"
_HINT = "give a folder with a pyproject.toml that declares the plugin's entry points"


@contextmanager
def find_subjects(
    target: str | Path,
    kind: Kind | None = None,
    *,
    config: Mapping[str, Any] | None = None,
    environment: Mapping[str, str] | None = None,
) -> Iterator[tuple[Subject, ...]]:
    """Find the plugins to be tested; inside the block, those of a folder can be found, too.

    Args:
        target: an installed plugin's name, or a folder that holds a distribution. What has a
            slash in it is a folder, as is what is not a plugin's name and holds a pyproject.toml.
        kind: None: of both kinds.
        config: what the plugins are configured with; their blueprints' defaults lie under it.
        environment: variables for the plugins.

    Raises:
        InputError: no plugin has that name, or two have it, or there is no such folder.
    """
    if _is_folder(target):
        with as_installed(Path(target)) as distribution:
            entries = [e for e in PluginRegistry().entries() if e.distribution == distribution]
            yield _made(entries, str(target), kind, config or {}, environment or {})
    else:
        registry = PluginRegistry()
        entries = [e for e in registry.entries() if e.name == target]
        for one in {e.kind for e in entries} or {str(kind or Kind.TELEMETRY)}:
            registry.find(one, str(target))  # raises where no plugin, or two, have that name
        yield _made(entries, str(target), kind, config or {}, environment or {})


def _is_folder(target: str | Path) -> bool:
    if isinstance(target, Path) or os.sep in target or target in (".", ".."):
        return True
    known = {entry.name for entry in PluginRegistry().entries()}
    return target not in known and (Path(target) / PYPROJECT).is_file()


def _made(
    entries: list[PluginEntry],
    target: str,
    kind: Kind | None,
    config: Mapping[str, Any],
    environment: Mapping[str, str],
) -> tuple[Subject, ...]:
    found = [(Kind(e.kind), e) for e in entries if e.kind in set(Kind)]
    found = [(k, entry) for k, entry in found if kind in (None, k)]
    if not found:
        meant = f"{kind} plugin" if kind else "telemetry or lineage plugin"
        there = ", ".join(entry.who for entry in entries)
        hint = f"There is: {there}. (A unified one is deprecated, ADR-0035, and not tested.)"
        raise InputError("plugin-unknown", f"there is no {meant} in '{target}'", hint)
    return tuple(_subject(k, entry, config, environment) for k, entry in found)


def _subject(
    kind: Kind, entry: PluginEntry, config: Mapping[str, Any], environment: Mapping[str, str]
) -> Subject:
    subject = Subject(entry=entry, kind=kind, config=dict(config), environment=dict(environment))
    try:
        located = _blueprint_of(entry.name)
        if located is None:
            refuse_stray(entry.name, entry.distribution, entry.target)
    except InputError as error:
        return subject.model_copy(update={"blueprint_fault": fault_of(error)})
    return subject.model_copy(update={"blueprint": located})


def _blueprint_of(name: str) -> LocatedBlueprint | None:
    """A plugin's blueprint, if it has one.

    Raises:
        InputError: it is wrong, or no stack could be made of it: what it requires is not
            there or wrong, services clash, a recipe is not valid.
    """
    parts = find_blueprints([COLLECTOR, name])
    refuse_clashes(parts.values())
    located = parts.get(name)
    if located is None:
        return None
    for service in located.blueprint.services.values():
        if service.image.recipe:
            load_recipe(located.folder / service.image.recipe)
    return located


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
