"""The Docker engine. Nothing else of floe-local knows its SDK, which takes 0.1 s to load.

What a stack consists of is found by labels, so that it works for stacks whose folder is gone.
"""

from __future__ import annotations

import json
import os
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager, suppress
from functools import partial
from itertools import repeat
from operator import not_
from typing import IO, TYPE_CHECKING, Any, Literal
from urllib.parse import urlsplit

import docker
from docker.context import ContextAPI
from docker.errors import (
    APIError,
    DockerException,
    ImageNotFound,
    InvalidConfigFile,
    NotFound,
)
from docker.utils import kwargs_from_env
from requests.exceptions import RequestException
from requests.utils import get_environ_proxies

from floe_local.errors import InputError, MachineError
from floe_local.plan.caller import is_loopback
from floe_local.plan.stack.model import STACK_LABEL
from floe_local.run.endpoint import (
    CONTEXT_HINT,
    IMAGE_NAME_HINT,
    MINIMUM_API,
    EngineEndpoint,
    api_version,
    connection_error,
    context_name,
    demand_api,
    demand_ssh,
    knock,
    unusable_config,
)
from floe_local.run.holdings import Container, Holdings, Image, LogLine, Network, Volume
from floe_local.until import until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from datetime import datetime
    from pathlib import Path

    from docker.models.containers import Container as SdkContainer

_STOP_TIMEOUT_S = 10
_SETTLE_S = 5.0
_POLL_S = 0.1
_CHUNK_BYTES = 1 << 20
_NOT_FOUND, _CONFLICT, _GONE_ALREADY = 404, 409, {404, 409}


