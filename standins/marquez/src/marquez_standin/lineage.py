"""The graph of jobs and datasets around one of them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from marquez_standin import read
from marquez_standin.errors import error, fault, not_found
from marquez_standin.store import fetch_all, fetch_one

if TYPE_CHECKING:
    from collections.abc import Iterable
    from uuid import UUID

    from marquez_standin.identity import Node
    from marquez_standin.store import Connection, Row

_JOB = "SELECT id FROM jobs WHERE NOT hidden AND namespace = %s AND name = %s"

# Any job that ever wrote the dataset, or (only then) read it; the newest version first.
_JOB_OF_DATASET = """
SELECT j.id
FROM jobs j
JOIN job_versions v ON v.job_id = j.id
JOIN job_version_io io ON io.version_id = v.id
JOIN visible_datasets d ON d.id = io.dataset_id
WHERE d.namespace = %s AND d.name = %s
ORDER BY io.direction DESC, v.created_at DESC
LIMIT 1
"""

_USES = """
SELECT job_id, dataset_id, direction FROM job_version_io
WHERE current AND job_id = ANY(%s) ORDER BY position
"""

_NEIGHBOURS = """
SELECT DISTINCT job_id FROM job_version_io WHERE current AND dataset_id = ANY(%s)
"""

_JOBS = """
SELECT j.*, p.name AS parent_name FROM jobs j LEFT JOIN jobs p ON p.id = j.parent_id
WHERE NOT j.hidden AND j.id = ANY(%s)
"""

_DATASETS = """
SELECT d.*, v.fields, v.lifecycle_state
FROM visible_datasets d LEFT JOIN dataset_versions v ON v.id = d.current_version
WHERE d.is_primary AND d.id = ANY(%s)
"""


@dataclass
class _Uses:
    """What one job reads and writes now."""

    inputs: list[UUID] = field(default_factory=list)
    outputs: list[UUID] = field(default_factory=list)


def graph(connection: Connection, node: Node, depth: int) -> dict[str, Any]:
    """The graph around a job or a dataset.

    Args:
        connection: A connection.
        node: The job or the dataset, without a version.
        depth: How many steps from job to job to go.

    Returns:
        The nodes by id, each with its data and its edges.

    Raises:
        ApiError: 404 if the node is unknown, or neither a job nor a dataset.
    """
    start = _start(connection, node)
    if start is None:
        return _orphan(connection, node)
    reached = _reach(connection, start, depth)
    rows = {row["id"]: row for row in fetch_all(connection, _JOBS, list(reached))}
    uses = {job: used for job, used in reached.items() if job in rows}
    if not uses:
        return _orphan(connection, node)
    wanted = {dataset for used in uses.values() for dataset in (*used.inputs, *used.outputs)}
    if node.kind == "dataset" and _dataset_of(connection, node)["id"] not in wanted:
        return _orphan(connection, node)
    found = fetch_all(connection, _DATASETS, list(wanted))
    return _assemble(connection, rows, uses, {row["id"]: row for row in found})


def _start(connection: Connection, node: Node) -> UUID | None:
    """The job to start from; None for a dataset that no job ever used."""
    if node.kind not in {"job", "dataset"}:
        raise error(404, f"Node '{node.text}' must be of type dataset or job!")
    if node.kind == "dataset":
        _dataset_of(connection, node)
    query = _JOB if node.kind == "job" else _JOB_OF_DATASET
    found = fetch_one(connection, query, *node.named())
    if found is None and node.kind == "job":
        raise not_found("Job", node.named()[1])
    return found["id"] if found else None


def _dataset_of(connection: Connection, node: Node) -> Row:
    """The dataset that a node names, under its primary name."""
    named = "SELECT id FROM visible_datasets WHERE namespace = %s AND name = %s"
    query = _DATASETS.replace("d.id = ANY(%s)", f"d.id = ({named})")
    found = fetch_one(connection, query, *node.named())
    if found is None:
        raise not_found("Dataset", node.named()[1])
    return found


def _reach(connection: Connection, start: UUID, depth: int) -> dict[UUID, _Uses]:
    """The jobs within some steps; two jobs are neighbours if they share a dataset."""
    reached = _load_uses(connection, [start])
    edge = reached
    for _ in range(depth):
        shared = {part for used in edge.values() for part in (*used.inputs, *used.outputs)}
        rows = fetch_all(connection, _NEIGHBOURS, list(shared))
        fresh = [row["job_id"] for row in rows if row["job_id"] not in reached]
        if not fresh:
            break
        edge = _load_uses(connection, fresh)
        reached = reached | edge
    return reached


def _load_uses(connection: Connection, ids: list[UUID]) -> dict[UUID, _Uses]:
    uses = {identifier: _Uses() for identifier in ids}
    for row in fetch_all(connection, _USES, ids):
        used = uses[row["job_id"]]
        side = used.inputs if row["direction"] == "INPUT" else used.outputs
        side.append(row["dataset_id"])
    return uses


def _orphan(connection: Connection, node: Node) -> dict[str, Any]:
    """A graph of one dataset without a job."""
    if node.kind != "dataset":
        raise fault()
    return {"graph": [_dataset_node(_dataset_of(connection, node), [], [])]}


def _assemble(
    connection: Connection,
    rows: dict[UUID, Row],
    uses: dict[UUID, _Uses],
    found: dict[UUID, Row],
) -> dict[str, Any]:
    nodes = [
        _job_node(
            connection,
            rows[job],
            [found[part] for part in used.inputs if part in found],
            [found[part] for part in used.outputs if part in found],
        )
        for job, used in uses.items()
    ]
    for dataset, row in found.items():
        writers = [rows[job] for job, used in uses.items() if dataset in used.outputs]
        readers = [rows[job] for job, used in uses.items() if dataset in used.inputs]
        nodes.append(_dataset_node(row, writers, readers))
    return {"graph": sorted(nodes, key=lambda node: str(node["id"]))}


def _edges(pairs: Iterable[tuple[str, str]]) -> list[dict[str, str]]:
    ordered = sorted(set(pairs))
    return [{"origin": origin, "destination": destination} for origin, destination in ordered]


def _id(kind: str, row: Row) -> str:
    return f"{kind}:{row['namespace']}:{row['name']}"


def _job_node(
    connection: Connection, row: Row, inputs: list[Row], outputs: list[Row]
) -> dict[str, Any]:
    own = _id("job", row)
    latest = read.runs(connection, [row["current_run"]]) if row["current_run"] else []
    data = read.job_everywhere(row) | {
        "currentRunUuid": str(row["current_run"]) if row["current_run"] else None,
        "inputs": read.dataset_ids((part["namespace"], part["name"]) for part in inputs),
        "outputs": read.dataset_ids((part["namespace"], part["name"]) for part in outputs),
        "latestRun": latest[0] if latest else None,
    }
    return {
        "id": own,
        "type": "JOB",
        "data": data,
        "inEdges": _edges((_id("dataset", part), own) for part in inputs),
        "outEdges": _edges((own, _id("dataset", part)) for part in outputs),
    }


def _dataset_node(row: Row, writers: list[Row], readers: list[Row]) -> dict[str, Any]:
    own = _id("dataset", row)
    return {
        "id": own,
        "type": "DATASET",
        "data": read.dataset_everywhere(row),
        "inEdges": _edges((_id("job", job), own) for job in writers),
        "outEdges": _edges((own, _id("job", job)) for job in readers),
    }
