"""Which Docker engine is used, and why it cannot be; the SDK is not needed for that.

The engine is the one that the docker command would use: ``DOCKER_HOST``, then
``DOCKER_CONTEXT``, then the current context of the docker command's configuration.
"""

from __future__ import annotations

import json
import os
import socket
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from floe_local.errors import MachineError
from floe_local.plan.values import Frozen

if TYPE_CHECKING:
    from collections.abc import Mapping

DEFAULT_SOCKET = "unix:///var/run/docker.sock"
MINIMUM_API = (1, 41)
"""Engine 20.10, the oldest that the stack was tried on."""
LOOPBACK = "127.0.0.1"
PERMISSION_HINT = (
    "Add yourself to the group docker (`sudo usermod -aG docker $USER`, then log in again), "
    "or use a rootless engine."
)
START_HINT = "Start it: `sudo systemctl start docker`, or open Docker Desktop; or run `./dev demo`."
IMAGE_NAME_HINT = "A name is like `registry/name:tag`; see local.images and local.registry."
CONTEXT_HINT = "See `docker context ls`; choose one with `docker context use NAME`."


class EngineEndpoint(Frozen):
    """Where the engine listens, and who says so: DOCKER_HOST, a context, or the default."""

    url: str = DEFAULT_SOCKET
    chosen_by: str = "default"
    context: str | None = None

    @property
    def local(self) -> bool:
        """Whether the engine is asked through a socket or pipe of this machine."""
        return urlsplit(self.url).scheme in {"unix", "npipe", "http+unix"}

    @property
    def published_host(self) -> str:
        """The host at which the engine's published ports are reached from here."""
        return LOOPBACK if self.local else (urlsplit(self.url).hostname or LOOPBACK)


def docker_folder() -> Path:
    """The folder of the docker command's configuration, contexts and plugins."""
    return Path(os.environ.get("DOCKER_CONFIG") or os.path.expanduser("~/.docker"))  # noqa: PTH111 - Path's own raises where there is no home


def docker_config() -> dict[str, Any]:
    """The docker command's config.json; empty where it has none or cannot read it, as there."""
    try:
        config = json.loads((docker_folder() / "config.json").read_bytes())
    except (OSError, ValueError):
        return {}
    return config if isinstance(config, dict) else {}


def context_name(env: Mapping[str, str]) -> tuple[str | None, str]:
    """The docker context that is chosen, None where none is, and who chose it."""
    if env.get("DOCKER_CONTEXT"):
        return env["DOCKER_CONTEXT"], "DOCKER_CONTEXT"
    name = docker_config().get("currentContext")
    return name, f"docker context '{name}'"


def unusable_config(error: Exception) -> MachineError:
    """What to say of a configuration that the SDK cannot read."""
    file = docker_folder() / "config.json"
    return MachineError(
        "docker-config",
        f"{file} cannot be used: {error}",
        "mend it, or set DOCKER_CONFIG to a folder with another one",
    )


def connection_error(endpoint: EngineEndpoint, error: BaseException) -> MachineError:
    """What a failed connection means for the user, judged by its root cause."""
    causes = _causes(error)
    text = " ".join(str(cause) for cause in causes)
    who = _who(endpoint)
    if _is(causes, PermissionError) or "Permission denied" in text:
        return MachineError(
            "engine-permission", f"{who} may not be used by this user", PERMISSION_HINT
        )
    if "is too old" in text or "client is newer" in text:
        return MachineError("engine-too-old", f"{who} is too old: {text}", "Update Docker.")
    if not endpoint.local:
        hint = f"It was chosen by {endpoint.chosen_by}. {CONTEXT_HINT}"
        return MachineError("engine-unreachable", f"{who} does not answer: {causes[-1]}", hint)
    if _is(causes, FileNotFoundError, ConnectionRefusedError):
        return MachineError("engine-not-running", f"{who} is not running: {causes[-1]}", START_HINT)
    return MachineError(
        "engine-error", f"{who} does not answer as an engine: {causes[-1]}", START_HINT
    )


def knock(endpoint: EngineEndpoint) -> None:
    """Connect once to a local socket: the SDK would leave its own open when that fails."""
    if endpoint.url.startswith("unix://"):
        with socket.socket(socket.AF_UNIX) as knocking:
            knocking.connect(urlsplit(endpoint.url).path)


def demand_ssh(endpoint: EngineEndpoint) -> None:
    """Refuse an engine behind ssh where the package for it is missing (``docker-ssh``)."""
    if endpoint.url.startswith("ssh://") and find_spec("paramiko") is None:
        reason = f"{_who(endpoint)} is asked over ssh, for which the package paramiko is missing"
        raise MachineError(
            "docker-ssh", reason, "Install it beside floe-local: `pip install paramiko`."
        )


def demand_api(version: str, endpoint: EngineEndpoint) -> None:
    """Refuse an engine that is older than any that was tried (``engine-too-old``)."""
    if tuple(int(part) for part in version.split(".")) < MINIMUM_API:
        wanted = f"{api_version(MINIMUM_API)} (engine 20.10)"
        reason = f"{_who(endpoint)} speaks API {version}; {wanted} is needed"
        raise MachineError("engine-too-old", reason, "Update Docker.")


def api_version(version: tuple[int, ...]) -> str:
    """A version as the engine's API writes it."""
    return ".".join(map(str, version))


def _who(endpoint: EngineEndpoint) -> str:
    return f"the Docker engine at {_without_user(endpoint.url)}"


def _without_user(url: str) -> str:
    parts = urlsplit(url)
    return url.replace(f"{parts.username}:{parts.password}@", "") if parts.password else url


def _causes(error: BaseException) -> tuple[BaseException, ...]:
    """The error and what led to it, the root cause last."""
    found = [error]
    while (below := _below(found[-1])) is not None and below not in found:
        found.append(below)
    return tuple(found)


def _below(error: BaseException) -> BaseException | None:
    wrapped = [argument for argument in error.args if isinstance(argument, BaseException)]
    reason = getattr(error, "reason", None)
    candidates = [error.__cause__, error.__context__, *wrapped, reason]
    return next((c for c in candidates if isinstance(c, BaseException)), None)


def _is(causes: tuple[BaseException, ...], *kinds: type[BaseException]) -> bool:
    return any(isinstance(cause, kinds) for cause in causes)
