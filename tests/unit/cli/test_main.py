"""Which command a command line names, also where it cannot be parsed."""

from __future__ import annotations

import pytest

from floe_local.cli.app import command_named


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
