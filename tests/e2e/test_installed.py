"""The wheels on their own: installed as a tool, completing in a shell, far from the checkout."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from floe_local.plan.blueprint.recipe import recipe_files

if TYPE_CHECKING:
    from tests.e2e.conftest import Shell

pytestmark = pytest.mark.e2e

ROOT = Path(__file__).parents[2]


def uv() -> str:
    """The uv that `./dev test` put beside this Python."""
    return shutil.which("uv") or str(Path(sys.executable).parent / "uv")


def wheel(wheels: Path, name: str) -> Path:
    (found,) = wheels.glob(f"{name}-*.whl")
    return found


def files_of_recipes() -> set[str]:
    """The files of the recipes in compose/, from there; some are behind links to folders."""
    folders = [file.parent for file in (ROOT / "compose").rglob("recipe.yaml")]
    return {
        (folder / name).relative_to(ROOT / "compose").as_posix()
        for folder in folders
        for name in recipe_files(folder)
    }


def test_the_wheel_holds_all_of_compose_and_nothing_else_of_the_checkout(wheels: Path) -> None:
    names = zipfile.ZipFile(wheel(wheels, "floe_local")).namelist()
    shipped = {n.removeprefix("floe_local/_compose/") for n in names if "/_compose/" in n}
    listed = ["git", "ls-files", "--cached", "--", "compose"]
    tracked = subprocess.run(listed, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    files = {name for name in tracked.splitlines() if (ROOT / name).is_file()}
    assert shipped >= {name.removeprefix("compose/") for name in files} | files_of_recipes()
    assert {n.partition("/")[0].partition("-")[0] for n in names} == {"floe_local"}
    assert not [name for name in names if "__pycache__" in name or "/tests/" in name]


def test_a_tool_is_given_a_plugin_and_says_how_another_is_added(
    wheels: Path, tmp_path: Path
) -> None:
    places = {"UV_TOOL_DIR": str(tmp_path / "tools"), "UV_TOOL_BIN_DIR": str(tmp_path / "bin")}
    environment = os.environ | places | {"DOCKER_HOST": "unix:///nonexistent"}
    install = [uv(), "tool", "install", "--quiet", "--python", sys.executable]
    install += ["--constraints", str(ROOT / "constraints.txt")]
    install += ["--with", str(wheel(wheels, "floe_telemetry_jaeger"))]
    subprocess.run([*install, str(wheel(wheels, "floe_local"))], env=environment, check=True)

    def floe_local(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [str(tmp_path / "bin" / "floe-local"), *arguments]
        options = {"cwd": tmp_path, "env": environment, "capture_output": True, "text": True}
        return subprocess.run(command, check=False, **options)  # type: ignore[call-overload,no-any-return]

    listed = json.loads(floe_local("plugins", "list", "--json").stdout)["plugins"]
    assert [(p["kind"], p["name"]) for p in listed] == [("telemetry", "jaeger")]
    (tmp_path / "manifest.yaml").write_text("plugins: {telemetry_backend: jaeger}\n")
    assert "otel-collector:" in floe_local("render").stdout
    (tmp_path / "manifest.yaml").write_text("plugins: {lineage_backend: marquez}\n")
    refused = floe_local("render")
    assert refused.returncode == 2
    assert "uv tool install floe-local --with <its distribution>" in refused.stderr


@pytest.mark.parametrize("kind", ["bash", "zsh", "fish"])
def test_a_shell_can_complete(kind: str, shell: Shell) -> None:
    script = shell.run(f"_FLOE_LOCAL_COMPLETE=source_{kind} floe-local").stdout
    assert f"complete_{kind}" in script


def test_a_command_s_name_is_completed(shell: Shell) -> None:
    completing = "_FLOE_LOCAL_COMPLETE=complete_bash COMP_CWORD=1 COMP_WORDS='floe-local smo'"
    assert shell.run(f"{completing} floe-local").stdout.split() == ["smoke-test"]


def test_completion_is_installed_where_the_shell_looks(shell: Shell) -> None:
    shell.run("HOME=$PWD SHELL=/bin/bash floe-local --install-completion")
    assert "floe-local" in (shell.folder / ".bashrc").read_text()


def test_version_and_help(shell: Shell) -> None:
    assert shell.run("floe-local --version").stdout.startswith("floe-local ")
    told = shell.run("floe-local --help").stdout
    assert "smoke-test" in told
    assert "\x1b" not in told


def test_a_new_plugin_is_written_and_passes_its_checks(shell: Shell) -> None:
    written = shell.json("floe-local plugins new my-backend --kind telemetry --folder new")
    assert "tests/test_plugin.py" in written["files"]
    checked = shell.json(f"floe-local plugins test {written['folder']} --junit report.xml")
    assert [plugin["name"] for plugin in checked["plugins"]] == ["my-backend"]
    assert checked["ok"]
    assert "<testsuite" in (shell.folder / "report.xml").read_text(encoding="utf-8")
