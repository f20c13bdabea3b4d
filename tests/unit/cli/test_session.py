"""The shared options, on either side of a command's name."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import pytest
import typer
from typer.testing import CliRunner

from floe_local.cli.app import tree
from floe_local.cli.session import Session, with_session


def session_of(*arguments: str) -> Session:
    """The session that a command sees, when the real tree is asked with a command put in."""
    seen: list[Session] = []

    def probe(session: Session, *, own: Annotated[int, typer.Option()] = 0) -> None:
        """Look at the session."""
        seen.append(session)
        assert own in {0, 3}

    app = typer.Typer()
    app.callback()(tree().registered_callback.callback)  # type: ignore[union-attr, type-var]
    app.command("probe")(with_session(probe))
    app.command("other")(lambda: None)
    result = CliRunner().invoke(app, list(arguments), catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return seen[0]


@pytest.mark.parametrize(
    "arguments",
    [
        ("--json", "-s", "mine", "-m", "a.yaml", "probe"),
        ("probe", "--json", "-s", "mine", "-m", "a.yaml"),
        ("--json", "probe", "--stack", "mine", "--manifest", "a.yaml", "--own", "3"),
    ],
)
def test_options_count_on_both_sides(arguments: tuple[str, ...]) -> None:
    assert session_of(*arguments) == Session(manifest=Path("a.yaml"), stack="mine", json=True)


def test_the_inner_one_wins() -> None:
    assert session_of("-s", "outer", "probe", "-s", "inner").stack == "inner"


def test_an_empty_name_is_no_default() -> None:
    assert session_of("probe", "--stack", "").stack == ""


def test_nothing_given() -> None:
    assert session_of("probe") == Session()
