"""What things are called: words of the field, and each name for one thing."""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]
ROOMS = ("floe_local", "plugins", "standins", "docs", "bench", "examples", "tests")
DIALECT = frozenset({"told", "heard", "played", "wanted", "asked"})
"""Words that name no function, class or module: nobody in this field speaks so."""

DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)


def sources(room: str) -> Iterator[Path]:
    hidden = {".venv", "__pycache__", "node_modules"}
    return (file for file in (ROOT / room).rglob("*.py") if not hidden & set(file.parts))


def words(name: str) -> set[str]:
    """``ProbeResult``, ``probe_result`` → probe, result."""
    return {word.lower() for word in re.findall(r"[A-Z]?[a-z]+|[A-Z]+", name)}


@pytest.mark.parametrize("room", ROOMS)
def test_no_function_class_or_module_is_named_in_a_dialect(room: str) -> None:
    found = []
    for file in sources(room):
        names = [file.stem]
        tree = ast.parse(file.read_bytes())
        names += [node.name for node in ast.walk(tree) if isinstance(node, DEFINITIONS)]
        found += [
            f"{file.relative_to(ROOT)}: {name}"
            for name in names
            if DIALECT & words(name) and not name.startswith("test_")
        ]
    assert found == []


def test_no_two_classes_or_types_of_the_package_have_one_name() -> None:
    homes: dict[str, list[str]] = defaultdict(list)
    for file in sources("floe_local"):
        for node in ast.parse(file.read_bytes()).body:
            if (name := _type_name(node)) and not name.startswith("_"):
                homes[name].append(str(file.relative_to(ROOT)))
    assert {name: files for name, files in homes.items() if len(files) > 1} == {}


def _type_name(node: ast.stmt) -> str:
    """The name of a class, or of what is assigned in the same spelling: an alias, a type variable."""
    if isinstance(node, ast.ClassDef):
        return node.name
    target = node.targets[0] if isinstance(node, ast.Assign) else None
    name = target.id if isinstance(target, ast.Name) else ""
    return name if name[:1].isupper() and not name.isupper() else ""
