"""The stack as a value: what `stack` plans, what `run` brings up."""

from __future__ import annotations

import hashlib
import json
import re
import unicodedata
from typing import TYPE_CHECKING, Any, NamedTuple

from pydantic import ConfigDict

from floe_local.errors import InputError, MachineError
from floe_local.plan.artifacts import Backend, Change, Compiled
from floe_local.plan.blueprint.model import (
    Blueprint,
    Cleanup,
    Endpoint,
    ImageSource,
    Live,
    LocatedBlueprint,
    Naming,
    Probe,
    Ready,
    Service,
)
from floe_local.plan.values import Frozen, Kind, Origin, OtlpProtocol, Placement, Signal

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path


COMPOSE_FILE = "stack.compose.yaml"
"""The compose file's name in the workspace. Not ``compose.yaml``: floe forbids that name."""

STACK_LABEL = "dev.floe.local.stack"
"""On everything that floe-local makes; its value is the project's name."""

BACKEND_LABEL = "dev.floe.local.backend"
"""On a container: the blueprint that its service comes from."""


class ResolvedImage(Frozen):
    """The image that a service runs. `reference` is what compose is given."""

    reference: str
    origin: Origin
    how: str = "present"


class StackIdentity(Frozen):
    """What tells one stack from all others on the same engine.

    `name` is unique in its folder, `project` on the machine; `folder` is absolute.
    """

    name: str
    project: str
    folder: str

    @property
    def network(self) -> str:
        """The network's name, which other containers can join."""
        return self.project


class PublishedEndpoint(Frozen):
    """An endpoint of a service as both vantage points see it.

    Containers use ``service:container_port``; the host uses ``host:host_port``.
    """

    name: str
    container_port: int
    host_port: int
    protocol: str = "http"
    path: str = "/"
    ui: bool = False


class PortRequest(Frozen):
    """An endpoint that has to be reachable from the host.

    `preferred` is the port that the blueprint or the manifest names; None: any free one.
    `is_fixed`: it was the manifest, which is not to be overruled.
    """

    service: str
    endpoint: str
    preferred: int | None = None
    is_fixed: bool = False

    @property
    def key(self) -> str:
        """How port numbers are looked up: ``service.endpoint``."""
        return f"{self.service}.{self.endpoint}"


class StackService(Frozen):
    """One service of a planned stack. `backend` is the blueprint that it comes from."""

    name: str
    backend: str
    image: ResolvedImage
    endpoints: tuple[PublishedEndpoint, ...] = ()
    ready: Ready | None = None
    healthcheck: bool = False
    hint: str = ""
    misdirected: str | None = None


class StackVolume(Frozen):
    """A named volume, with what its contents depend on.

    `data_version` is as in a blueprint's service. `secrets` are the generated passwords of
    the service that writes the volume: what was written with another password is lost.
    """

    name: str
    service: str
    key: str
    data_version: str | None = None
    secrets: tuple[str, ...] = ()


class MovedPort(Frozen):
    """An endpoint that is not on the host port it prefers, since `owner` uses that.

    `key` is ``service.endpoint``.
    """

    key: str
    preferred: int
    port: int
    owner: str


