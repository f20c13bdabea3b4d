"""CONTRIBUTING names what is there: its commands, paths, variables and words."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
TEXT = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
COMMANDS = [
    line
    for block in re.findall(r"^```sh\n(.*?)^```", TEXT, re.MULTILINE | re.DOTALL)
    for line in block.splitlines()
]
IN_CODE = re.findall(r"`([^`\n]+)`", TEXT)
MOST_WORDS = 30


@pytest.mark.parametrize("command", [line for line in COMMANDS if "pytest" in line])
def test_a_command_finds_tests(command: str) -> None:
    words = shlex.split(command)
    paths = [ROOT / word for word in words if word.startswith(("tests/", "standins/"))]
    assert paths, "it names the tests"
    assert all(path.exists() for path in paths)
    if "-k" in words:
        assert any(holds(path, words[words.index("-k") + 1]) for path in paths)


def holds(path: Path, word: str) -> bool:
    """Whether a test below a path, or the data that makes tests there, has a word in its name."""
    files = [path, *path.parent.glob("*.yaml")] if path.is_file() else [*path.rglob("*")]
    name = re.compile(rf"def test_\w*{word}|id: {word}$", re.MULTILINE)
    return any(
        word in file.relative_to(path.parent).as_posix() or name.search(file.read_text("utf-8"))
        for file in files
        if file.suffix in {".py", ".yaml"}
    )


def test_recipes_and_commands_are_there() -> None:
    justfile, dev = ((ROOT / name).read_text(encoding="utf-8") for name in ("justfile", "dev"))
    words = [*COMMANDS, *IN_CODE]
    recipes = {word for text in words for word in re.findall(r"\bjust ([a-z-]+)", text)}
    stages = {word for text in words for word in re.findall(r"\./dev ([a-z]+)", text)}
    assert {"nightly", "compare"} <= recipes
    assert {"test", "pin"} <= stages
    assert [
        name for name in recipes if not re.search(rf"^{name}\b.*:", justfile, re.MULTILINE)
    ] == []
    assert [name for name in stages if not re.search(rf"^\./dev {name}\b", dev, re.MULTILINE)] == []


def test_paths_lead_somewhere() -> None:
    paths = [text for text in IN_CODE if "/" in text and " " not in text and text != "./dev"]
    assert len(paths) > 10
    assert [path for path in paths if not any(ROOT.glob(path))] == []


def test_variables_are_read() -> None:
    named = set(re.findall(r"FLOE_[A-Z_]+", TEXT))
    folders = ("floe_local", "tests")
    code = "".join(
        file.read_text("utf-8") for name in folders for file in (ROOT / name).rglob("*.py")
    )
    assert named
    assert [name for name in named if name not in code] == []


def test_the_words_are_few_and_in_order() -> None:
    table = TEXT.partition("## Words")[2].partition("\n\nNames")[0]
    words = re.findall(r"^\| ([a-z][a-z -]*) \| .+ \|$", table, re.MULTILINE)[
        1:
    ]  # without the heading
    assert len(words) <= MOST_WORDS
    assert words == sorted(set(words))