class Engine:
    """The engine, connected.

    Args:
        client: of the docker SDK; None connects as the docker command would.

    Raises:
        MachineError: there is no engine to be used (see `connect`).
    """

    def __init__(self, client: Any = None) -> None:
        self.client = client if client is not None else connect()
        self._api = self.client.api

    def close(self) -> None:
        """Close the connections to the engine."""
        self.client.close()

    def containers(self, project: str | None = None) -> tuple[Container, ...]:
        """The containers of a project, running or not; None: of all stacks."""
        listed = self._api.containers(all=True, filters=_filter(project))
        return tuple(_container(found) for found in listed)

    def holdings(self, project: str | None = None) -> Holdings:
        """All that carries the label of a project; None: of any stack."""
        networks = self._api.networks(filters=_filter(project))
        volumes = self._api.volumes(filters=_filter(project))["Volumes"] or []
        return Holdings(
            containers=self.containers(project),
            networks=tuple(
                Network(id=n["Id"], name=n["Name"], project=n["Labels"][STACK_LABEL])
                for n in networks
            ),
            volumes=tuple(_volume(v) for v in volumes),
        )

    def volume(self, name: str) -> Volume | None:
        """The volume of that name, whoever made it."""
        with suppress(NotFound):
            return _volume(self._api.inspect_volume(name))
        return None

    def create_volume(self, name: str, labels: dict[str, str]) -> None:
        """Make a volume with labels that are never changed."""
        self._api.create_volume(name=name, labels=labels)

    def image_environment(self, reference: str) -> dict[str, str]:
        """The environment variables that an image sets by itself."""
        entries = self._image(reference)["Config"].get("Env") or ()
        return dict(entry.split("=", 1) for entry in entries if "=" in entry)

    def image_id(self, reference: str) -> str:
        """The id of the image that a reference means now."""
        return str(self._image(reference)["Id"])

    def _image(self, reference: str) -> dict[str, Any]:
        try:
            found: dict[str, Any] = self._api.inspect_image(reference)
        except ImageNotFound as error:
            raise MachineError(
                "no-image", f"image {reference} is not here", "run `floe-local images pull`"
            ) from error
        return found

    def publisher(self, port: int) -> str | None:
        """The running container that publishes a host port; None: no container does."""
        for found in self._api.containers():
            if any(p.get("PublicPort") == port for p in found["Ports"]):
                return str(found["Names"][0]).removeprefix("/")
        return None

    def has_process(self, container: Container) -> bool:
        """Whether a process of a container runs, which its state says too late.

        The engine calls a container running until it has cleaned up after its end, which takes
        a busy one seconds. Where it cannot list processes, the state is all that is known.
        """
        try:
            return bool(self._api.top(container.id)["Processes"])
        except APIError as error:
            return error.status_code not in _GONE_ALREADY

    def exit_code(self, container: Container) -> int:
        """What a container that ended, ended with."""
        return int(self._api.inspect_container(container.id)["State"]["ExitCode"])

    def tail(
        self, container: Container, lines: int | Literal["all"], since: datetime | None = None
    ) -> tuple[str, ...]:
        """The last lines that a container wrote; none when it is gone already.

        `since` is by the engine's clock, to the second.
        """
        with suppress(APIError):
            written = self._api.logs(container.id, tail=lines, since=since)
            return tuple(written.decode("utf-8", "replace").splitlines())
        return ()

    def dated_lines(self, container: Container, last: int) -> tuple[tuple[str, str], ...]:
        """The last lines that a container wrote, each behind when it did (RFC 3339)."""
        with suppress(APIError):
            written = self._api.logs(container.id, tail=last, timestamps=True)
            split = (
                line.partition(" ") for line in written.decode("utf-8", "replace").splitlines()
            )
            return tuple((when, text) for when, _, text in split)
        return ()

    def lines(
        self, container: Container, *, tail: int | Literal["all"], follow: bool
    ) -> Iterator[LogLine]:
        """The lines of a container as they come; with `follow`, until it ends."""
        pieces = self._api.logs(container.id, stream=True, follow=follow, tail=tail)
        pending = b""
        for piece in pieces:
            *whole, pending = (pending + piece).split(b"\n")
            for line in whole:
                yield LogLine(service=container.service, text=line.decode("utf-8", "replace"))
        if pending:
            yield LogLine(service=container.service, text=pending.decode("utf-8", "replace"))

    def remove(self, holdings: Holdings, *, gently: bool) -> None:
        """Remove containers, then networks, then volumes.

        Args:
            holdings: what to remove; what is gone already is fine.
            gently: let containers end by themselves first, so that they save their data.

        Raises:
            MachineError: something is in use by others (``in-use``).
        """
        _at_once(lambda c: self._remove_container(c, gently=gently), holdings.containers)
        _at_once(self._remove_network, holdings.networks)
        _at_once(self._remove_volume, holdings.volumes)

    def _remove_container(self, container: Container, *, gently: bool) -> None:
        if gently and container.state == "running":
            _unless_gone(lambda: self._api.stop(container.id, timeout=_STOP_TIMEOUT_S))
        _unless_gone(lambda: self._api.remove_container(container.id, force=True, v=True))

    def _remove_network(self, network: Network) -> None:
        """The engine lets go of the last container a moment after it said that it is gone."""
        users = until(lambda: self._users(network), _SETTLE_S, repeat(_POLL_S), done=not_)
        if users:
            raise MachineError(
                "in-use",
                f"network {network.name} is still used by {', '.join(users)}",
                f"stop it, or `docker network disconnect {network.name} {users[0]}`",
            )
        _unless_gone(lambda: self._api.remove_network(network.id))

    def _users(self, network: Network) -> tuple[str, ...]:
        with suppress(NotFound):
            joined = self._api.inspect_network(network.id)["Containers"] or {}
            return tuple(one["Name"] for one in joined.values())
        return ()

    def _remove_volume(self, volume: Volume) -> None:
        try:
            self._api.remove_volume(volume.name)
        except APIError as error:
            if error.status_code == _CONFLICT:
                raise MachineError(
                    "in-use",
                    f"volume {volume.name} is used by another container",
                    f"see `docker ps -a --filter volume={volume.name}`",
                ) from error
            if error.status_code != _NOT_FOUND:
                raise

    @property
    def endpoint(self) -> EngineEndpoint:
        """Where the engine is, as the environment says."""
        return engine_endpoint()

    @property
    def architecture(self) -> str:
        """The architecture of the engine's machine, as Go calls it (``amd64``)."""
        return str(self._api.version()["Arch"])

    def image(self, reference: str) -> Image | None:
        """The image of this name or id; None: the engine has none.

        Raises:
            InputError: ``image-name``: that is not a name of an image.
            MachineError: ``engine-error``.
        """
        try:
            found = self._api.inspect_image(reference)
        except ImageNotFound:
            return None
        except APIError as error:
            if error.is_client_error():
                reason = f"'{reference}': {error.explanation}"
                raise InputError("image-name", reason, IMAGE_NAME_HINT) from error
            raise MachineError("engine-error", f"the engine answers: {error}") from error
        labels = (found.get("Config") or {}).get("Labels") or {}
        names = tuple(found.get("RepoTags") or ())
        return Image(id=found["Id"], size=found["Size"], labels=labels, names=names)

    def pull(self, reference: str) -> Iterator[dict[str, Any]]:
        """What the engine says while it pulls an image; why it cannot is in ``error``.

        Where the helper that keeps credentials is not there, none are given, as `docker pull`
        does.
        """
        ask = partial(self._api.pull, reference, stream=True, decode=True)
        try:
            try:
                yield from ask()
            except APIError:
                raise
            except DockerException:
                yield from ask(auth_config={})
        except APIError as error:
            yield {"error": error.explanation or str(error)}
        except RequestException as error:
            yield {"error": f"the engine broke off: {error}"}

    def build(
        self,
        context: IO[bytes],
        dockerfile: str,
        arguments: Mapping[str, str],
        labels: Mapping[str, str],
    ) -> Iterator[dict[str, Any]]:
        """What the engine says while it builds an image without a name from a context (tar).

        The SDK's own call keeps the connection open for as long as an exception is under way,
        and so the engine goes on building. Here the connection is closed first, which ends it.
        """
        parameters = {
            "dockerfile": dockerfile,
            "buildargs": json.dumps(dict(arguments)),
            "labels": json.dumps(dict(labels)),
            "networkmode": "host",  # as this machine reaches registries, also through its proxy
            "rm": "true",
            "forcerm": "true",
        }
        response = self._api.post(
            f"{self._api.base_url}/v{self._api.api_version}/build",
            params=parameters,
            data=context,
            headers={"Content-Type": "application/tar"},
            stream=True,
            timeout=None,
        )
        with closing(response):
            if not response.ok:
                yield {"error": response.json()["message"]}
                return
            for line in response.iter_lines():
                yield json.loads(line)

    def remove_unnamed(self, image: str) -> bool:
        """Remove an image that has no name; False while the engine still uses it."""
        try:
            if not self._api.inspect_image(image).get("RepoTags"):
                self._api.remove_image(image)
        except ImageNotFound:
            return True
        except APIError as error:
            return error.status_code != _CONFLICT  # a container of the build has it yet
        return True

    def import_image(self, archive: Path, changes: Sequence[str]) -> str:
        """Make an image without a name of a root file system (tar). Returns its id."""
        answer = self._api.import_image_from_file(str(archive), changes=list(changes))
        return str(json.loads(answer.splitlines()[-1])["status"])

    def tag(self, image: str, reference: str) -> None:
        """Name an image."""
        repository, tag = reference.split(":")
        self._api.tag(image, repository, tag)

    def export(self, references: Sequence[str]) -> Iterator[bytes]:
        """Images as `docker save` writes them, in pieces."""
        url = f"{self._api.base_url}/v{self._api.api_version}/images/get"
        names = {"names": list(references)}
        with closing(self._api.get(url, params=names, stream=True, timeout=None)) as answer:
            answer.raise_for_status()
            yield from answer.iter_content(_CHUNK_BYTES)

    def load(self, archive: IO[bytes]) -> None:
        """Take the images of an archive that `export` wrote."""
        self.client.images.load(archive)

    @contextmanager
    def isolated(
        self, image: str, command: Sequence[str], **options: Any
    ) -> Iterator[IsolatedContainer]:
        """Within it, a container runs that may do nothing and reaches nobody; then it is gone.

        `options` are of the SDK's call: environment, user, tmpfs.
        """
        container = self.client.containers.create(
            image,
            list(command),
            network_mode="none",
            cap_drop=["ALL"],
            read_only=True,
            security_opt=["no-new-privileges:true"],
            **options,
        )
        try:
            container.start()
            yield IsolatedContainer(container)
        finally:
            container.remove(force=True)


