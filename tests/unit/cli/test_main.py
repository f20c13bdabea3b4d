"""Which command a command line names, also where it cannot be parsed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from floe_local.cli.app import TREE, command_named, run

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.unit.cli.conftest import Ended


@pytest.mark.parametrize(
    ("line", "command"),
    [
        ("up --json", "up"),
        ("--json -m a.yaml up", "up"),
        ("-s up status", "status"),
        ("images list --json", "images list"),
        ("images -m a.yaml list", "images list"),
        ("images frob", "images"),
        ("logs images", "logs"),
        ("--json", ""),
        ("frob", ""),
    ],
)
def test_the_command_is_found_among_options(line: str, command: str) -> None:
    assert command_named(line.split()) == command


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("imags", "Did you mean 'images'?"),
        ("images lis", "Did you mean 'list'?"),
        ("-vs up frob", "No such command 'frob'."),
        ("--help up", "smoke-test "),
        ("up --help", "--free-ports"),
        ("-q images", "save "),
        ("sandbox -h", "fail "),
    ],
)
def test_help_and_errors_know_the_other_commands(
    line: str, says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    run(line.split())
    assert says in "".join(capsys.readouterr())


@pytest.mark.parametrize(
    "command", [f"{group} {name}" for group, names in TREE.items() for name in names]
)
@pytest.mark.usefixtures("project")
def test_options_behind_the_dashes_are_none_of_ours(
    floe: Callable[..., Ended], command: str
) -> None:
    ended = floe(*command.split(), "--", "--json")
    assert ended.code != 0
    assert ended.out == ""
    assert ended.err
