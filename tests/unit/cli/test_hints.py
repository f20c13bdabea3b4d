"""Commands in hints can be pasted as they stand."""

from __future__ import annotations

import ast
import json
import re
import shlex
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import typer
from hypothesis import given
from hypothesis import strategies as st

import floe_local
from floe_local.cli.app import tree
from floe_local.cli.session import Session

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.unit.cli.conftest import Ended

COMMANDS = re.compile(r"(?:`|\$\()floe-local ([^`)]+)[`)]")


def texts(source: str) -> Iterator[str]:
    """Every text in a module that may be printed; what is put in when it runs is the word X."""
    nodes = list(ast.walk(ast.parse(source)))
    statements = (node for node in nodes if isinstance(node, ast.Expr))
    docs = {node.value for node in statements if isinstance(node.value, ast.Constant)}
    for node in nodes:
        if node in docs and "Example: " not in str(getattr(node, "value", "")):
            continue
        if isinstance(node, ast.JoinedStr):
            parts = [v.value if isinstance(v, ast.Constant) else "X" for v in node.values]
            yield "".join(map(str, parts))
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value


@cache
def hinted() -> list[str]:
    folder = Path(floe_local.__file__).parent
    files = (f for f in folder.rglob("*.py") if "plugin_template" not in f.parts)
    sources = (s for file in files if "floe-local" in (s := file.read_text("utf-8")))
    found = {c for source in sources for text in texts(source) for c in COMMANDS.findall(text)}
    return sorted(" ".join(command.split()) for command in found if command[0].isalpha())


@cache
def command_line() -> Any:
    return typer.main.get_command(tree())


def parsed(command: str) -> dict[str, Any]:
    """The options that the real command line reads, of all groups; it raises where it cannot."""
    tree = command_line()
    words = re.sub(r"\{\w+\}", "X", command)
    context = tree.make_context("floe-local", shlex.split(words))
    given = {**context.params}
    while hasattr(tree, "commands"):
        _, tree, rest = tree.resolve_command(context, [*context._protected_args, *context.args])
        context = tree.make_context(tree.name, rest, parent=context)
        given |= {k: v for k, v in context.params.items() if v is not None or k not in given}
    return given


def test_there_are_hints() -> None:
    assert {"up", "status", "logs X"} <= {*hinted()}


@pytest.mark.parametrize("command", hinted())
def test_every_command_in_a_text_exists(command: str) -> None:
    assert parsed(command), "the options that it reads"


@given(
    st.sampled_from([c for c in hinted() if not re.search(r"(^|\s)(-s|-m|-e)\s", c)]),
    st.none() | st.sampled_from(["a.yaml", "../a b/it's.yaml", "-x", "$HOME/`x`"]).map(Path),
    st.none() | st.sampled_from(["prod", "it's"]),
    st.none() | st.sampled_from(["mine", ""]),
)
def test_a_completed_command_means_the_same_stack(
    command: str, manifest: Path | None, environment: str | None, stack: str | None
) -> None:
    session = Session(manifest=manifest, environment=environment, stack=stack)
    text = f"first `floe-local {command}`, then see"
    completed = session.complete(text)
    assert session.complete(completed) == completed
    if command.startswith(("list", "plugins list", "plugins new", "plugins test")):
        assert completed == text
        return
    if manifest is not None and "`" in str(manifest):
        return  # a backtick in a name would end the command
    (found,) = COMMANDS.findall(completed)
    read = parsed(found)
    assert (read["manifest"], read["environment"], read["stack"]) == (manifest, environment, stack)


@pytest.mark.parametrize(
    ("text", "completed"),
    [
        ("`floe-local up`", "`floe-local -m a/m.yaml -s ci up`"),
        ('eval "$(floe-local env)"', 'eval "$(floe-local -m a/m.yaml -s ci env)"'),
        ("`floe-local down -s x`", "`floe-local -m a/m.yaml down -s x`"),
        ("`floe-local list`", "`floe-local list`"),
        ("floe-local of 0.1.0", "floe-local of 0.1.0"),
        ("`floe-local`", "`floe-local`"),
    ],
)
def test_a_command_gets_what_it_lacks(text: str, completed: str) -> None:
    assert Session(manifest=Path("a/m.yaml"), stack="ci").complete(text) == completed
    assert Session().complete(text) == text


@pytest.mark.parametrize("options", [(), ("-s", "ci"), ("--stack=ci",)])
def test_an_error_s_hint_names_the_stack(
    options: tuple[str, ...], floe: Callable[..., Ended], project: Path
) -> None:
    (project / "manifest.yaml").write_text("plugins: {lineage_backend: marquez}\n")
    stack = "-s ci " if options else ""
    assert f"hint: `floe-local {stack}up` brings it up;" in floe("urls", *options).err
    assert f"hint: `floe-local {stack}up` brings it up;" in floe(*options, "urls").err
    assert floe("urls", "--json", *options).error["hint"].startswith(f"`floe-local {stack}up`")
    assert "`floe-local list`" in floe("urls", *options).err


def test_a_manifest_and_an_environment_are_named(floe: Callable[..., Ended], project: Path) -> None:
    (project / "prod").mkdir()
    (project / "prod" / "manifest.yaml").write_text("plugins: {lineage_backend: marquez}\n")
    assert "`floe-local -m . -e prod up`" in floe("env", "-m", ".", "-e", "prod").err


def test_reports_are_completed_and_what_others_wrote_is_not(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    from floe_local.cli import output  # noqa: PLC0415

    body = {"checks": [{"hint": "`floe-local logs a`"}], "lines": [{"text": "`floe-local up`"}]}
    with output.completing_hints(Session(stack="ci").complete):
        output.write_json("x", body)
        output.write_file(tmp_path / "r.xml", "`floe-local up`")
        output.write("`floe-local up`")
        output.say("`floe-local down`")
    out = capsys.readouterr().out
    document, end = json.JSONDecoder().raw_decode(out)
    assert document["checks"] == [{"hint": "`floe-local -s ci logs a`"}]
    assert document["lines"] == body["lines"]
    assert out[end:] == "\n`floe-local up`\n`floe-local -s ci down`\n"
    assert (tmp_path / "r.xml").read_text() == "`floe-local -s ci up`"
