"""What a stack consists of on the Docker engine: seen, created, removed.

The one module that asks the engine about containers, networks and volumes. It goes by
labels, so that it works for stacks whose folder is gone.
"""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Literal

from floe_local.errors import MachineError
from floe_local.plan.stack.model import STACK_LABEL
from floe_local.plan.values import Frozen
from floe_local.run.docker_client import connect

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from datetime import datetime

_STOP_TIMEOUT_S = 10
_SETTLE_S = 5.0
_POLL_S = 0.1
_NOT_FOUND, _CONFLICT, _GONE_ALREADY = 404, 409, {404, 409}


class Container(Frozen):
    """A container of a stack. `health` is empty where it has no health check.

    `ports` maps container ports to host ports.
    """

    id: str
    name: str
    service: str
    image: str
    image_id: str = ""
    state: str
    status: str
    labels: dict[str, str]
    ports: dict[int, int] = {}

    @property
    def health(self) -> str:
        """``starting``, ``healthy`` or ``unhealthy``, as the engine's own status line says."""
        for word, shown in (
            ("unhealthy", "(unhealthy)"),
            ("healthy", "(healthy)"),
            ("starting", "(health: starting)"),
        ):
            if shown in self.status:
                return word
        return ""


class Network(Frozen):
    """A network of a stack."""

    id: str
    name: str
    project: str


class Volume(Frozen):
    """A volume of a stack."""

    name: str
    project: str
    labels: dict[str, str] = {}


class Holdings(Frozen):
    """All that carries a stack's label."""

    containers: tuple[Container, ...] = ()
    networks: tuple[Network, ...] = ()
    volumes: tuple[Volume, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.containers or self.networks or self.volumes)

    def without(self, other: Holdings) -> Holdings:
        """What is here and not in `other`."""
        containers = {c.id for c in other.containers}
        networks = {n.id for n in other.networks}
        volumes = {v.name for v in other.volumes}
        return Holdings(
            containers=tuple(c for c in self.containers if c.id not in containers),
            networks=tuple(n for n in self.networks if n.id not in networks),
            volumes=tuple(v for v in self.volumes if v.name not in volumes),
        )

    @property
    def named(self) -> tuple[str, ...]:
        """What it is, for people."""
        return (
            *(f"container {c.name}" for c in self.containers),
            *(f"network {n.name}" for n in self.networks),
            *(f"volume {v.name}" for v in self.volumes),
        )


class LogLine(Frozen):
    """A line that a service wrote."""

    service: str
    text: str


class Engine:
    """The engine, connected.

    Args:
        client: of the docker SDK; None connects as the docker command would.

    Raises:
        MachineError: there is no engine to be used (see `docker_client.connect`).
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
        from docker.errors import NotFound  # noqa: PLC0415

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
        from docker.errors import ImageNotFound  # noqa: PLC0415

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
        from docker.errors import APIError  # noqa: PLC0415

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
        from docker.errors import APIError  # noqa: PLC0415

        with suppress(APIError):
            written = self._api.logs(container.id, tail=lines, since=since)
            return tuple(written.decode("utf-8", "replace").splitlines())
        return ()

    def dated_lines(self, container: Container, last: int) -> tuple[tuple[str, str], ...]:
        """The last lines that a container wrote, each behind when it did (RFC 3339)."""
        from docker.errors import APIError  # noqa: PLC0415

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
        deadline = time.monotonic() + _SETTLE_S
        while users := self._users(network):
            if time.monotonic() > deadline:
                raise MachineError(
                    "in-use",
                    f"network {network.name} is still used by {', '.join(users)}",
                    f"stop it, or `docker network disconnect {network.name} {users[0]}`",
                )
            time.sleep(_POLL_S)
        _unless_gone(lambda: self._api.remove_network(network.id))

    def _users(self, network: Network) -> tuple[str, ...]:
        from docker.errors import NotFound  # noqa: PLC0415

        with suppress(NotFound):
            joined = self._api.inspect_network(network.id)["Containers"] or {}
            return tuple(one["Name"] for one in joined.values())
        return ()

    def _remove_volume(self, volume: Volume) -> None:
        from docker.errors import APIError  # noqa: PLC0415

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
    from docker.errors import APIError  # noqa: PLC0415

    try:
        action()
    except APIError as error:
        if error.status_code not in _GONE_ALREADY:
            raise