class IsolatedContainer:
    """A container that reaches nobody: whether it has ended, and what it wrote."""

    def __init__(self, container: SdkContainer) -> None:
        self._container = container

    @property
    def exit_code(self) -> int | None:
        """What it ended with; None while it runs."""
        self._container.reload()
        ended = self._container.status == "exited"
        return int(self._container.attrs["State"]["ExitCode"]) if ended else None

    @property
    def output(self) -> str:
        """All that it wrote."""
        return str(self._container.logs().decode("utf-8", "replace"))


def _filter(project: str | None) -> dict[str, str]:
    return {"label": f"{STACK_LABEL}={project}" if project is not None else STACK_LABEL}


def _container(found: dict[str, Any]) -> Container:
    labels = found["Labels"]
    ports = {p["PrivatePort"]: p["PublicPort"] for p in found["Ports"] if "PublicPort" in p}
    return Container(
        id=found["Id"],
        name=(found["Names"] or [found["Id"]])[0].removeprefix("/"),
        service=labels.get("com.docker.compose.service", ""),
        image=found["Image"],
        image_id=found["ImageID"],
        state=found["State"],
        status=found["Status"],
        labels=labels,
        ports=ports,
    )


def _volume(found: dict[str, Any]) -> Volume:
    labels = found["Labels"] or {}
    return Volume(name=found["Name"], project=labels.get(STACK_LABEL, ""), labels=labels)


