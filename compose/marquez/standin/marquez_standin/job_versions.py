"""Versions of jobs as answers show them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from marquez_standin import runs
from marquez_standin.errors import not_found
from marquez_standin.store import fetch_all, fetch_one
from marquez_standin.times import instant_text

if TYPE_CHECKING:
    from uuid import UUID

    from marquez_standin.store import Connection, Row

_SELECT = """
SELECT v.*, j.namespace, j.name,
  (SELECT json_agg(json_build_array(io.direction, d.namespace, d.name) ORDER BY io.position)
   FROM job_version_io io JOIN visible_datasets d ON d.id = io.dataset_id
   WHERE io.version_id = v.id) AS uses
FROM job_versions v JOIN jobs j ON j.id = v.job_id
WHERE NOT j.hidden AND j.namespace = %s AND j.name = %s
"""

_KIND = "Job version"

# The run that a version shows carries the facets of its job, not its own.
_RUN = """
SELECT r.*, r.namespace AS shown_namespace, r.job_name AS shown_name,
  (SELECT json_agg(json_build_array(f.name, f.body) ORDER BY f.event_time, f.id)
   FROM job_facets f WHERE f.run_id = r.id AND f.job_id = %s) AS facets,
  (SELECT json_agg(json_build_array(d.id, d.namespace, d.name, d.version) ORDER BY i.position)
   FROM run_inputs i JOIN dataset_versions d ON d.id = i.version_id
   WHERE i.run_id = r.id) AS inputs,
  (SELECT json_agg(json_build_array(d.id, d.namespace, d.name, d.version) ORDER BY d.touched)
   FROM dataset_versions d WHERE d.run_id = r.id) AS outputs
FROM runs r WHERE r.id = %s
"""


def find(connection: Connection, namespace: str, name: str, version: UUID) -> dict[str, Any]:
    """One version of a job.

    Raises:
        ApiError: 404 if the job has no such version.
    """
    row = fetch_one(connection, f"{_SELECT} AND v.version = %s", namespace, name, version)
    if row is None:
        raise not_found(_KIND, version)
    return _shown(connection, row)


def page(
    connection: Connection, namespace: str, name: str, limit: int, offset: int
) -> dict[str, Any]:
    """A page of a job's versions, the newest first."""
    query = f"{_SELECT} ORDER BY v.created_at DESC LIMIT %s OFFSET %s"
    rows = fetch_all(connection, query, namespace, name, limit, offset)
    return {"versions": [_shown(connection, row) for row in rows]}


def _shown(connection: Connection, row: Row) -> dict[str, Any]:
    identifier = {
        "namespace": row["namespace"],
        "name": row["name"],
        "version": str(row["version"]),
    }
    return {
        "id": identifier,
        "name": row["name"],
        "createdAt": instant_text(row["created_at"]),
        "version": str(row["version"]),
        "namespace": row["namespace"],
        "location": row["location"],
        "inputs": _named(row, "INPUT"),
        "outputs": _named(row, "OUTPUT"),
        "latestRun": _latest_run(connection, row),
    }


def _named(row: Row, direction: str) -> list[dict[str, str]]:
    return [
        {"namespace": namespace, "name": name}
        for used_as, namespace, name in row["uses"] or ()
        if used_as == direction
    ]


def _latest_run(connection: Connection, row: Row) -> dict[str, Any] | None:
    found = fetch_one(connection, _RUN, row["job_id"], row["latest_run"])
    if found is None:
        return None
    return runs.shown(found | {"shown_version": row["version"], "dataset_facets": None})
