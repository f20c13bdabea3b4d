"""What the caller's shell and files hold does not change what runs, nor what is put back."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from floe_local.errors import NotReadyError
from floe_local.operations.stacks import Where
from floe_local.operations.status import status
from floe_local.run.workspace import Workspace

if TYPE_CHECKING:
    from pathlib import Path

    from tests.integration.stack.conftest import Stacks

pytestmark = pytest.mark.integration

SHELL = {
    "COMPOSE_FILE": "/nowhere.yaml",
    "COMPOSE_PROJECT_NAME": "somebody-else",
    "COMPOSE_PROFILES": "none",
    "COMPOSE_ENV_FILES": "/nowhere.env",
    "COMPOSE_IGNORE_ORPHANS": "true",
    "DOCKER_DEFAULT_PLATFORM": "linux/arm64",
    "FLOE_SECRET_DB": "of-the-shell",
}


def test_a_shell_full_of_settings_and_a_proxy_of_docker(
    stacks: Stacks, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = tmp_path / "docker"
    config.mkdir()
    proxies = {"default": {"httpProxy": "http://127.0.0.1:9", "noProxy": "corp.example"}}
    (config / "config.json").write_text(json.dumps({"currentContext": "", "proxies": proxies}))
    monkeypatch.setenv("DOCKER_CONFIG", str(config))
    for name, value in SHELL.items():
        monkeypatch.setenv(name, value)
    services = {"a": {"environment": {"PASSWORD": "{secret:db}"}}, "b": {}}
    request = stacks.request(tmp_path, services)
    stacks.up(request)
    inside = stacks.inside(request, "a", "env").splitlines()
    assert "http_proxy=http://127.0.0.1:9" in inside
    assert "PASSWORD=of-the-shell" not in inside
    (exceptions,) = (line for line in inside if line.startswith("no_proxy="))
    assert {"corp.example", "127.0.0.1", "a", "b"} <= {*exceptions.partition("=")[2].split(",")}
    assert not stacks.up(request).changed


def test_files_of_a_version_to_come_are_put_back(stacks: Stacks, tmp_path: Path) -> None:
    """Decision 9 holds for a stack whose plan this version cannot read."""
    good = stacks.request(tmp_path, {"a": {}})
    stacks.up(good)
    workspace = Workspace(good.identity)
    (workspace.folder / "stack.json").write_text('{"version": "to come"}')
    before = workspace.snapshot()
    seen = status(Where(folder=tmp_path), stacks.engine)
    assert [row.state for row in seen.services] == ["running"]
    assert "another version" in seen.warnings[0]
    healthcheck = {"test": ["CMD", "false"], "interval": "1s", "retries": 1}
    bad = stacks.request(tmp_path, {"a": {"healthcheck": healthcheck}})
    with pytest.raises(NotReadyError):
        stacks.up(bad)
    assert workspace.snapshot() == before
    (container,) = stacks.engine.containers(good.identity.project)
    assert container.state == "running"
    assert not container.health
