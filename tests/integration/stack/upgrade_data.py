"""What a version of floe-local leaves on a machine, recorded, so that later versions meet it.

``upgrades/<version>/`` holds the stack's files (``workspace/``), a dump of its database
(``dump.sql.gz``), and ``left.json``: its volumes with their labels, and the runs that its lineage
backend knew. In all of them @FOLDER@ and @PROJECT@ stand for where and what the stack was. The
lineage backend is the stand-in, whichever others are here: what a server wrote, that server reads.

``just upgrade-data VERSION`` records one with this checkout, before its release.
"""

from __future__ import annotations

import gzip
import re
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import requests

from floe_local.operations.images import images
from floe_local.operations.smoke_test import find_targets
from floe_local.operations.stacks import Where, identity_of
from floe_local.plan.blueprint.recipe import load_recipe
from floe_local.plan.stack.model import STACK_LABEL
from floe_local.plan.values import Frozen, Kind
from floe_local.run.build import build
from floe_local.run.engine import Engine
from floe_local.run.workspace import Workspace
from floe_local.testing import FloeLocal
from tests.waiting import wait_for

if TYPE_CHECKING:
    from docker.models.containers import Container

    from floe_local.plan.stack.model import StackIdentity

DATA = Path(__file__).with_name("upgrades")
STAND_IN = Path(__file__).parents[3] / "compose" / "marquez" / "standin"
STACK = "upgrade"
DATABASE, DATA_FOLDER = "floe", "/var/lib/postgresql/data"
LEFT, DUMP, FILES = "left.json", "dump.sql.gz", "workspace"
LEFT_OUT = {".lock"}
FILLED_WITHIN_S = 120
OF_A_NEWER_PSQL = re.compile(rb"^\\(un)?restrict .*\n", re.MULTILINE)


class Left(Frozen):
    """What is left of a stack: its volumes with their labels, its runs (by id) with their states."""

    volumes: dict[str, dict[str, str]]
    runs: dict[str, str]


def versions() -> list[str]:
    """The versions whose data is here."""
    return sorted(folder.name for folder in DATA.iterdir() if folder.is_dir())


def project_in(folder: Path, engine: Engine) -> Where:
    """Make `folder` a project whose lineage backend is the stand-in."""
    folder.mkdir(exist_ok=True)
    image = build(load_recipe(STAND_IN), engine)
    (folder / "manifest.yaml").write_text(
        "plugins: {telemetry_backend: jaeger, lineage_backend: marquez}\n"
        f"local: {{images: {{marquez: '{image}'}}}}\n"
    )
    return Where(folder=folder, stack=STACK)


def restore(version: str, where: Where, engine: Engine) -> Left:
    """Leave in a project, and on the engine, what that version left."""
    identity = identity_of(where)
    workspace = Workspace(identity)
    for source in (path for path in (DATA / version / FILES).rglob("*") if path.is_file()):
        target = workspace.folder / source.relative_to(DATA / version / FILES)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.touch(mode=0o600)  # one of them holds a password
        target.write_text(_named(source.read_text("utf-8"), identity))
    left = Left.model_validate_json(_named((DATA / version / LEFT).read_text("utf-8"), identity))
    for name, labels in left.volumes.items():
        engine.create_volume(name, labels)
    _fill(f"{identity.project}-postgres-data", DATA / version / DUMP, where, engine)
    return left


def _fill(volume: str, dump: Path, where: Where, engine: Engine) -> None:
    """Fill a volume from a dump, by the database server that the stack will run."""
    [server] = [i.image for i in images(where).images if i.service == "postgres"]
    assert server, "there is no image of the database server: `floe-local images get`"
    identity = identity_of(where)
    container = engine.client.containers.run(
        server.reference,
        detach=True,
        labels={STACK_LABEL: identity.project},  # whatever happens, it goes with the stack
        environment={
            "POSTGRES_USER": DATABASE,
            "POSTGRES_DB": DATABASE,
            "POSTGRES_PASSWORD": Workspace(identity).secrets()["FLOE_SECRET_POSTGRES"],
        },
        volumes=[
            f"{volume}:{DATA_FOLDER}",
            f"{dump}:/docker-entrypoint-initdb.d/{dump.name}:ro",
        ],
    )
    wait_for(lambda: _takes_tcp(container), lambda: _end_of_log(container), FILLED_WITHIN_S)
    container.stop(timeout=30)
    container.remove(v=True)


def _takes_tcp(postgres: Container) -> bool:
    """Whether the database is filled: before, the server takes no connections from elsewhere."""
    postgres.reload()
    assert postgres.status != "exited", _end_of_log(postgres)
    asked = ["pg_isready", "-q", "-h", "127.0.0.1", "-U", DATABASE]
    return postgres.status == "running" and postgres.exec_run(asked).exit_code == 0


def _end_of_log(container: Container) -> str:
    return str(container.logs(tail=20).decode())


def record(version: str) -> Path:
    """Bring a stack up with this checkout, give it runs to keep, and record what it leaves."""
    engine = Engine()
    with tempfile.TemporaryDirectory() as scratch:
        where = project_in(Path(scratch).resolve() / "shop", engine)
        assert where.folder
        with FloeLocal(where.folder / "manifest.yaml", stack=STACK) as stack:
            report = stack.smoke_test(keep=True)
            assert report.ok, report.reason
            return _record(version, identity_of(where), where, engine)


def _record(version: str, identity: StackIdentity, where: Where, engine: Engine) -> Path:
    folder, workspace = DATA / version, Workspace(identity).folder
    for source in (path for path in workspace.rglob("*") if path.is_file()):
        if source.name not in LEFT_OUT:
            target = folder / FILES / source.relative_to(workspace)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(_unnamed(source.read_text("utf-8"), identity))
    volumes = {v.name: v.labels for v in engine.holdings(identity.project).volumes}
    left = Left(volumes=volumes, runs=_runs(where))
    (folder / LEFT).write_text(_unnamed(left.model_dump_json(indent=2), identity) + "\n")
    (folder / DUMP).write_bytes(_dump(identity.project, engine))
    return folder


def _runs(where: Where) -> dict[str, str]:
    """Each job's latest run in the stack's namespace, with its state."""
    targets = find_targets(where)
    [backend] = [b for b in targets.backends if b.kind is Kind.LINEAGE]
    url = f"{backend.endpoints['api'].rstrip('/')}/api/v1/namespaces/{targets.namespace}/jobs"
    answer = requests.get(url, params={"limit": 1000}, timeout=30)
    answer.raise_for_status()
    runs: list[dict[str, Any]] = [job["latestRun"] for job in answer.json()["jobs"]]
    return {run["id"]: run["state"] for run in runs}


def _dump(project: str, engine: Engine) -> bytes:
    [server] = [c for c in engine.containers(project) if c.service == "postgres"]
    command = ["pg_dump", "-U", DATABASE, DATABASE]
    code, text = engine.client.containers.get(server.id).exec_run(command)
    assert code == 0, text
    assert isinstance(text, bytes)
    return gzip.compress(OF_A_NEWER_PSQL.sub(b"", text), mtime=0)


def _named(text: str, identity: StackIdentity) -> str:
    return text.replace("@FOLDER@", identity.folder).replace("@PROJECT@", identity.project)


def _unnamed(text: str, identity: StackIdentity) -> str:
    return text.replace(identity.folder, "@FOLDER@").replace(identity.project, "@PROJECT@")


if __name__ == "__main__":
    print(record(sys.argv[1]))  # noqa: T201 - a script
