"""Runs whose outputs a run has read, and the runs before those."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from marquez_standin.errors import logged_fault
from marquez_standin.store import fetch_all
from marquez_standin.times import instant_text

if TYPE_CHECKING:
    from uuid import UUID

    from marquez_standin.store import Connection, Row

_RUN = """
SELECT r.*, v.namespace AS input_namespace, v.name AS input_name, v.version AS input_version,
       v.run_id AS made_by
FROM runs r
LEFT JOIN run_inputs i ON i.run_id = r.id
LEFT JOIN dataset_versions v ON v.id = i.version_id
WHERE r.id = ANY(%s)
ORDER BY r.job_name, v.namespace, v.name
"""


def runs(connection: Connection, run: UUID, depth: int) -> dict[str, Any]:
    """A run and the runs upstream of it, the nearest first.

    Raises:
        ApiError: 500, as the real server, if a run has read what no known run has written.
    """
    found: dict[UUID, dict[str, Any]] = {}
    edge = [run]
    for _ in range(depth + 1):
        rows = fetch_all(connection, _RUN, edge)
        above = [_add(found, row) for row in rows]
        edge = [made_by for made_by in above if made_by and made_by not in found]
        if not edge:
            break
    return {"runs": list(found.values())}


def _add(found: dict[UUID, dict[str, Any]], row: Row) -> UUID | None:
    entry = found.setdefault(row["id"], _shown(row))
    if row["input_version"] is None:
        return None
    if row["made_by"] is None:
        raise logged_fault()
    made_by: UUID = row["made_by"]
    entry["inputs"].append(
        {
            "namespace": row["input_namespace"],
            "name": row["input_name"],
            "version": str(row["input_version"]),
            "producedByRunId": str(made_by),
        }
    )
    return made_by


def _shown(row: Row) -> dict[str, Any]:
    started, ended = row["started_at"], row["ended_at"]
    return {
        "job": {
            "namespace": row["namespace"],
            "name": row["job_name"],
            "version": str(row["job_version"]) if row["job_version"] else None,
        },
        "run": {
            "id": str(row["id"]),
            "start": instant_text(started) if started else None,
            "end": instant_text(ended) if ended else None,
            "status": row["state"],
        },
        "inputs": [],
    }
