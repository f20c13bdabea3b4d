"""`plugins new`: whatever the name, what is written is whole; nothing is overwritten."""

from __future__ import annotations

import ast
import json
import tomllib
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from floe_local.errors import FloeError, InputError, MachineError
from floe_local.operations.scaffold import LONGEST_NAME, new_plugin
from floe_local.plan.blueprint.lookup import is_part
from floe_local.plan.blueprint.placement import resolve_placement, sandbox_url
from floe_local.plan.blueprint.reader import read_blueprint
from floe_local.plan.compiler.compile import compile_outputs
from floe_local.plan.manifest.model import Manifest
from floe_local.plan.plugins.calls import call_plugin
from floe_local.plan.values import Kind

NAMES = st.from_regex(rf"[a-z0-9][a-z0-9_.-]{{0,{LONGEST_NAME - 1}}}", fullmatch=True).filter(
    lambda name: not is_part(name)
)
KINDS = st.sampled_from(Kind)
GROUP = "floe.{}_backends"
FEW = settings(max_examples=settings().max_examples // 4)
"""Each example is a project of some twenty files; the odd names stand beside them."""


@FEW
@given(NAMES, KINDS)
@example("9" + "x" * (LONGEST_NAME - 1), Kind.TELEMETRY)
@example("9" + "x" * (LONGEST_NAME - 1), Kind.LINEAGE)
@example("127.0.0.1", Kind.LINEAGE)
@example("null", Kind.LINEAGE)
@example("1e3", Kind.TELEMETRY)
@example("a-", Kind.TELEMETRY)
@example("localhost", Kind.TELEMETRY)
@example("otel-collector", Kind.TELEMETRY)
@example("postgres-", Kind.LINEAGE)
def test_whatever_its_name_a_new_plugin_is_whole_and_compiles(name: str, kind: Kind) -> None:
    with TemporaryDirectory() as folder:
        written = new_plugin(name, kind, Path(folder))
        root = Path(written.folder)
        assert {str(f.relative_to(root)) for f in root.rglob("*") if f.is_file()} == set(
            written.files
        )
        for file in root.rglob("*.py"):
            source = file.read_text("utf-8")
            ast.parse(source)
            assert "%%" not in source
            assert max(map(len, source.splitlines())) <= 100
        plugin = _plugin(root, name, kind)
        assert plugin.name == name
        located = read_blueprint(next(root.glob("src/*")), "the test", name)
        output = call_plugin(plugin, kind)
        compiled = compile_outputs(
            Manifest(), [output], resolve_placement({plugin.name: located}, live=False)
        )
    (backend,) = compiled.backends
    services = set(located.blueprint.services)
    assert {host for host, _ in backend.hosts} == services
    assert not any(map(is_part, services))


@FEW
@given(NAMES, KINDS)
@example("9" + "x" * (LONGEST_NAME - 1), Kind.TELEMETRY)
@example("127.0.0.1", Kind.LINEAGE)
@example("null", Kind.TELEMETRY)
@example("1e3", Kind.LINEAGE)
def test_whatever_its_name_a_new_plugin_is_played_by_the_sandbox(name: str, kind: Kind) -> None:
    with TemporaryDirectory() as folder:
        root = Path(new_plugin(name, kind, Path(folder), sandbox=True).folder)
        for file in root.rglob("*.py"):
            source = file.read_text("utf-8")
            assert "%%" not in source
            assert max(map(len, source.splitlines())) <= 100
        plugin = _plugin(root, name, kind)
        located = read_blueprint(next(root.glob("src/*")), "the test", name)
        played = resolve_placement({plugin.name: located}, live=False)
        output = call_plugin(plugin, kind)
        compiled = compile_outputs(Manifest(), [output], played)
    sent = json.dumps([compiled.otlp_collector_config, compiled.openlineage_config])
    assert sandbox_url(played[plugin.name].blueprint) in sent
    assert ".example" not in sent


def _plugin(root: Path, name: str, kind: Kind) -> Any:
    """The plugin that the entry point names, from its source; nothing stays in sys.modules."""
    project = tomllib.loads((root / "pyproject.toml").read_text("utf-8"))["project"]
    module, _, cls = project["entry-points"][GROUP.format(kind)][name].partition(":")
    assert project["entry-points"]["floe_local.blueprints"] == {name: module}
    assert module.isidentifier()
    source = (root / "src" / module / "plugin.py").read_text("utf-8")
    assert len(source.splitlines()) < 100
    namespace: dict[str, Any] = {"__name__": module}
    exec(compile(source, module, "exec", dont_inherit=True), namespace)  # noqa: S102 - ours
    return namespace[cls]()


@pytest.mark.parametrize("name", ["collector", "sandbox", "postgres"])
def test_a_new_plugin_is_not_called_as_a_part_that_floe_local_ships(
    name: str, tmp_path: Path
) -> None:
    with pytest.raises(InputError, match=f"'{name}' is a part that floe-local ships") as caught:
        new_plugin(name, Kind.TELEMETRY, tmp_path)
    assert caught.value.code == "plugin-name"
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "name", ["", "My", "-a", "a b", "../a", "a/b", "é", "a" * (LONGEST_NAME + 1), "a\n"]
)
def test_what_is_no_name_is_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(InputError) as caught:
        new_plugin(name, Kind.LINEAGE, tmp_path)
    assert caught.value.code == "plugin-name"
    assert not list(tmp_path.iterdir())


def test_a_folder_that_is_there_is_left_alone(tmp_path: Path) -> None:
    mine = tmp_path / "floe-lineage-a" / "mine"
    mine.parent.mkdir()
    mine.write_text("mine")
    with pytest.raises(InputError) as caught:
        new_plugin("a", Kind.LINEAGE, tmp_path)
    assert caught.value.code == "plugin-exists"
    assert str(mine.parent) in caught.value.reason
    assert [f.name for f in mine.parent.iterdir()] == ["mine"]


def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(FloeError) as caught:
        new_plugin("a", Kind.LINEAGE, tmp_path / "file")
    assert isinstance(caught.value, MachineError)
    assert str(tmp_path / "file") in caught.value.reason
