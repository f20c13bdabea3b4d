"""The documentation is checked: generated pages, links, every command and key."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest
import typer

from docs.generate import commands, pages
from floe_local.cli.app import tree
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
        for name, command in commands(typer.main.get_command(tree()))
        if "Example: `" not in command.help
    ]
    assert not without


def test_every_key_of_a_blueprint_is_documented() -> None:
    text = (ROOT / "docs" / "blueprints.md").read_text(encoding="utf-8")
    missing = [name for name in Blueprint.model_fields if f"`{name}`" not in text]
    assert not missing


ALLOWED = {"retired.py": {"jaeger"}}
"""The table of exporters that the Collector has removed."""


def backends() -> set[str]:
    """The words that name a backend that is shipped; `grafana-cloud` is two."""
    files = (ROOT / "compose").glob("*/blueprint.yaml")
    named = [f.parent.name for f in files if "\nkind: " in f.read_text(encoding="utf-8")]
    return {word for name in named for word in name.split("-")} - {"cloud"}


def test_no_module_of_floe_local_names_a_backend() -> None:
    backend = re.compile(rf"\b({'|'.join(backends())})\b", re.IGNORECASE)
    named = [
        f"{path.relative_to(ROOT)}:{number}: {line.strip()}"
        for path in (ROOT / "floe_local").rglob("*.py")
        if backend.search(path.read_text(encoding="utf-8"))
        for number, line in enumerate(code(path).splitlines(), 1)
        if {name.lower() for name in backend.findall(line)} - ALLOWED.get(path.name, set())
    ]
    assert {"jaeger", "marquez", "xray", "aws"} <= backends()
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