class StackPlan(Frozen):
    """Everything that is written to the workspace, or asked of the engine.

    `compose` is the compose model; `files` maps paths in the workspace to contents.
    `secrets` are the variables that the compose file reads generated passwords from.
    `host` is the host part of published endpoints (the engine's). `collector` is the
    service that takes OTLP from pipelines. `changes` are what rules changed on the way.
    """

    identity: StackIdentity
    host: str = "127.0.0.1"
    compose: dict[str, Any]
    files: dict[str, str] = {}
    secrets: tuple[str, ...] = ()
    services: tuple[StackService, ...] = ()
    volumes: tuple[StackVolume, ...] = ()
    backends: tuple[Backend, ...] = ()
    collector: str | None = None
    openlineage_config: dict[str, Any] | None = None
    namespace: str = "default"
    environment: str = "local"
    sampling: str = "off"
    otlp_protocol: OtlpProtocol = "grpc"
    """What pipelines speak to the Collector, where nothing else is named."""
    live: bool = False
    """Backends that run elsewhere are used for real."""
    client_environment: dict[str, str] = {}
    """Dummy credentials of played backends, for lineage clients that read variables."""
    changes: tuple[Change, ...] = ()
    moved_ports: tuple[MovedPort, ...] = ()

    @property
    def name(self) -> str:
        """The stack's name in its folder."""
        return self.identity.name

    @property
    def project(self) -> str:
        """The compose project."""
        return self.identity.project

    @property
    def network(self) -> str:
        """The network that pipelines in containers join."""
        return self.identity.network

    @property
    def sandboxed(self) -> tuple[str, ...]:
        """The backends that a recorder plays."""
        sandboxed = (b.name for b in self.backends if b.placement is Placement.SANDBOXED)
        return tuple(dict.fromkeys(sandboxed))

    def service(self, name: str) -> StackService | None:
        """The service of that name, if the stack has it."""
        return next((s for s in self.services if s.name == name), None)


class _OlderBackend(Frozen):
    """A backend as 0.1.0 and 0.2.0 wrote it: with parts of its blueprint, and the name of that."""

    name: str
    blueprint: str
    kind: Kind
    who: str = ""
    service_of: dict[str, str] = {}
    hosts: tuple[tuple[str, int], ...] = ()
    exporters: dict[Signal, tuple[str, ...]] = {}
    transport: dict[str, Any] | None = None
    accepts: tuple[Signal, ...] = ()
    ingest: dict[str, str] = {}
    naming: Naming = Naming()
    readback: dict[Signal, tuple[Probe, ...]] = {}
    cleanup: tuple[Cleanup, ...] = ()
    elsewhere: dict[str, str] = {}


class _OlderParts(Frozen):
    """What is not as it was in a plan of 0.1.0 or 0.2.0, and what it takes to read it."""

    model_config = ConfigDict(extra="ignore")

    backends: tuple[_OlderBackend, ...]
    sandboxed: tuple[str, ...]
    services: tuple[StackService, ...]


def plan_of_older(content: bytes) -> StackPlan:
    """Read a ``stack.json`` of 0.1.0 or 0.2.0.

    Raises:
        ValueError: it is none of theirs.
    """
    older = _OlderParts.model_validate_json(content)
    document = json.loads(content)
    del document["sandboxed"]
    backends = tuple(_of_today(backend, older) for backend in older.backends)
    return StackPlan.model_validate({**document, "backends": backends})


def _of_today(backend: _OlderBackend, older: _OlderParts) -> Backend:
    """A backend whose blueprint has what is published, and what the smoke test needs."""
    placement = Placement.IN_STACK if backend.service_of else Placement.ELSEWHERE
    services = {
        service.name: Service(
            image=ImageSource(upstream=service.image.reference),
            endpoints=tuple(
                Endpoint(name=e.name, port=e.container_port, protocol=e.protocol)
                for e in service.endpoints
                if backend.service_of.get(e.name) == service.name
            ),
        )
        for service in older.services
        if service.name in backend.service_of.values()
    }
    return Backend(
        name=backend.name,
        kind=backend.kind,
        plugin=backend.name,
        who=backend.who,
        placement=Placement.SANDBOXED if backend.name in older.sandboxed else placement,
        blueprint=Blueprint(
            blueprint=1,
            name=backend.blueprint,
            title=backend.blueprint,
            kind=backend.kind,
            accepts=backend.accepts,
            services=services,
            ingest=backend.ingest,
            naming=backend.naming,
            readback=backend.readback,
            cleanup=backend.cleanup,
            live=Live(endpoints=backend.elsewhere),
        ),
        exporters=backend.exporters,
        transport=backend.transport,
        hosts=backend.hosts,
    )


