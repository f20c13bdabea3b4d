"""Every example in the docs is what it says: read, compiled, and run where that takes no stack."""

from __future__ import annotations

import ast
import re
import tomllib
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import typer
import yaml

import floe_local.testing
from docs.generate import commands
from floe_local.cli.app import tree
from floe_local.cli.session import OPTIONS
from floe_local.errors import InputError
from floe_local.operations.plugin_checks import check_plugins
from floe_local.plan.blueprint.model import Blueprint, Probe
from floe_local.plan.blueprint.reader import read_blueprint
from floe_local.plan.blueprint.recipe import load_recipe
from floe_local.plan.manifest.reader import load_manifest
from floe_local.testing import FloeLocal

DOCS = Path(__file__).parents[3] / "docs"
PAGES = ("blueprints.md", "plugin-authors.md", "testing.md", "manifest.md")
FENCE = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
KIND_OF = {"traces": "telemetry", "metrics": "telemetry", "logs": "telemetry", "lineage": "lineage"}
OWN_SERVICES = {
    "acme": {
        "image": {"upstream": "acme:1"},
        "endpoints": [{"name": "api", "port": 80}],
    }
}


class Block(NamedTuple):
    """A fenced block: where it stands, in which language, and its text."""

    page: str
    line: int
    language: str
    text: str

    def __str__(self) -> str:
        return f"{self.page}:{self.line}"


def fenced(*languages: str) -> list[Block]:
    texts = {page: (DOCS / page).read_text(encoding="utf-8") for page in PAGES}
    return [
        Block(page, text[: match.start()].count("\n") + 2, match[1], match[2])
        for page, text in texts.items()
        for match in FENCE.finditer(text)
        if match[1] in languages
    ]


def blocks(*languages: str) -> list[Any]:
    return [pytest.param(block, id=str(block)) for block in fenced(*languages)]


def test_every_block_is_in_a_language_that_is_checked() -> None:
    text = "".join((DOCS / page).read_text(encoding="utf-8") for page in PAGES)
    known = {"yaml", "python", "toml", "console", "dockerfile"}
    assert set(re.findall(r"^```(\w+)$", text, re.MULTILINE)) <= known
    assert len(blocks(*known)) == len(re.findall(r"^```$", text, re.MULTILINE))


@pytest.mark.parametrize("block", blocks("yaml"))
def test_yaml_is_a_manifest_a_recipe_or_a_part_of_a_blueprint(block: Block, tmp_path: Path) -> None:
    given = yaml.safe_load(block.text)
    keys = set(given)
    if "plugins" in keys:
        (tmp_path / "manifest.yaml").write_text(block.text, encoding="utf-8")
        assert load_manifest(tmp_path / "manifest.yaml").backends
    elif "recipe" in keys:
        assert written_recipe(tmp_path, block.text, given)
    elif keys <= set(Probe.model_fields):
        written_blueprint(tmp_path, {"readback": {"traces": [with_request(given)]}})
    else:
        assert keys <= set(Blueprint.model_fields), "neither a manifest, a recipe nor a blueprint"
        written_blueprint(tmp_path, given)


def written_recipe(folder: Path, text: str, given: dict[str, Any]) -> object:
    """A recipe as it is loaded; what it stands on is one of one step."""
    own, base = folder / "own" / "image", folder / "own" / "image" / str(given.get("base", "base"))
    for path in (own, base.resolve()):
        path.mkdir(parents=True, exist_ok=True)
        base_text = "recipe: 1\nname: base\nsteps: [{step: docker-build}]\n"
        (path / "recipe.yaml").write_text(base_text, encoding="utf-8")
    (own / "recipe.yaml").write_text(text, encoding="utf-8")
    (own / "Dockerfile").write_text("ARG BASE\nFROM ${BASE}\n" if "base" in given else "FROM x\n")
    return load_recipe(own)


