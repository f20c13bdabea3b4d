"""What floe_local imports is what pyproject.toml declares, not what a dependency happens to bring."""

from __future__ import annotations

import re
import sys
import tomllib
from importlib.metadata import packages_distributions
from itertools import chain
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

REPOSITORY = Path(__file__).parents[2]
IMPORT = re.compile(
    r"^ *(?:from (?P<source>[\w.]+) import |import (?P<module>[\w.]+)(?: as \w+)?(?:$|  #))",
    re.MULTILINE,
)
PARTS = {"pydantic_core": "pydantic"}
"""What a distribution pins to one version and hands on as its own API."""


def imported() -> set[str]:
    """The modules of other people that floe_local imports, whole names."""
    names = {
        found["source"] or found["module"]
        for file in sorted((REPOSITORY / "floe_local").rglob("*.py"))
        if "plugin_template" not in file.parts
        for found in IMPORT.finditer(file.read_text("utf-8"))
    }
    return {n for n in names if n.partition(".")[0] not in {*sys.stdlib_module_names, "floe_local"}}


def declared() -> set[str]:
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text("utf-8"))["project"]
    lines = [*project["dependencies"], *chain(*project["optional-dependencies"].values())]
    return {canonicalize_name(Requirement(line).name) for line in lines}


def test_what_is_imported_is_declared() -> None:
    brought_by = packages_distributions()
    allowed = declared()
    assert {"pydantic", "docker"} <= imported()

    def is_declared(name: str) -> bool:
        top = PARTS.get(name, name).partition(".")[0]
        return not allowed.isdisjoint(map(canonicalize_name, brought_by.get(top, ())))

    assert [name for name in sorted(imported()) if not is_declared(name)] == []
