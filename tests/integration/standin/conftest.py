"""Stand-ins on databases of their own; or one server that the environment names.

With FLOE_MARQUEZ_URL and FLOE_MARQUEZ_ADMIN_URL the same tests run against that server, e.g.
the real Marquez. Tests that need an empty database are skipped if it is not.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest
import requests
from testcontainers.core.config import testcontainers_config
from testcontainers.core.container import DockerContainer
from testcontainers.core.network import Network

from bench.answer_diff import Differ
from floe_local.plan.blueprint.recipe import load_recipe
from floe_local.run.build import build
from floe_local.run.engine import Engine
from tests.containers import started
from tests.waiting import wait_for

if TYPE_CHECKING:
    import docker

REPOSITORY = Path(__file__).parents[3]
RECORDED = Path(__file__).parent / "recorded"
API_PORT, ADMIN_PORT, DATABASE_PORT = 5000, 5001, 5432
READY_WITHIN = 60  # seconds

_LEAST_ERROR = 400
_ID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")


@dataclass(frozen=True)
class Server:
    """A running server, by the URLs of its two ports."""

    api: str
    admin: str
    session: requests.Session

    def ask(self, method: str, path: str, **arguments: Any) -> requests.Response:
        return self.session.request(method, self.api + path, timeout=30, **arguments)

    def get(self, path: str) -> Any:
        """The body of a GET that must succeed."""
        answer = self.ask("GET", path)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def send(self, **event: Any) -> None:
        """Send an event that must be taken."""
        answer = self.ask("POST", "/api/v1/lineage", json=event)
        assert answer.status_code == 201, answer.text


def is_healthy(admin: str) -> bool:
    try:
        return requests.get(f"{admin}/healthcheck", timeout=READY_WITHIN).ok
    except requests.ConnectionError:
        return False


@pytest.fixture(scope="session")
def network() -> Iterator[Network]:
    testcontainers_config.ryuk_disabled = True  # its image is in a registry; we clean up here
    with Network() as made:
        yield made


@pytest.fixture(scope="session")
def database(engine: docker.DockerClient, network: Network) -> Iterator[DockerContainer]:
    image = build(load_recipe(REPOSITORY / "compose/postgres/image"), Engine(engine))
    container = (
        DockerContainer(image)
        .with_env("POSTGRES_USER", "marquez")
        .with_env("POSTGRES_PASSWORD", "marquez")
        .with_network(network)
        .with_network_aliases("database")
    )
    with started(container):
        yield container


@pytest.fixture(scope="session")
def standin_image(engine: docker.DockerClient) -> str:
    return build(load_recipe(REPOSITORY / "compose/marquez/standin"), Engine(engine))


StartServer = Callable[..., Server]


@pytest.fixture(scope="session")
def start_server(request: pytest.FixtureRequest) -> Iterator[StartServer]:
    """Start a server on an empty database; the environment's server is only ever one."""
    named = os.environ.get("FLOE_MARQUEZ_URL"), os.environ.get("FLOE_MARQUEZ_ADMIN_URL")
    if named[0] and named[1]:
        server = Server(named[0], named[1], requests.Session())
        yield lambda *_tables: server
        return
    # Asked for here, not in the arguments: the environment's server needs none of them.
    network, database, image = map(
        request.getfixturevalue, ("network", "database", "standin_image")
    )
    with ExitStack() as stack:

        def start(*tables: str) -> Server:
            name = _make_database(database, *tables)
            container = _container(image, name).with_network(network)
            return _server(stack.enter_context(started(container)))

        yield start


def _make_database(database: DockerContainer, *tables: str) -> str:
    """A database with these tables, once the server takes connections."""
    name = f"standin_{uuid4().hex[:8]}"
    psql = ["env", "PGPASSWORD=marquez", "psql", "-h", "127.0.0.1", "-U", "marquez", "-c"]
    wait_for(
        lambda: database.exec([*psql, "SELECT 1"]).exit_code == 0, "the database", READY_WITHIN
    )
    commands = [[*psql, f"CREATE DATABASE {name}"], *([*psql, part, name] for part in tables)]
    for command in commands:
        code, output = database.exec(command)
        assert code == 0, output
    return name