def _at_once(action: Callable[[Any], None], items: Sequence[Any]) -> None:
    if items:
        with ThreadPoolExecutor(max_workers=len(items)) as pool:
            list(pool.map(action, items))


def _unless_gone(action: Callable[[], Any]) -> None:
    """Run a removal; that somebody else has removed it, or is about to, is as good."""
    try:
        action()
    except APIError as error:
        if error.status_code not in _GONE_ALREADY:
            raise


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
    name, chosen_by = context_name(env)
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
    endpoint = engine_endpoint(environment)
    demand_ssh(endpoint)
    try:
        knock(endpoint)
        options = {"base_url": endpoint.url, **_options(endpoint)}
        with closing(docker.APIClient(version=api_version(MINIMUM_API), **options)) as probe:
            _reach_as_docker_does(probe, endpoint)
            version = probe.version(api_version=False)["ApiVersion"]
    except (AttributeError, TypeError, InvalidConfigFile) as error:  # how the SDK says so
        raise unusable_config(error) from error
    except (APIError, DockerException, RequestException, OSError, ValueError) as error:
        raise connection_error(endpoint, error) from error
    demand_api(version, endpoint)
    client = docker.DockerClient(version=version, **options)
    _reach_as_docker_does(client.api, endpoint)
    return client


def _reach_as_docker_does(client: docker.APIClient, endpoint: EngineEndpoint) -> None:
    """Through the caller's proxy, but never to this machine itself; no .netrc, no CA of others."""
    client.trust_env = False
    parts = urlsplit(client.base_url)
    if not endpoint.local and parts.hostname and not is_loopback(parts.hostname):
        client.proxies = get_environ_proxies(client.base_url, no_proxy=None)


def _context(name: str, chosen_by: str) -> Any:
    context = ContextAPI.get_context(name)
    if context is None or not context.Host:
        reason = f"{chosen_by} names the docker context '{name}', which does not exist"
        raise MachineError("docker-context", reason, CONTEXT_HINT)
    return context


def _options(endpoint: EngineEndpoint) -> dict[str, Any]:
    """TLS as the context or DOCKER_CERT_PATH says; ssh through the user's own ssh."""
    if endpoint.url.startswith("ssh://"):
        return {"use_ssh_client": True}
    if endpoint.context:
        tls = _context(endpoint.context, endpoint.chosen_by).TLSConfig
    else:
        tls = kwargs_from_env().get("tls") if not endpoint.local else None
    return {"tls": tls} if tls else {}
