"""What `--json` prints is what docs/schema says, to the letter."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jsonschema
import pytest
import typer

from docs.generate import commands
from docs.schemas import DOCUMENTS
from floe_local.cli.app import tree
from tests.raising import raised

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.unit.cli.conftest import Ended

SCHEMAS = Path(__file__).parents[2] / "docs" / "schema"
WITHOUT_DOCKER = [
    "init",
    "explain",
    "render",
    "render helm",
    "plugins list",
    "plugins show",
    "plugins test",
    "plugins new",
]
ARGUMENTS = {
    "plugins show": "jaeger",
    "plugins test": "jaeger",
    "plugins new": "mine --kind lineage",
}


def schema(name: str) -> Any:
    """What is written in docs/schema."""
    return json.loads((SCHEMAS / f"{name.replace(' ', '-')}.json").read_text("utf-8"))


def test_every_command_has_a_schema() -> None:
    root: Any = typer.main.get_command(tree())
    assert {name for name, _ in commands(root)} | {"render helm"} == set(DOCUMENTS)


@pytest.mark.parametrize("name", sorted(path.stem for path in SCHEMAS.glob("*.json")))
def test_a_schema_is_one(name: str) -> None:
    check = jsonschema.Draft202012Validator.check_schema
    assert raised(jsonschema.SchemaError, check, schema(name)) is None


@pytest.mark.usefixtures("project")
@pytest.mark.parametrize("command", WITHOUT_DOCKER)
def test_a_document_is_what_its_schema_says(command: str, floe: Callable[..., Ended]) -> None:
    ended = floe(*command.split(), *ARGUMENTS.get(command, "").split(), "--json")
    assert ended.code == 0, ended.out
    document = json.loads(ended.out)
    jsonschema.validate(document, schema(command))
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(document, schema("error"))
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({**document, "more": 1}, schema(command))


@pytest.mark.usefixtures("project")
@pytest.mark.parametrize("line", ["plugins show nobody", "images list", "sandbox show", "frob", ""])
def test_an_error_is_what_its_schema_says(line: str, floe: Callable[..., Ended]) -> None:
    ended = floe(*line.split(), "--json")
    assert ended.code
    jsonschema.validate(json.loads(ended.out), schema("error"))
