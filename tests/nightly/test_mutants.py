"""Small wrong changes of the product (mutants.yaml): the tests that are named there notice each."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest
import yaml

pytestmark = pytest.mark.nightly

ROOT = Path(__file__).parents[2]
NO_SOURCE = (".*", "__pycache__", "node_modules")
ALL_PASSED, SOME_FAILED = 0, 1


class Mutant(NamedTuple):
    """What is wrong, the text that makes it so, and the tests that must fail."""

    id: str
    wrong: str
    file: str
    old: str
    new: str
    tests: list[str]


MUTANTS = [
    Mutant(**one) for one in yaml.safe_load(Path(__file__).with_name("mutants.yaml").read_text())
]


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of this tree, which may be changed."""
    folder = tmp_path_factory.mktemp("mutants") / "tree"
    shutil.copytree(ROOT, folder, ignore=shutil.ignore_patterns(*NO_SOURCE))
    return folder


def run_tests(folder: Path, tests: list[str]) -> subprocess.CompletedProcess[str]:
    """Run tests of a copy, on the code of that copy."""
    command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", *tests]
    environ = {**os.environ, "PYTHONPATH": str(folder)}
    return subprocess.run(
        command, cwd=folder, env=environ, text=True, capture_output=True, check=False
    )


def write(file: Path, text: str) -> None:
    """Write a module, whose bytecode a clock of whole seconds might take for the current one."""
    file.write_text(text, encoding="utf-8")
    Path(importlib.util.cache_from_source(str(file))).unlink(missing_ok=True)


def test_the_named_tests_pass_on_the_code_as_it_is(copy: Path) -> None:
    named = dict.fromkeys(name for mutant in MUTANTS for name in mutant.tests)
    ended = run_tests(copy, [*named])
    assert ended.returncode == ALL_PASSED, ended.stdout[-4000:]


@pytest.mark.parametrize("mutant", MUTANTS, ids=[mutant.id for mutant in MUTANTS])
def test_a_mutant_is_noticed(copy: Path, mutant: Mutant) -> None:
    file = copy / mutant.file
    before = file.read_text(encoding="utf-8")
    assert before.count(mutant.old) == 1, f"{mutant.file} has changed: where is this code now?"
    try:
        write(file, before.replace(mutant.old, mutant.new))
        ended = run_tests(copy, mutant.tests)
    finally:
        write(file, before)
    assert ended.returncode == SOME_FAILED, f"{mutant.wrong}\n{ended.stdout[-4000:]}"