def with_request(probe: dict[str, Any]) -> dict[str, Any]:
    """A part of a probe as a whole one."""
    request = {"endpoint": "api", "path": "/t/{trace_id}"}
    return {
        "name": "t",
        "each": "trace",
        "request": request,
        "absent": {"status": 404},
        **probe,
    }


def written_blueprint(folder: Path, given: dict[str, Any]) -> Blueprint:
    """A part of a blueprint, made a whole one with little else in it; its files are there."""
    sandbox = given.get("sandbox", {})
    signals = [*given.get("readback", {}), *sandbox.get("readback", {})] or ["traces"]
    parts: dict[str, Any] = {
        "blueprint": 1,
        "name": "acme",
        "title": "Acme",
        "kind": KIND_OF[signals[0]],
    }
    parts |= {"accepts": signals, **given}
    if not sandbox and "services" not in given:
        parts["services"] = OWN_SERVICES
        if "chart" in given:
            parts["services"] = {str(given["chart"]["name"]): OWN_SERVICES["acme"]}
    for service in parts.get("services", {}).values():
        for file in service.get("files", []):
            (folder / file["source"]).write_text("", encoding="utf-8")
    if "{environment}" in str(given.get("chart", {}).get("values")):
        assert "secret" in given["chart"]
    (folder / "blueprint.yaml").write_text(yaml.safe_dump(parts), encoding="utf-8")
    return read_blueprint(folder, "the docs").blueprint


def test_an_example_with_two_dummies_would_be_red(tmp_path: Path) -> None:
    (text,) = (b.text for b in fenced("yaml") if "X-Key" in b.text and "exporters" in b.text)
    given = yaml.safe_load(text.replace('ACME_TOKEN: "0123456789abcdef"', "ACME_TOKEN: dummy"))
    with pytest.raises(InputError, match="ACME_TOKEN: is 'dummy', and the recorder expects"):
        written_blueprint(tmp_path, given)


def test_the_plugin_of_the_docs_keeps_its_contract(tmp_path: Path) -> None:
    """Class, entry points and blueprint of docs/plugin-authors.md, as one distribution."""
    found = fenced("python", "toml", "yaml")
    of = {b.language: b.text for b in reversed(found) if b.page == "plugin-authors.md"}
    package = tmp_path / "src" / "floe_telemetry_tempo"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text(of["python"], encoding="utf-8")
    (package / "blueprint.yaml").write_text(of["yaml"], encoding="utf-8")
    project = f'[project]\nname = "floe-telemetry-tempo"\nversion = "0.1.0"\n\n{of["toml"]}'
    (tmp_path / "pyproject.toml").write_text(project, encoding="utf-8")

    (report,) = check_plugins(tmp_path, collector=False).plugins

    undone = {c.check: c.reason for c in report.checks if c.outcome != "passed"}
    assert set(undone) <= {"collector"}, undone
    assert not [warning for check in report.checks for warning in check.warnings]


@pytest.mark.parametrize("block", blocks("python"))
def test_python_uses_what_there_is(block: Block) -> None:
    tree = ast.parse(block.text)
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module == "floe_local.testing":
            assert {name.name for name in node.names} <= set(floe_local.testing.__all__)
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            stack = node.value.id in ("stack", "floe_stack", "floe_own_stack")
            assert not stack or hasattr(FloeLocal, node.attr), node.attr


@pytest.mark.parametrize("block", blocks("toml"))
def test_toml_can_be_read(block: Block) -> None:
    assert tomllib.loads(block.text)


@pytest.mark.parametrize("block", blocks("console"))
def test_a_command_and_its_options_exist(block: Block) -> None:
    known = dict(commands(typer.main.get_command(tree())))
    for line in block.text.splitlines():
        words = line.partition("#")[0].split()
        if words[:1] != ["floe-local"]:
            continue
        name = max((n for n in known if words[1:3][: len(n.split())] == n.split()), key=len)
        options = {o for p in known[name].params for o in (*p.opts, *p.secondary_opts)}
        used = {word.partition("=")[0] for word in words if word.startswith("-")}
        assert used <= options | {f"--{option}" for option in OPTIONS}, line
