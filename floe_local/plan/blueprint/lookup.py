"""Finds blueprints: in the manifest's folders, beside plugins, then in compose/.

A plugin's distribution brings its own by an entry point of the group
``floe_local.blueprints``, whose value is the package that holds blueprint.yaml. The package
is located, never imported.
"""

from __future__ import annotations

import re
import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from floe_local.errors import InputError
from floe_local.plan.blueprint.model import compose_folder
from floe_local.plan.blueprint.reader import BLUEPRINT_FILE, name_in, read_blueprint
from floe_local.plan.yaml_source import nearest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from importlib.metadata import EntryPoint

    from floe_local.plan.blueprint.model import LocatedBlueprint

GROUP = "floe_local.blueprints"
_PACKAGE = re.compile(r"(\w+(?:\.\w+)*)\s*(?::.*)?")
_LIKENESS = 0.75
"""How alike the right name a misspelt one is (``floe-local.blueprint`` is the group's)."""


def find_blueprints(
    names: Iterable[str], folders: Sequence[Path] = ()
) -> dict[str, LocatedBlueprint]:
    """The blueprints of `names` and of all that they require, what is required first.

    Names without a blueprint are left out; a *required* one must exist.

    Args:
        names: backends' names, or the collector's.
        folders: the manifest's `local.blueprints`.

    Raises:
        InputError: a blueprint is wrong, ambiguous, missing where required, or requires itself.
    """
    look_up = partial(find_blueprint, folders=folders, brought=brought_by_plugins())
    found: dict[str, LocatedBlueprint] = {}
    for name in names:
        located = look_up(name)
        if located is not None:
            _add_with_required(located, look_up, (), found)
    return found


def find_blueprint(
    name: str, folders: Sequence[Path] = (), brought: Iterable[EntryPoint] | None = None
) -> LocatedBlueprint | None:
    """The blueprint called `name`; the first place that has one decides.

    Args:
        name: of a backend, or of a part.
        folders: the manifest's `local.blueprints`.
        brought: what `brought_by_plugins` gave; None: look again.

    Raises:
        InputError: it is wrong, or one place has two of that name.
    """
    points = brought_by_plugins() if brought is None else brought
    for places in (_in_folders(name, folders), _beside_plugins(name, points), _shipped(name)):
        found = {folder.resolve(): source for folder, source in places}
        if len(found) > 1:
            listed = " and ".join(f"{folder} ({source})" for folder, source in found.items())
            reason = f"two blueprints are called '{name}': {listed}"
            raise InputError("blueprint-ambiguous", reason, "remove one of the two")
        for folder, source in found.items():
            return read_blueprint(folder, source, name)
    return None


def is_part(name: str) -> bool:
    """Whether floe-local ships the blueprint of a part, such as the Collector, called so.

    Such a name is reserved: a plugin's blueprint would change everybody's stack. (Those of
    backends, which have a `kind`, a plugin may replace.)
    """
    shipped = (read_blueprint(folder, source) for folder, source in _shipped(name))
    return any(located.blueprint.kind is None for located in shipped)


def shipped_names() -> tuple[str, ...]:
    """The names of the blueprints that travel with floe-local."""
    return tuple(sorted(f.parent.name for f in compose_folder().glob(f"*/{BLUEPRINT_FILE}")))


def _add_with_required(
    located: LocatedBlueprint,
    look_up: Callable[[str], LocatedBlueprint | None],
    asking: tuple[str, ...],
    found: dict[str, LocatedBlueprint],
) -> None:
    name = located.blueprint.name
    if name in found:
        return
    if name in asking:
        reason = f"blueprint '{name}' requires itself: {' → '.join((*asking, name))}"
        hint = f"remove one `requires` (brought by {located.source})"
        raise InputError("blueprint-cycle", reason, hint)
    for other in (*located.blueprint.requires, *located.blueprint.transports.values()):
        required = look_up(other)
        if required is None:
            reason = f"{located.folder / BLUEPRINT_FILE}: requires: there is no blueprint '{other}'"
            hint = f"correct the name, or write that one (brought by {located.source})"
            raise InputError("blueprint-missing", reason, hint)
        _add_with_required(required, look_up, (*asking, name), found)
    found[name] = located


