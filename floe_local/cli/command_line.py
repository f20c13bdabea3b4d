"""A command line → an exit code."""

from __future__ import annotations

import sys
from functools import cache
from itertools import pairwise
from typing import Any

import typer

from floe_local.cli.app import TREE, app
from floe_local.cli.boundary import Boundary, beyond_typer
from floe_local.cli.output import STDOUT
from floe_local.errors import ExitCode, on_path

_TAKE_A_VALUE = {"-m", "--manifest", "-e", "--env", "-s", "--stack"}
"""The options before a command's name that have a value."""


def run(arguments: list[str]) -> int:
    """Run a command line; its exit code."""
    boundary = Boundary(command_named(arguments), as_json="--json" in arguments)
    with boundary:
        boundary.exit_code = _command()(arguments, standalone_mode=False) or 0
        if boundary.exit_code == ExitCode.INTERRUPTED:  # while typer itself was at work
            raise KeyboardInterrupt
        with beyond_typer(), on_path(STDOUT):
            sys.stdout.flush()
    return boundary.exit_code


@cache
def _command() -> Any:
    """The tree as click has it: made once, which takes a while."""
    return typer.main.get_command(app)


def command_named(arguments: list[str]) -> str:
    """The command that a command line names, such as ``images list``; empty if none."""
    words = [
        word
        for before, word in pairwise(["", *arguments])
        if not word.startswith("-") and before not in _TAKE_A_VALUE
    ]
    group, name, *_ = [*words, "", ""]
    if name in TREE.get(group, ()):
        return f"{group} {name}"
    return group if group in {*TREE, *TREE[""]} else ""
