"""Every command of the README is run, word for word."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.e2e.conftest import Shell

pytestmark = pytest.mark.e2e

ROOT = Path(__file__).parents[2]
BLOCK = re.compile(r"^```sh\n(.*?)^```", re.MULTILINE | re.DOTALL)


def commands() -> list[str]:
    blocks = BLOCK.findall((ROOT / "README.md").read_text(encoding="utf-8"))
    return [line for block in blocks for line in block.splitlines() if line.strip()]


def test_the_first_two_commands_are_all_the_set_up() -> None:
    assert commands()[:2] == ["./dev demo", "./dev test"]


def test_ci_runs_the_readmes_test_command() -> None:
    assert commands()[1] in (ROOT / ".ci" / "run").read_text(encoding="utf-8").splitlines()[-1]


def test_the_daily_commands_work_in_their_order(shell: Shell) -> None:
    daily = commands()[2:]
    assert daily[0] == "floe-local init"
    for command in daily:
        shell.run(command)
