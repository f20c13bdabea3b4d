"""Jobs as answers show them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from marquez_standin import runs
from marquez_standin.errors import not_found
from marquez_standin.java_order import in_set_order
from marquez_standin.store import fetch_all, fetch_count, fetch_one
from marquez_standin.times import instant_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from marquez_standin.store import Connection, Row

RUN_STATES = ("NEW", "RUNNING", "COMPLETED", "ABORTED", "FAILED", "OTHER")
_RUNS_SHOWN = 10

_TAGS = "(SELECT array_agg(t.tag ORDER BY t.tag) FROM job_tags t WHERE t.job_id = j.id) AS tags"

_ONE = f"""
SELECT j.*, p.name AS parent_name, {_TAGS},
  (SELECT json_agg(json_build_array(f.name, f.body) ORDER BY f.linked, f.id)
   FROM job_facets f WHERE f.job_version_id = j.current_version) AS facets
FROM jobs j LEFT JOIN jobs p ON p.id = j.parent_id
WHERE NOT j.hidden AND j.namespace = %s AND j.name = %s
"""

_PAGE = f"""
SELECT j.*, p.name AS parent_name, {_TAGS},
  (SELECT json_agg(json_build_array(f.name, f.body) ORDER BY f.event_time, f.id)
   FROM job_facets f JOIN job_versions v ON v.latest_run = f.run_id
   WHERE v.id = j.current_version) AS facets
FROM jobs j
LEFT JOIN jobs p ON p.id = j.parent_id
LEFT JOIN runs r ON r.id = j.current_run
WHERE NOT j.hidden AND (%s::text IS NULL OR j.namespace = %s)
  AND (r.id IS NULL OR r.state = ANY(%s))
ORDER BY j.updated_at DESC
LIMIT %s OFFSET %s
"""

_USES = """
SELECT io.direction, d.namespace, d.name
FROM job_version_io io
JOIN jobs j ON j.current_version = io.version_id
JOIN visible_datasets d ON d.id = io.dataset_id
WHERE NOT j.hidden AND j.namespace = %s AND j.name = %s
ORDER BY io.position
"""


def require(connection: Connection, namespace: str, name: str) -> None:
    """Raise 404 unless the job is known and not hidden."""
    query = "SELECT 1 FROM jobs WHERE NOT hidden AND namespace = %s AND name = %s"
    if fetch_one(connection, query, namespace, name) is None:
        raise not_found("Job", name)


def find_bare(connection: Connection, namespace: str, name: str) -> dict[str, Any]:
    """A job without its runs.

    Raises:
        ApiError: 404 if it is unknown.
    """
    row = fetch_one(connection, _ONE, namespace, name)
    if row is None:
        raise not_found("Job", name)
    return _shown(row)


def find(connection: Connection, namespace: str, name: str) -> dict[str, Any]:
    """A job with its latest runs and what it reads and writes.

    Raises:
        ApiError: 404 if it is unknown.
    """
    job = _with_runs(connection, find_bare(connection, namespace, name))
    uses = fetch_all(connection, _USES, namespace, name)
    for key, direction in (("inputs", "INPUT"), ("outputs", "OUTPUT")):
        named = [(use["namespace"], use["name"]) for use in uses if use["direction"] == direction]
        if named:
            job[key] = _dataset_ids(named)
    return job


def page(
    connection: Connection,
    namespace: str | None,
    states: Sequence[str],
    limit: int,
    offset: int,
) -> dict[str, Any]:
    """A page of the jobs of one namespace or of all, the one that changed last first."""
    wanted = list(states or RUN_STATES)
    rows = fetch_all(connection, _PAGE, namespace, namespace, wanted, limit, offset)
    count = fetch_count(
        connection,
        "SELECT count(*) AS n FROM jobs WHERE NOT hidden AND (%s::text IS NULL OR namespace = %s)",
        namespace,
        namespace,
    )
    return {
        "totalCount": count,
        "jobs": [_with_runs(connection, _shown(row)) for row in rows],
    }


def hide(connection: Connection, namespace: str, name: str) -> dict[str, Any]:
    """Hide a job; the answer shows it as it was.

    Raises:
        ApiError: 404 if it is unknown.
    """
    before = find_bare(connection, namespace, name)
    connection.execute(
        "UPDATE jobs SET hidden = true WHERE namespace = %s AND name = %s", (namespace, name)
    )
    return before


def _with_runs(connection: Connection, job: dict[str, Any]) -> dict[str, Any]:
    latest = runs.latest(connection, job["namespace"], job["name"], _RUNS_SHOWN)
    if not latest:
        return job
    return job | {
        "latestRun": latest[0],
        "latestRuns": latest,
        "inputs": _dataset_ids(_names(latest[0]["inputDatasetVersions"])),
        "outputs": _dataset_ids(_names(latest[0]["outputDatasetVersions"])),
    }


def _names(versions: Iterable[dict[str, Any]]) -> list[tuple[str, str]]:
    ids = (version["datasetVersionId"] for version in versions)
    return [(part["namespace"], part["name"]) for part in ids]


def _dataset_ids(named: Iterable[tuple[str, str]]) -> list[dict[str, str]]:
    return [{"namespace": namespace, "name": name} for namespace, name in in_set_order(named)]


def shown_everywhere(row: Row) -> dict[str, Any]:
    """What every answer shows of a job, in its order."""
    return {
        "id": {"namespace": row["namespace"], "name": row["name"]},
        "type": row["type"],
        "name": row["name"],
        "simpleName": row["simple_name"],
        "parentJobName": row["parent_name"],
        "parentJobUuid": str(row["parent_id"]) if row["parent_id"] else None,
    }


def _shown(row: Row) -> dict[str, Any]:
    facets = runs.merged(row["facets"] or ())
    return shown_everywhere(row) | {
        "createdAt": instant_text(row["created_at"]),
        "updatedAt": instant_text(row["updated_at"]),
        "namespace": row["namespace"],
        "inputs": _dataset_ids((part["namespace"], part["name"]) for part in row["inputs"]),
        "outputs": [],
        "location": row["location"],
        "description": row["description"],
        "latestRun": None,
        "latestRuns": None,
        "facets": facets,
        "currentVersion": str(row["current_version"]) if row["current_version"] else None,
        "labels": _labels(facets),
        "tags": row["tags"] or [],
    }


def _labels(facets: dict[str, Any]) -> list[str]:
    job_type = facets.get("jobType")
    if not isinstance(job_type, dict):
        return []
    return [str(job_type[key]) for key in ("jobType", "integration") if key in job_type]
