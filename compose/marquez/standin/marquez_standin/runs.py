"""Runs as answers show them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from marquez_standin.errors import not_found
from marquez_standin.store import fetch_all, fetch_count, fetch_one
from marquez_standin.times import instant_text, milliseconds_between

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime
    from uuid import UUID

    from marquez_standin.store import Connection, Row

_SELECT = """
SELECT r.*, j.namespace AS shown_namespace, j.name AS shown_name, v.version AS shown_version,
  (SELECT json_agg(json_build_array(f.name, f.body) ORDER BY f.event_time, f.id)
   FROM run_facets f WHERE f.run_id = r.id) AS facets,
  (SELECT json_agg(json_build_array(d.id, d.namespace, d.name, d.version) ORDER BY i.position)
   FROM run_inputs i JOIN dataset_versions d ON d.id = i.version_id
   WHERE i.run_id = r.id) AS inputs,
  (SELECT json_agg(json_build_array(d.id, d.namespace, d.name, d.version) ORDER BY d.touched)
   FROM dataset_versions d WHERE d.run_id = r.id) AS outputs,
  (SELECT json_agg(json_build_array(f.kind, f.version_id, f.name, f.body) ORDER BY f.id)
   FROM dataset_facets f
   WHERE f.run_id = r.id AND f.kind IN ('INPUT', 'OUTPUT')) AS dataset_facets
FROM runs r
JOIN jobs j ON j.id = r.job_id
LEFT JOIN job_versions v ON v.id = r.job_version
WHERE r.id = ANY(%s)
"""

# Neither order is whole: a run that was never started comes first in the one, last in the other.
_LATEST = """
SELECT r.id FROM runs r JOIN jobs j ON j.id = r.job_id
WHERE NOT j.hidden AND j.namespace = %s AND j.name = %s
ORDER BY r.transitioned_at DESC, r.started_at DESC, r.created_at DESC
LIMIT %s
"""
_PAGE = """
SELECT r.id FROM runs r JOIN jobs j ON j.id = r.job_id
WHERE NOT j.hidden AND j.namespace = %s AND j.name = %s
ORDER BY r.started_at DESC NULLS LAST, r.created_at DESC
LIMIT %s OFFSET %s
"""


def exists(connection: Connection, run: UUID) -> bool:
    """Whether the run is known."""
    return fetch_one(connection, "SELECT 1 FROM runs WHERE id = %s", run) is not None


def require(connection: Connection, run: UUID) -> None:
    """Raise 404 unless the run is known."""
    if not exists(connection, run):
        raise not_found("Run", run)


def find(connection: Connection, run: UUID) -> dict[str, Any]:
    """One run.

    Raises:
        ApiError: 404 if it is unknown.
    """
    found = load(connection, [run])
    if not found:
        raise not_found("Run", run)
    return found[0]


def load(connection: Connection, ids: Sequence[UUID]) -> list[dict[str, Any]]:
    """Runs in the order of their ids; unknown ones are left out."""
    if not ids:
        return []
    rows = {row["id"]: row for row in fetch_all(connection, _SELECT, list(ids))}
    return [shown(rows[identifier]) for identifier in ids if identifier in rows]


def latest(connection: Connection, namespace: str, job: str, limit: int) -> list[dict[str, Any]]:
    """The runs of a job, the one that changed last first."""
    rows = fetch_all(connection, _LATEST, namespace, job, limit)
    return load(connection, [row["id"] for row in rows])


def page(
    connection: Connection, namespace: str, job: str, limit: int, offset: int
) -> dict[str, Any]:
    """A page of a job's runs, the one that started last first."""
    rows = fetch_all(connection, _PAGE, namespace, job, limit, offset)
    count = fetch_count(
        connection,
        "SELECT count(*) AS n FROM runs WHERE namespace = %s AND job_name = %s",
        namespace,
        job,
    )
    return {
        "runs": load(connection, [row["id"] for row in rows]),
        "totalCount": count,
    }


def facets(connection: Connection, run: UUID, kind: str) -> dict[str, Any] | None:
    """The facets of a run, or of its job as of that run; None if there are none."""
    tables = {"RUN": "run_facets", "JOB": "job_facets"}
    if kind not in tables:
        return None
    query = f"SELECT name, body FROM {tables[kind]} WHERE run_id = %s ORDER BY event_time, id"
    rows = fetch_all(connection, query, run)
    if not rows:
        return None
    return {"runId": str(run), "facets": merged((row["name"], row["body"]) for row in rows)}


def merged(facets_in_order: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    """Facets by name; a later one replaces an earlier one."""
    return dict(facets_in_order)


def shown(row: Row) -> dict[str, Any]:
    """A run as answers show it.

    Args:
        row: A row of `runs`, with the columns that the query here adds; JSON columns may
            be None where a place does not show them.
    """
    version = {
        "namespace": row["shown_namespace"],
        "name": row["shown_name"],
        "version": str(row["shown_version"]),
    }
    return {
        "id": str(row["id"]),
        "createdAt": instant_text(row["created_at"]),
        "updatedAt": instant_text(row["updated_at"]),
        "nominalStartTime": _moment(row["nominal_start"]),
        "nominalEndTime": _moment(row["nominal_end"]),
        "state": row["state"] or "NEW",
        "startedAt": _moment(row["started_at"]),
        "endedAt": _moment(row["ended_at"]),
        "durationMs": milliseconds_between(row["started_at"], row["ended_at"]),
        "args": row["args"],
        "jobVersion": version if row["shown_version"] else None,
        "inputDatasetVersions": _dataset_versions(row, "INPUT", row["inputs"]),
        "outputDatasetVersions": _dataset_versions(row, "OUTPUT", row["outputs"]),
        "facets": merged(row["facets"] or ()),
    }


def _moment(moment: datetime | None) -> str | None:
    return instant_text(moment) if moment else None


def _dataset_versions(
    row: Row, direction: str, versions: list[list[str]] | None
) -> list[dict[str, Any]]:
    return [
        {
            "datasetVersionId": {"namespace": namespace, "name": name, "version": version},
            "facets": merged(
                (facet, body)
                for kind, of_version, facet, body in row["dataset_facets"] or ()
                if (kind, of_version) == (direction, identifier)
            ),
        }
        for identifier, namespace, name, version in versions or ()
    ]
