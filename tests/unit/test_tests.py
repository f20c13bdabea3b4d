"""Every test states what it checks: one that only calls something may be emptied unseen."""

from __future__ import annotations

import ast
from itertools import chain
from pathlib import Path

ROOT = Path(__file__).parents[2]
FOLDERS = ("tests", "plugins", "standins", "examples")
STATING = {"raises", "warns", "fail", "raised", "arrives"}
"""Functions of pytest and of tests/ that state something."""


def test_every_test_states_what_it_checks() -> None:
    files = chain(*((ROOT / folder).rglob("test_*.py") for folder in FOLDERS))
    silent = [
        f"{file.relative_to(ROOT)}:{test.lineno}: {test.name}"
        for file in sorted(files)
        for test in silent_tests(ast.parse(file.read_text("utf-8")))
    ]
    assert silent == []


def silent_tests(tree: ast.Module) -> list[ast.FunctionDef]:
    functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
    stating = {f.name for f in functions if states(f, set())}
    tests = [f for f in functions if f.name.startswith("test_")]
    return [test for test in tests if not states(test, stating)]


def states(function: ast.FunctionDef, helpers: set[str]) -> bool:
    """Whether it asserts, or calls what does."""
    return any(
        isinstance(node, ast.Assert)
        or (isinstance(node, ast.Call) and called(node) in STATING | helpers)
        for node in ast.walk(function)
    )


def called(call: ast.Call) -> str:
    return call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
