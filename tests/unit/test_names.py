"""What things are called: words of the field, and each name for one thing."""

from __future__ import annotations

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

DEFINITION = re.compile(r"^ *(?:async )?(?:def|class) (\w+)", re.MULTILINE)
TYPE = re.compile(r"^(?:class (?P<name>\w+)|(?P<alias>[A-Z]\w*[a-z]\w*) = )", re.MULTILINE)
"""A class, or what is assigned in the same spelling: an alias, a type variable."""


def sources(room: str) -> Iterator[Path]:
    hidden = {".venv", "__pycache__", "node_modules"}
    return (file for file in (ROOT / room).rglob("*.py") if not hidden & set(file.parts))


def words(name: str) -> set[str]:
    """``ProbeResult``, ``probe_result`` → probe, result."""
    return {word.lower() for word in re.findall(r"[A-Z]?[a-z]+|[A-Z]+", name)}


def test_the_dialect_is_that_of_contributing() -> None:
    text = (ROOT / "CONTRIBUTING.md").read_text("utf-8")
    (line,) = re.findall(r"is named after ([^.]+)\.", text)
    assert set(re.findall(r"\*(\w+)\*", line)) == DIALECT


@pytest.mark.parametrize("room", ROOMS)
def test_no_function_class_or_module_is_named_in_a_dialect(room: str) -> None:
    found = [
        f"{file.relative_to(ROOT)}: {name}"
        for file in sources(room)
        for name in (file.stem, *DEFINITION.findall(file.read_text("utf-8")))
        if DIALECT & words(name) and not name.startswith("test_")
    ]
    assert found == []


def test_no_two_classes_or_types_of_the_package_have_one_name() -> None:
    homes: dict[str, list[str]] = defaultdict(list)
    for file in sources("floe_local"):
        for found in TYPE.finditer(file.read_text("utf-8")):
            name = found["name"] or found["alias"]
            if not name.startswith("_"):
                homes[name].append(str(file.relative_to(ROOT)))
    assert len(homes) > 100
    assert {name: files for name, files in homes.items() if len(files) > 1} == {}
