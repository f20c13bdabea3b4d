"""A new plugin, as it was written, passes its own tests, ruff, mypy and `plugins test`."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from floe_local.operations.plugin_checks import check_plugins
from floe_local.operations.scaffold import LONGEST_NAME, new_plugin
from floe_local.plan.values import Kind

pytestmark = pytest.mark.integration

BIN = Path(sys.executable).parent
COMMANDS = {
    "its own tests": [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"],
    "ruff": [str(BIN / "ruff"), "check", "--no-cache", "."],
    "the formatter": [str(BIN / "ruff"), "format", "--no-cache", "--check", "."],
    "mypy": [sys.executable, "-m", "mypy", "--strict"],
}
NAMES = {Kind.TELEMETRY: "my-backend", Kind.LINEAGE: "9" + "x" * (LONGEST_NAME - 1)}


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """This process's own; mypy looks at floe-local once for all new plugins."""
    return {**os.environ, "MYPY_CACHE_DIR": str(tmp_path_factory.mktemp("mypy"))}


@pytest.mark.parametrize("kind", Kind)
@pytest.mark.parametrize("sandbox", [False, True], ids=["self-hosted", "SaaS"])
def test_a_new_plugin_passes_all_that_it_is_asked(
    kind: Kind, environment: dict[str, str], *, sandbox: bool, tmp_path: Path
) -> None:
    folder = Path(new_plugin(NAMES[kind], kind, tmp_path, sandbox=sandbox).folder)
    for what, command in COMMANDS.items():
        done = subprocess.run(
            command, cwd=folder, env=environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, f"{what}:\n{done.stdout}\n{done.stderr}"
        assert "skipped" not in done.stdout, f"{what}:\n{done.stdout}"
    report = check_plugins(folder)
    (plugin,) = report.plugins
    assert report.ok
    assert {check.outcome for check in plugin.checks} == {"passed"}, plugin


def test_a_failure_of_the_class_names_the_check(tmp_path: Path) -> None:
    folder = Path(new_plugin("my-backend", Kind.TELEMETRY, tmp_path).folder)
    source = folder / "src" / "floe_telemetry_my_backend" / "plugin.py"
    leaking = source.read_text("utf-8").replace(
        'f"Bearer {self.config.token}"', 'f"Bearer {resolved(self.config.token)}"'
    )
    source.write_text(leaking.replace("only_by_reference\n", "only_by_reference, resolved\n", 1))
    command = [*COMMANDS["its own tests"], "-k", "WithToken and (credentials or json)"]
    environment = {**os.environ, "MY_BACKEND_TOKEN": "my-own-token"}
    done = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1, done.stdout
    assert "TestConformanceWithToken::test_conforms[credentials]" in done.stdout
    assert "my-own-token" not in done.stdout + done.stderr
