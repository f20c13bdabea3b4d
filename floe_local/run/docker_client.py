"""The Docker engine that is used, and why it cannot be.

The engine is the one that the docker command would use: ``DOCKER_HOST``, then
``DOCKER_CONTEXT``, then the current context of the docker command's configuration.
"""

from __future__ import annotations

import json
import os
import socket
from contextlib import closing
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from floe_local.errors import InputError, MachineError
from floe_local.plan.caller import is_loopback
from floe_local.plan.values import Frozen

if TYPE_CHECKING:
    from collections.abc import Mapping

    import docker
    from docker.models.images import Image

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


def engine_endpoint(environment: Mapping[str, str] | None = None) -> EngineEndpoint:
    """Which engine the environment and the docker command's configuration name.

    Raises:
        MachineError: ``docker-context``: the context that is chosen does not exist.
    """
    env = os.environ if environment is None else environment
    if env.get("DOCKER_HOST"):
        host = env["DOCKER_HOST"]
        url = host if "://" in host else f"tcp://{host}"
        return EngineEndpoint(url=url, chosen_by="DOCKER_HOST")
    name, chosen_by = _context_name(env)
    if name in {None, "", "default"}:
        return EngineEndpoint()
    context = _context(str(name), chosen_by)
    return EngineEndpoint(url=context.Host, chosen_by=chosen_by, context=name)


def connect(environment: Mapping[str, str] | None = None) -> docker.DockerClient:
    """A client of the engine, which has answered.

    Raises:
        MachineError: ``engine-not-running``, ``engine-permission``, ``docker-context``,
            ``docker-config``, ``engine-unreachable``, ``engine-too-old`` or ``engine-error``.
    """
    import docker  # noqa: PLC0415 - 0.1 s, and most commands need no engine
    from docker.errors import APIError, DockerException, InvalidConfigFile  # noqa: PLC0415
    from requests.exceptions import RequestException  # noqa: PLC0415

    endpoint = engine_endpoint(environment)
    _demand_ssh(endpoint)
    try:
        _knock(endpoint)
        options = {"base_url": endpoint.url, **_options(endpoint)}
        with closing(docker.APIClient(version=_api(MINIMUM_API), **options)) as probe:
            _reach_as_docker_does(probe, endpoint)
            version = probe.version(api_version=False)["ApiVersion"]
    except (AttributeError, TypeError, InvalidConfigFile) as error:  # how the SDK says so
        raise _unusable_config(error) from error
    except (APIError, DockerException, RequestException, OSError, ValueError) as error:
        raise connection_error(endpoint, error) from error
    _demand_api(version, endpoint)
    client = docker.DockerClient(version=version, **options)
    _reach_as_docker_does(client.api, endpoint)
    return client


def _reach_as_docker_does(client: docker.APIClient, endpoint: EngineEndpoint) -> None:
    """Through the caller's proxy, but never to this machine itself; no .netrc, no CA of others."""
    from requests.utils import get_environ_proxies  # noqa: PLC0415

    client.trust_env = False
    parts = urlsplit(client.base_url)
    if not endpoint.local and parts.hostname and not is_loopback(parts.hostname):
        client.proxies = get_environ_proxies(client.base_url, no_proxy=None)


def _unusable_config(error: Exception) -> MachineError:
    file = docker_folder() / "config.json"
    return MachineError(
        "docker-config",
        f"{file} cannot be used: {error}",
        "mend it, or set DOCKER_CONFIG to a folder with another one",
    )


def find_image(reference: str, client: docker.DockerClient) -> Image | None:
    """The engine's image of this name, if it has one.

    Raises:
        InputError: ``image-name``: that is no name of an image.
        MachineError: ``engine-error``.
    """
    from docker.errors import APIError, ImageNotFound  # noqa: PLC0415

    try:
        return client.images.get(reference)
    except ImageNotFound:
        return None
    except APIError as error:
        if error.is_client_error():
            reason = f"'{reference}': {error.explanation}"
            raise InputError("image-name", reason, IMAGE_NAME_HINT) from error
        raise MachineError("engine-error", f"the engine answers: {error}") from error


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


def _knock(endpoint: EngineEndpoint) -> None:
    """Connect once to a local socket: the SDK would leave its own open when that fails."""
    if endpoint.url.startswith("unix://"):
        with socket.socket(socket.AF_UNIX) as knocking:
            knocking.connect(urlsplit(endpoint.url).path)


def _demand_ssh(endpoint: EngineEndpoint) -> None:
    if endpoint.url.startswith("ssh://") and find_spec("paramiko") is None:
        reason = f"{_who(endpoint)} is asked over ssh, for which the package paramiko is missing"
        raise MachineError(
            "docker-ssh", reason, "Install it beside floe-local: `pip install paramiko`."
        )


def _demand_api(version: str, endpoint: EngineEndpoint) -> None:
    if tuple(int(part) for part in version.split(".")) < MINIMUM_API:
        wanted = f"{_api(MINIMUM_API)} (engine 20.10)"
        reason = f"{_who(endpoint)} speaks API {version}; {wanted} is needed"
        raise MachineError("engine-too-old", reason, "Update Docker.")


def _api(version: tuple[int, ...]) -> str:
    return ".".join(map(str, version))


def _context_name(env: Mapping[str, str]) -> tuple[str | None, str]:
    if env.get("DOCKER_CONTEXT"):
        return env["DOCKER_CONTEXT"], "DOCKER_CONTEXT"
    name = docker_config().get("currentContext")
    return name, f"docker context '{name}'"


def _context(name: str, chosen_by: str) -> Any:
    from docker.context import ContextAPI  # noqa: PLC0415

    context = ContextAPI.get_context(name)
    if context is None or not context.Host:
        reason = f"{chosen_by} names the docker context '{name}', which does not exist"
        raise MachineError("docker-context", reason, CONTEXT_HINT)
    return context


def _options(endpoint: EngineEndpoint) -> dict[str, Any]:
    """TLS as the context or DOCKER_CERT_PATH says; ssh through the user's own ssh."""
    from docker.utils import kwargs_from_env  # noqa: PLC0415

    if endpoint.url.startswith("ssh://"):
        return {"use_ssh_client": True}
    if endpoint.context:
        tls = _context(endpoint.context, endpoint.chosen_by).TLSConfig
    else:
        tls = kwargs_from_env().get("tls") if not endpoint.local else None
    return {"tls": tls} if tls else {}


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