def _container(image: str, database: str) -> DockerContainer:
    container = (
        DockerContainer(image, user="65534", read_only=True, cap_drop=["ALL"])
        .with_tmpfs_mount("/tmp")  # noqa: S108 - in the container
        .with_env("POSTGRES_HOST", "database")
        .with_env("POSTGRES_DB", database)
    )
    published: Any = container.ports  # testcontainers itself knows ports of all addresses only
    published |= {f"{port}/tcp": ("127.0.0.1", None) for port in (API_PORT, ADMIN_PORT)}
    return container


def _server(container: DockerContainer) -> Server:
    api, admin = (
        f"http://127.0.0.1:{container.get_exposed_port(port)}" for port in (API_PORT, ADMIN_PORT)
    )
    wait_for(lambda: is_healthy(admin), "the stand-in", READY_WITHIN)
    return Server(api, admin, requests.Session())


@pytest.fixture(scope="session")
def server(start_server: StartServer) -> Server:
    """A server for tests that use names of their own."""
    return start_server()


@pytest.fixture
def empty_server(start_server: StartServer) -> Server:
    """A server that has seen no event."""
    started = start_server()
    known = started.get("/api/v1/namespaces")["namespaces"]
    if [part["name"] for part in known] != ["default"]:
        pytest.skip("the server that the environment names is not empty")
    return started


@dataclass(frozen=True)
class Case:
    """A recorded request and its answer, as texts, so that names can be exchanged."""

    name: str
    request: str
    answer: str

    def renamed(self, names: dict[str, str]) -> Case:
        """The same with other names."""
        request, answer = self.request, self.answer
        for old, new in names.items():
            request, answer = request.replace(old, new), answer.replace(old, new)
        return Case(self.name, request, answer)


@pytest.fixture(scope="session")
def recorded() -> list[Case]:
    """What was sent to the real Marquez, in order, with what it answered."""
    texts = ((RECORDED / f"{name}.json").read_text() for name in ("requests", "responses"))
    pairs = zip(*map(json.loads, texts), strict=True)
    return [
        Case(request["name"], *(json.dumps(part, ensure_ascii=False) for part in (request, answer)))
        for request, answer in pairs
    ]


@pytest.fixture(scope="session")
def replay() -> Callable[[Server, Case], tuple[Any, Any]]:
    """Send a request; both answers, without what may differ."""

    def send(server: Server, case: Case) -> tuple[Any, Any]:
        sent = frozenset(_ID.findall(case.request))
        differ = Differ(sent)
        answers = _send(server, json.loads(case.request)), json.loads(case.answer)
        got, recorded = (differ.plain(_comparable(answer, sent)) for answer in answers)
        differences = differ.differences(got, recorded)
        return (got, recorded) if differences else (got, got)

    return send


def _send(server: Server, request: dict[str, Any]) -> dict[str, Any]:
    base = server.admin if request.get("admin") else server.api
    arguments: dict[str, Any] = {}
    if "json" in request:
        arguments["json"] = request["json"]
    if "body" in request:
        arguments["data"] = request["body"].encode()
        kind = request.get("content_type", "application/json")
        arguments["headers"] = {"Content-Type": kind}
    answer = server.session.request(
        request["method"], base + request["path"], timeout=30, **arguments
    )
    kind = answer.headers.get("Content-Type")
    return {
        "name": request["name"],
        "status": answer.status_code,
        "content_type": kind,
        "body": answer.json() if kind == "application/json" else answer.text,
    }


def _comparable(answer: dict[str, Any], sent: frozenset[str]) -> Any:
    """An answer without durations and ids that were not sent; of an error its status alone."""
    if answer["status"] >= _LEAST_ERROR:
        return {"status": answer["status"]}
    if answer["name"] == "admin healthcheck":
        return answer | {"body": {name: part["healthy"] for name, part in answer["body"].items()}}
    text = json.dumps(answer)
    return json.loads(_ID.sub(lambda found: found[0] if found[0] in sent else "<id>", text))