class ImageNeed(Frozen):
    """An image that a service of the stack needs.

    `components` are those of the compiled Collector config that the image has to have.
    """

    service: str
    source: ImageSource
    folder: str
    """The blueprint's folder, in which `source.recipe` is looked up."""
    override: str | None = None
    optional: bool = False
    components: frozenset[str] = frozenset()


class StackInputs(NamedTuple):
    """All that a stack is planned from.

    `images` are by service; a service without one is left out. `ports` are host
    ports by ``service.endpoint``, `moved_ports` those that are not as preferred. `sources` are the contents of the blueprints' files, by
    blueprint and path. `host` is where published endpoints are reached, `bind` the address
    that they are bound to on the engine's machine. `live`: backends that run elsewhere are
    used for real. `otlp_protocol` is what pipelines speak. `no_proxy` is None unless containers
    are given the caller's proxy; then it says what that leaves out already.
    """

    identity: StackIdentity
    compiled: Compiled
    parts: Sequence[LocatedBlueprint]
    images: Mapping[str, ResolvedImage]
    ports: Mapping[str, int]
    moved_ports: tuple[MovedPort, ...] = ()
    sources: Mapping[tuple[str, str], str] = {}
    host: str = "127.0.0.1"
    bind: str = "127.0.0.1"
    live: bool = False
    otlp_protocol: OtlpProtocol = "grpc"
    no_proxy: str | None = None

    @property
    def blueprints(self) -> dict[str, Blueprint]:
        """The parts' blueprints, by name."""
        return {part.blueprint.name: part.blueprint for part in self.parts}

    def owner(self, service: str) -> LocatedBlueprint:
        """The blueprint that a service comes from."""
        return next(part for part in self.parts if service in part.blueprint.services)


_LONGEST = 40
_HASH_LENGTH = 8
# As long as a project's name may be: `down --stack` takes one as `list` shows it.
_NAME = re.compile(rf"[a-z0-9][a-z0-9_-]{{0,{_LONGEST + _HASH_LENGTH}}}")


def identify(folder: Path, name: str | None = None) -> StackIdentity:
    """The identity of the stack `name` of `folder`.

    Two folders of one name give two projects: the project ends in a hash of the path.

    Args:
        folder: the folder in which the manifest was named; absolute and free of links, or
            one folder's stacks would be several.
        name: what ``--stack`` gave: a name, or a whole project's of this folder, as ``list``
            shows it; None: the folder's name, made fit for Compose.

    Raises:
        InputError: `name` is not a valid name (``stack-name``).
        MachineError: neither the engine nor a file in JSON can hold the folder's name
            (``folder-name``).
    """
    digest = hashlib.sha256(_utf_8(folder)).hexdigest()[:_HASH_LENGTH]
    chosen = _sanitised(folder.name) if name is None else _validated(name)
    chosen = chosen.removesuffix(f"-{digest}") or chosen
    return StackIdentity(name=chosen, project=f"{chosen}-{digest}", folder=str(folder))


def _utf_8(folder: Path) -> bytes:
    try:
        return str(folder).encode()
    except UnicodeEncodeError:
        raise MachineError(
            "folder-name",
            f"{folder}: the name of a project's folder has to be UTF-8",
            "rename the folder, or copy the project elsewhere",
        ) from None


def _validated(name: str) -> str:
    if not _NAME.fullmatch(name):
        raise InputError(
            "stack-name",
            f"--stack: {name!r} is not a valid stack name",
            "use up to 49 lower-case letters, digits, '-' and '_', a letter or digit first",
        )
    return name


def _sanitised(name: str) -> str:
    """A folder's name in the letters that Compose allows; ``stack`` where none is left."""
    ascii_only = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    letters = re.sub(r"[^a-z0-9_-]+", "-", ascii_only.lower()).strip("-_")
    return letters[:_LONGEST].strip("-_") or "stack"