def _in_folders(name: str, folders: Sequence[Path]) -> Iterator[tuple[Path, str]]:
    """Folders that hold ``<name>/blueprint.yaml``, or a blueprint.yaml that is called so."""
    for folder in folders:
        if not folder.is_dir():
            reason = f"local.blueprints: {folder} is not a folder"
            raise InputError("blueprint-folder", reason, "give a folder that holds blueprints")
        if (folder / name / BLUEPRINT_FILE).is_file():
            yield folder / name, "local.blueprints"
        if (folder / BLUEPRINT_FILE).is_file() and name_in(folder) == name:
            yield folder, "local.blueprints"


def brought_by_plugins() -> tuple[EntryPoint, ...]:
    """The entry points by which distributions bring blueprints; none is imported."""
    from importlib.metadata import entry_points  # noqa: PLC0415 - `--help` does without

    return tuple(entry_points(group=GROUP))


def _beside_plugins(name: str, points: Iterable[EntryPoint]) -> Iterator[tuple[Path, str]]:
    for point in points:
        if point.name == name:
            _refuse_part(point)
            yield _package_folder(point), _distribution(point)


def _refuse_part(point: EntryPoint) -> None:
    if is_part(point.name):
        reason = (
            f"{_distribution(point)}: entry point '{point.name}' of {GROUP} has the name of a "
            "part that floe-local ships"
        )
        hint = (
            "rename it, or uninstall that; to replace the part, use the manifest's local.blueprints"
        )
        raise InputError("blueprint-reserved", reason, hint)


def _package_folder(point: EntryPoint) -> Path:
    """The folder of the package that an entry point names, without importing it."""
    who = f"{_distribution(point)}: entry point '{point.name}' of {GROUP}"
    package = _package_name(point.value)
    if package is None:
        reason = f"{who} is '{point.value}', which is not a package name"
        raise InputError("blueprint-entry-point", reason, "write it like package.subpackage")
    folders = package_folders(package)
    for folder in folders:
        if (folder / BLUEPRINT_FILE).is_file():
            return folder
    if not folders:
        reason = f"{who} names '{point.value}', and there is no package of that name"
        hint = f"name the package that holds {BLUEPRINT_FILE}, without a module or a class"
        raise InputError("blueprint-entry-point", reason, hint)
    reason = f"{who} names '{point.value}', which is not a package that holds {BLUEPRINT_FILE}"
    near = [file for folder in folders for file in _blueprint_like(folder)]
    hint = (
        f"rename {near[0]} to {BLUEPRINT_FILE}"
        if near
        else f"put the file into {folders[0]}; where the source has it there, the wheel leaves "
        "it out: declare it as package data"
    )
    raise InputError("blueprint-entry-point", reason, hint)


def _package_name(target: str) -> str | None:
    """The package that an entry point's value names; None: it is not a name."""
    match = _PACKAGE.fullmatch(target.strip())
    return match[1] if match else None


def _blueprint_like(folder: Path) -> list[Path]:
    """Files in a folder that are called like a blueprint: blueprint.yml, Blueprint.yaml."""
    return sorted(
        file
        for file in folder.iterdir()
        if file.is_file()
        and file.suffix.lower() in (".yaml", ".yml")
        and nearest(file.stem.lower(), ["blueprint"])
    )


def refuse_stray(plugin: str, distribution: str, target: str) -> None:
    """Refuse a blueprint that a distribution holds for a plugin, and that is not found.

    Args:
        plugin: the name of a plugin without a blueprint.
        distribution: the name of the distribution that brings it.
        target: the plugin's entry point, ``package.module:Class``.

    Raises:
        InputError: the entry point's group or name is misspelt, or there is none for the
            file in the plugin's package (``blueprint-entry-point``).
    """
    for what, hint in _strays(plugin, _points_of(distribution), target.partition(":")[0].strip()):
        reason = f"{distribution} has a blueprint for '{plugin}' that is not found: {what}"
        raise InputError("blueprint-entry-point", reason, hint)


