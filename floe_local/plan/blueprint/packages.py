"""Where a package's folders are, found without importing anything of it."""

from __future__ import annotations

import sys
from pathlib import Path


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
