"""Decisions have one form, are numbered in order of time, and each that is named is there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
FILES = sorted((ROOT / "docs" / "decisions").glob("*.md"))
FORM = re.compile(
    r"# (?P<number>\d+)\. \S.*\n\n"
    r"Status: (accepted|superseded by decision \d+)\nDate: (?P<date>\d{4}-\d\d-\d\d)\n\n"
    r"\*\*Context\.\*\* .+\n\n\*\*Decision\.\*\* .+\n\n\*\*Consequence\.\*\*\s.+",
    re.DOTALL,
)
MENTION = re.compile(r"\b[Dd]ecisions? (\d+)(?: and (\d+))?")
FOLDERS = ("bench", "compose", "docs", "examples", "floe_local", "plugins", "standins", "tests")
TEXTS = {".md", ".py", ".yaml", ".toml"}


def form_of(file: Path) -> re.Match[str]:
    found = FORM.fullmatch(file.read_text("utf-8"))
    assert found, "title, Status, Date, **Context.**, **Decision.**, **Consequence.**"
    return found


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name[:4])
def test_a_decision_has_its_form(file: Path) -> None:
    assert int(form_of(file)["number"]) == int(file.name.partition("-")[0])


def test_numbers_follow_time_without_a_gap() -> None:
    numbers = [int(file.name[:4]) for file in FILES]
    assert numbers == [*range(1, len(FILES) + 1)], "a new decision gets the next number"
    dates = [form_of(file)["date"] for file in FILES]
    assert dates == sorted(dates)


def test_every_decision_that_is_named_is_there() -> None:
    texts = [*ROOT.glob("*.md"), *(f for name in FOLDERS for f in (ROOT / name).rglob("*"))]
    named = [
        (str(file.relative_to(ROOT)), int(number))
        for file in texts
        if file.suffix in TEXTS and file.is_file()
        for found in MENTION.finditer(file.read_text("utf-8"))
        for number in found.groups()
        if number
    ]
    assert len(named) > len(FILES) / 2
    numbers = {int(file.name[:4]) for file in FILES}
    assert [name for name in named if name[1] not in numbers] == []