def _points_of(distribution: str) -> tuple[EntryPoint, ...]:
    """The entry points of a distribution; none where its metadata is damaged."""
    from importlib import metadata  # noqa: PLC0415 - `--help` does without

    try:
        return tuple(metadata.distribution(distribution).entry_points)
    except (metadata.PackageNotFoundError, ValueError):
        return ()


def _strays(plugin: str, points: Sequence[EntryPoint], module: str) -> Iterator[tuple[str, str]]:
    """What may be meant as the blueprint of `plugin`: what is wrong, and what to do."""
    for group in dict.fromkeys(point.group for point in points):
        if group != GROUP and nearest(group, [GROUP], _LIKENESS):
            yield f"no group is called '{group}'", f"did you mean '{GROUP}'?"
    brought = [point for point in points if point.group == GROUP]
    plugins = {p.name for p in points if p.group != GROUP and p.group.startswith("floe.")}
    for point in brought:
        if point.name not in plugins and _is_meant(point, plugin):
            what = f"entry point '{point.name}' of {GROUP} is the name of no plugin"
            yield what, f"did you mean '{plugin}'?"
    named = {_package_name(point.value) for point in brought}
    for package in _enclosing(module):
        for folder in package_folders(package) if package not in named else ():
            for file in _blueprint_like(folder):
                what = f"no entry point of {GROUP} names the package of {file}"
                yield what, f"{_how_to_bring(plugin, package)}; then install it again"


def _how_to_bring(plugin: str, package: str) -> str:
    """The lines that a pyproject.toml lacks."""
    table = f'[project.entry-points."{GROUP}"]'
    return f'write in pyproject.toml, below {table}: {plugin} = "{package}"'


def _is_meant(point: EntryPoint, plugin: str) -> bool:
    """Whether an entry point of another name seems to bring the plugin's blueprint."""
    folders = package_folders(_package_name(point.value) or "")
    files = [folder for folder in folders if (folder / BLUEPRINT_FILE).is_file()]
    return bool(nearest(point.name, [plugin], _LIKENESS)) or plugin in map(name_in, files)


def _enclosing(module: str) -> Iterator[str]:
    """The packages around a module, and itself, the innermost first."""
    while module:
        yield module
        module = module.rpartition(".")[0]


def _distribution(point: EntryPoint) -> str:
    return f"{point.dist.name} {point.dist.version}" if point.dist else "an unknown distribution"


def _shipped(name: str) -> Iterator[tuple[Path, str]]:
    folder = compose_folder() / name
    if folder.parent == compose_folder() and (folder / BLUEPRINT_FILE).is_file():
        yield folder, "floe-local"


def package_folders(package: str) -> tuple[Path, ...]:
    """The folders of a package: a namespace may have several.

    Below the top-level package they are found by hand: importlib.util.find_spec would import
    the parents of a nested one, and a namespace's path cannot be read without its parents.

    Args:
        package: its dotted name.
    """
    name, *rest = package.split(".")
    folders = _located(name, None)
    for step in rest:
        name = f"{name}.{step}"
        below = tuple(folder / step for folder in folders if (folder / step).is_dir())
        # An editable install may map a package below a namespace that has no such folder.
        folders = below or _located(name, [str(folder) for folder in folders])
    return folders


def _located(name: str, search: list[str] | None) -> tuple[Path, ...]:
    """Where the import system's finders have a package; editable installs have their own."""
    finders = (finder for finder in sys.meta_path if hasattr(finder, "find_spec"))
    specs = (finder.find_spec(name, search) for finder in finders)
    paths = (path for spec in specs if spec for path in spec.submodule_search_locations or ())
    return tuple(folder for folder in map(Path, paths) if folder.is_dir())
