"""The built wheels in an environment of their own, driven as a user types."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from floe_local.run.compose_cli import find_compose
from tests.processes import made_once

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]
LONGEST = 600


@dataclass(frozen=True)
class Shell:
    """A folder, with an environment in which `floe-local` is the installed one."""

    folder: Path
    environment: dict[str, str]

    def run(self, command: str, *, expect: int = 0) -> subprocess.CompletedProcess[str]:
        """Run `command` in bash, and check its exit code."""
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", command],
            cwd=self.folder,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=LONGEST,
            check=False,
        )
        said = f"$ {command}\n{done.stdout}\n{done.stderr}"
        assert done.returncode == expect, f"exit {done.returncode}, not {expect}\n{said}"
        assert "Traceback" not in done.stderr, said
        return done

    @contextmanager
    def stack(self, up: str) -> Iterator[subprocess.CompletedProcess[str]]:
        """Bring a stack up by a command, which is given; whatever happens, nothing of it is left."""
        try:
            yield self.run(up)
        finally:
            self.run("floe-local down --volumes")

    def json(self, command: str, *, expect: int = 0) -> dict[str, Any]:
        """Run a command with --json; its one document."""
        document = json.loads(self.run(f"{command} --json", expect=expect).stdout)
        assert document["schema"] == "floe-local/v1"
        return dict(document)


def _uv() -> str:
    found = shutil.which("uv") or str(Path(sys.executable).parent / "uv")
    assert Path(found).exists(), "uv is not in this environment; ./dev test puts it there"
    return found


@pytest.fixture(scope="session")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of this run's; its processes make what is in it once, see `made_once`."""
    mine = tmp_path_factory.getbasetemp()
    return mine.parent if "PYTEST_XDIST_WORKER" in os.environ else mine


@pytest.fixture(scope="session")
def wheels(shared: Path) -> Path:
    """The wheels of floe-local with its reference plugins, built from this checkout."""
    command = [_uv(), "build", "--wheel", "--all-packages", "--quiet", "-o"]

    def build(folder: Path) -> None:
        subprocess.run([*command, str(folder)], cwd=ROOT, check=True)

    out = made_once(shared / "wheels", build)
    assert list(out.glob("floe_local-*.whl"))
    return out


@pytest.fixture(scope="session")
def environment(wheels: Path, shared: Path) -> dict[str, str]:
    """A clean virtual environment that holds floe-local and its plugins alone, as variables."""
    constraints = ["--constraint", str(ROOT / "constraints.txt")]
    packages = [*constraints, *map(str, wheels.glob("floe_*.whl"))]
    return variables(made_once(shared / "installed", lambda home: install(home, packages)))


def install(home: Path, packages: list[str]) -> None:
    """Make a virtual environment in `home` that holds nothing but `packages`."""
    subprocess.run([_uv(), "venv", "--quiet", "-p", sys.executable, str(home)], check=True)
    install = [_uv(), "pip", "install", "--quiet", "-p", str(home / "bin" / "python")]
    subprocess.run([*install, *packages], check=True)


def variables(home: Path) -> dict[str, str]:
    """The variables of a shell in which a virtual environment is active."""
    foreign = ("FLOE_", "OTEL_", "OPENLINEAGE_")
    inherited = {k: v for k, v in os.environ.items() if not k.startswith(foreign)}
    compose = Path(find_compose()).parent  # it may be a package of this environment
    path = f"{home / 'bin'}:{compose}:{os.environ['PATH']}"
    return inherited | {"PATH": path, "NO_COLOR": "1"}


@pytest.fixture(scope="module")
def shell(environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shell]:
    """A project folder with a space and an umlaut; its stacks are gone afterwards."""
    folder = tmp_path_factory.mktemp("e2e") / "Müller's project"
    folder.mkdir()
    shell = Shell(folder, environment)
    yield shell
    shell.run("floe-local down --volumes")
