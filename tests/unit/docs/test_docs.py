"""The documentation is checked: generated pages, links, every command and key."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest
import typer

from docs.generate import commands, pages
from floe_local.cli.app import app
from floe_local.plan.blueprint.model import Blueprint

ROOT = Path(__file__).parents[3]
PAGES = [*ROOT.glob("*.md"), *sorted((ROOT / "docs").rglob("*.md"))]
LINK = re.compile(r"\]\((?!https?://|#)([^)#]+)")


@pytest.mark.parametrize(
    ("name", "text"), [pytest.param(*page, id=page[0]) for page in sorted(pages().items())]
)
def test_a_generated_page_is_what_the_code_says(name: str, text: str) -> None:
    assert (ROOT / "docs" / name).read_text(encoding="utf-8") == text, "run `just docs`"


@pytest.mark.parametrize("page", PAGES, ids=lambda p: str(p.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    targets = LINK.findall(page.read_text(encoding="utf-8"))
    missing = [t for t in targets if not (page.parent / t).exists()]
    assert not missing


def test_every_command_has_an_example() -> None:
    without = [
        name
        for name, command in commands(typer.main.get_command(app))
        if "Example: `" not in command.help
    ]
    assert not without


def test_every_key_of_a_blueprint_is_documented() -> None:
    text = (ROOT / "docs" / "blueprints.md").read_text(encoding="utf-8")
    missing = [name for name in Blueprint.model_fields if f"`{name}`" not in text]
    assert not missing


def test_no_module_of_floe_local_names_a_backend() -> None:
    backend = re.compile(r"\b(jaeger|marquez|datadog|atlan|openmetadata|grafana)\b", re.IGNORECASE)
    allowed = {"retired.py"}  # the table of what the Collector has removed
    named = [
        f"{path.relative_to(ROOT)}:{number}: {line.strip()}"
        for path in (ROOT / "floe_local").rglob("*.py")
        if path.name not in allowed and backend.search(path.read_text(encoding="utf-8"))
        for number, line in enumerate(code(path).splitlines(), 1)
        if backend.search(line)
    ]
    assert not named


def code(path: Path) -> str:
    """A module without its docstrings and comments."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        if isinstance(body, list):
            node.body = [s for s in body if not _is_text(s)] or [ast.Pass()]  # type: ignore[attr-defined]
    return ast.unparse(tree)


def _is_text(statement: object) -> bool:
    return (
        isinstance(statement, ast.Expr)
        and isinstance(statement.value, ast.Constant)
        and isinstance(statement.value.value, str)
    )
