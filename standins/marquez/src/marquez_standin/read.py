"""What answers show of namespaces, jobs, runs, datasets and events."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from marquez_standin.errors import IllegalNameError, fault, not_found
from marquez_standin.identity import checked_namespace
from marquez_standin.store import fetch_all, fetch_count, fetch_one
from marquez_standin.times import instant_text, milliseconds_between

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime
    from uuid import UUID

    from marquez_standin.store import Connection, Row

Json = dict[str, Any]

_RUNS_SHOWN = 10
_FACETS_OF_PAGE = 10
_JAVA_URL = re.compile(r"\s*(?:url:)?(?:https?|ftp|file|jar|jmod|jrt|mailto):", re.IGNORECASE)

# Namespaces -------------------------------------------------------------------


def require_namespace(connection: Connection, name: str) -> None:
    """Raise 404 unless the namespace is known."""
    if fetch_one(connection, "SELECT 1 FROM namespaces WHERE name = %s", name) is None:
        raise not_found("Namespace", name)


def namespace(connection: Connection, name: str) -> Json:
    """A namespace.

    Raises:
        ApiError: 404 if it is unknown.
    """
    row = fetch_one(connection, "SELECT * FROM namespaces WHERE name = %s", name)
    if row is None:
        raise not_found("Namespace", name)
    return _shown_namespace(row)


def namespaces(connection: Connection, limit: int, offset: int) -> Json:
    """A page of all namespaces, by name."""
    query = "SELECT * FROM namespaces ORDER BY name LIMIT %s OFFSET %s"
    rows = fetch_all(connection, query, limit, offset)
    return {"namespaces": [_shown_namespace(row) for row in rows]}


def _shown_namespace(row: Row) -> Json:
    return {
        "name": row["name"],
        "createdAt": instant_text(row["created_at"]),
        "updatedAt": instant_text(row["updated_at"]),
        "ownerName": row["owner"],
        "description": row["description"],
        "isHidden": row["hidden"],
    }


# Runs -------------------------------------------------------------------------

_RUN = """
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
_LATEST_RUNS = """
SELECT r.id FROM runs r JOIN jobs j ON j.id = r.job_id
WHERE NOT j.hidden AND j.namespace = %s AND j.name = %s
ORDER BY r.transitioned_at DESC, r.started_at DESC, r.created_at DESC
LIMIT %s
"""
_PAGE_OF_RUNS = """
SELECT r.id FROM runs r JOIN jobs j ON j.id = r.job_id
WHERE NOT j.hidden AND j.namespace = %s AND j.name = %s
ORDER BY r.started_at DESC NULLS LAST, r.created_at DESC
LIMIT %s OFFSET %s
"""


def run(connection: Connection, identifier: UUID) -> Json:
    """A run.

    Raises:
        ApiError: 404 if it is unknown.
    """
    found = runs(connection, [identifier])
    if not found:
        raise not_found("Run", identifier)
    return found[0]


def runs(connection: Connection, ids: Sequence[UUID]) -> list[Json]:
    """Runs in the order of their ids; unknown ones are left out."""
    if not ids:
        return []
    rows = {row["id"]: row for row in fetch_all(connection, _RUN, list(ids))}
    return [_shown_run(rows[identifier]) for identifier in ids if identifier in rows]


def runs_of_job(connection: Connection, names: tuple[str, str], limit: int, offset: int) -> Json:
    """A page of a job's runs, the one that started last first."""
    require_namespace(connection, names[0])
    _job_row(connection, *names)
    rows = fetch_all(connection, _PAGE_OF_RUNS, *names, limit, offset)
    query = "SELECT count(*) AS n FROM runs WHERE namespace = %s AND job_name = %s"
    return {
        "runs": runs(connection, [row["id"] for row in rows]),
        "totalCount": fetch_count(connection, query, *names),
    }


def facets_of_run(connection: Connection, identifier: UUID, kind: str) -> Json | None:
    """The facets of a run, or of its job as of that run; None if there are none."""
    run(connection, identifier)
    tables = {"RUN": "run_facets", "JOB": "job_facets"}
    if kind not in tables:
        return None
    query = f"SELECT name, body FROM {tables[kind]} WHERE run_id = %s ORDER BY event_time, id"
    rows = fetch_all(connection, query, identifier)
    if not rows:
        return None
    return {"runId": str(identifier), "facets": {row["name"]: row["body"] for row in rows}}


def _shown_run(row: Row) -> Json:
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
        "facets": _merged(row["facets"]),
    }


def _moment(moment: datetime | None) -> str | None:
    return instant_text(moment) if moment else None


def _text(identifier: UUID | None) -> str | None:
    return str(identifier) if identifier else None


def _merged(facets: Iterable[tuple[str, Any]] | None) -> Json:
    """Facets by name; a later one replaces an earlier one."""
    return dict(facets or ())


def _dataset_versions(row: Row, direction: str, versions: list[list[str]] | None) -> list[Json]:
    return [
        {
            "datasetVersionId": {
                "namespace": _readable(namespace),
                "name": name,
                "version": version,
            },
            "facets": _merged(
                (facet, body)
                for kind, of_version, facet, body in row["dataset_facets"] or ()
                if (kind, of_version) == (direction, identifier)
            ),
        }
        for identifier, namespace, name, version in versions or ()
    ]


def _readable(namespace: str) -> str:
    """A namespace of a run's dataset, which the real server takes as it is and then cannot read."""
    try:
        return checked_namespace(namespace)
    except IllegalNameError as illegal:
        raise fault() from illegal


# Jobs -------------------------------------------------------------------------

_JOB = """
SELECT j.*, p.name AS parent_name,
  (SELECT json_agg(json_build_array(f.name, f.body) ORDER BY f.linked, f.id)
   FROM job_facets f WHERE f.job_version_id = j.current_version) AS facets
FROM jobs j LEFT JOIN jobs p ON p.id = j.parent_id
WHERE NOT j.hidden AND j.namespace = %s AND j.name = %s
"""

_PAGE_OF_JOBS = """
SELECT j.*, p.name AS parent_name,
  (SELECT json_agg(json_build_array(f.name, f.body) ORDER BY f.event_time, f.id)
   FROM job_facets f JOIN job_versions v ON v.latest_run = f.run_id
   WHERE v.id = j.current_version) AS facets
FROM jobs j LEFT JOIN jobs p ON p.id = j.parent_id LEFT JOIN runs r ON r.id = j.current_run
WHERE NOT j.hidden AND (%s::text IS NULL OR j.namespace = %s)
  AND (r.state IS NOT NULL OR r.id IS NULL)  -- a run without a state hides its job here only
ORDER BY j.updated_at DESC
LIMIT %s OFFSET %s
"""

_USES = """
SELECT io.direction, d.namespace, d.name
FROM job_version_io io
JOIN jobs j ON j.current_version = io.version_id
JOIN visible_datasets d ON d.id = io.dataset_id
WHERE NOT j.hidden AND j.namespace = %s AND j.name = %s
"""


def _job_row(connection: Connection, namespace: str, name: str) -> Row:
    row = fetch_one(connection, _JOB, namespace, name)
    if row is None:
        raise not_found("Job", name)
    return row


def job(connection: Connection, namespace: str, name: str) -> Json:
    """A job with its latest runs and what it reads and writes.

    Raises:
        ApiError: 404 if the namespace or the job is unknown.
    """
    require_namespace(connection, namespace)
    shown = _with_runs(connection, _shown_job(_job_row(connection, namespace, name)))
    uses = fetch_all(connection, _USES, namespace, name)
    for key, direction in (("inputs", "INPUT"), ("outputs", "OUTPUT")):
        named = [(use["namespace"], use["name"]) for use in uses if use["direction"] == direction]
        if named:
            shown[key] = dataset_ids(named)
    return shown


def jobs(connection: Connection, namespace: str | None, limit: int, offset: int) -> Json:
    """A page of the jobs of one namespace or of all, the one that changed last first."""
    rows = fetch_all(connection, _PAGE_OF_JOBS, namespace, namespace, limit, offset)
    query = (
        "SELECT count(*) AS n FROM jobs WHERE NOT hidden AND (%s::text IS NULL OR namespace = %s)"
    )
    return {
        "totalCount": fetch_count(connection, query, namespace, namespace),
        "jobs": [_with_runs(connection, _shown_job(row)) for row in rows],
    }


def hide_job(connection: Connection, namespace: str, name: str) -> Json:
    """Hide a job; the answer shows it as it was.

    Raises:
        ApiError: 404 if it is unknown.
    """
    require_namespace(connection, namespace)
    before = _shown_job(_job_row(connection, namespace, name))
    query = "UPDATE jobs SET hidden = true WHERE namespace = %s AND name = %s"
    connection.execute(query, (namespace, name))
    return before


def _with_runs(connection: Connection, shown: Json) -> Json:
    names = (shown["namespace"], shown["name"])
    found = fetch_all(connection, _LATEST_RUNS, *names, _RUNS_SHOWN)
    latest = runs(connection, [row["id"] for row in found])
    if not latest:
        return shown
    return shown | {
        "latestRun": latest[0],
        "latestRuns": latest,
        "inputs": dataset_ids(_names(latest[0]["inputDatasetVersions"])),
        "outputs": dataset_ids(_names(latest[0]["outputDatasetVersions"])),
    }


def _names(versions: Iterable[Json]) -> list[tuple[str, str]]:
    ids = (version["datasetVersionId"] for version in versions)
    return [(part["namespace"], part["name"]) for part in ids]


def dataset_ids(named: Iterable[tuple[str, str]]) -> list[dict[str, str]]:
    """Datasets by namespace and name, each once, in an order of their own."""
    return [{"namespace": namespace, "name": name} for namespace, name in sorted(set(named))]


def job_everywhere(row: Row) -> Json:
    """What every answer shows of a job."""
    return {
        "id": {"namespace": row["namespace"], "name": row["name"]},
        "type": row["type"],
        "name": row["name"],
        "simpleName": row["simple_name"],
        "parentJobName": row["parent_name"],
        "parentJobUuid": _text(row["parent_id"]),
        "createdAt": instant_text(row["created_at"]),
        "updatedAt": instant_text(row["updated_at"]),
        "namespace": row["namespace"],
        "location": _shown_location(row["location"]),
        "description": row["description"],
    }


def _shown_location(text: str | None) -> str | None:
    """A location that Java knows for a URL; others are kept, and not shown."""
    return text if text and _JAVA_URL.match(text) else None


def _shown_job(row: Row) -> Json:
    facets = _merged(row["facets"])
    inputs = ((part["namespace"], part["name"]) for part in row["inputs"])
    return job_everywhere(row) | {
        "inputs": dataset_ids(inputs),
        "outputs": [],
        "latestRun": None,
        "latestRuns": None,
        "facets": facets,
        "currentVersion": _text(row["current_version"]),
        "labels": _labels(facets),
        "tags": [],
    }


def _labels(facets: Json) -> list[str]:
    job_type = facets.get("jobType")
    if not isinstance(job_type, dict):
        return []
    return [str(job_type[key]) for key in ("jobType", "integration") if key in job_type]


# Datasets ---------------------------------------------------------------------

# Facets are found by the dataset's own name: an alias shows none.
_DATASET = """
SELECT d.*, v.fields, v.lifecycle_state,
  (SELECT json_agg(json_build_array(f.name, f.body) ORDER BY f.event_time, f.id)
   FROM dataset_facets f
   WHERE f.version_id = d.current_version AND f.kind <> 'OUTPUT'
     AND f.dataset_id IN (SELECT o.id FROM datasets o WHERE o.namespace = %s AND o.name = %s)
  ) AS facets
FROM visible_datasets d LEFT JOIN dataset_versions v ON v.id = d.current_version
WHERE d.namespace = %s AND d.name = %s
"""

# A page shows the facets of its first ten datasets, and the facet that came last.
_PAGE_OF_DATASETS = f"""
SELECT d.*, v.fields, v.lifecycle_state,
  (SELECT json_agg(json_build_array(f.name, f.body) ORDER BY f.id)
   FROM dataset_facets f
   WHERE f.version_id = d.current_version AND f.kind <> 'OUTPUT'
     AND f.dataset_id IN (SELECT o.id FROM visible_datasets o WHERE o.namespace = %s
                          ORDER BY o.name LIMIT {_FACETS_OF_PAGE} OFFSET %s)
  ) AS facets
FROM visible_datasets d LEFT JOIN dataset_versions v ON v.id = d.current_version
WHERE d.namespace = %s
ORDER BY d.name LIMIT %s OFFSET %s
"""

_FIELDS = """
SELECT f.name, f.type, f.description
FROM dataset_version_fields m JOIN dataset_fields f ON f.id = m.field_id
WHERE m.version_id = %s ORDER BY m.position
"""

# Of several mappings between the same two fields the latest counts.
_COLUMNS = """
SELECT DISTINCT f.name AS output, f.type AS output_type, v.namespace, v.name AS dataset,
  c.input_version::text, i.name AS field, c.description, c.type
FROM (
  SELECT DISTINCT ON (m.output_field, m.input_field) m.*
  FROM column_mappings m JOIN dataset_fields o ON o.id = m.output_field
  WHERE o.dataset_id = %s
  ORDER BY m.output_field, m.input_field, m.updated_at DESC
) c
JOIN dataset_fields f ON f.id = c.output_field
JOIN dataset_names n ON n.dataset_id = f.dataset_id AND n.is_primary
JOIN dataset_fields i ON i.id = c.input_field
JOIN dataset_versions v ON v.id = c.input_version
WHERE n.namespace = %s AND n.name = %s
ORDER BY f.name, f.type, v.namespace, v.name, c.input_version::text, i.name
"""


def _dataset_row(connection: Connection, namespace: str, name: str) -> Row:
    row = fetch_one(connection, _DATASET, namespace, name, namespace, name)
    if row is None:
        raise not_found("Dataset", name)
    return row


def dataset(connection: Connection, namespace: str, name: str) -> Json:
    """A dataset with its fields and its column lineage.

    Raises:
        ApiError: 404 if the namespace or the dataset is unknown.
    """
    require_namespace(connection, namespace)
    return _whole_dataset(connection, _dataset_row(connection, namespace, name))


def datasets(connection: Connection, namespace: str, limit: int, offset: int) -> Json:
    """A page of a namespace's datasets, by name."""
    require_namespace(connection, namespace)
    page = (namespace, offset, namespace, limit, offset)
    query = "SELECT count(*) AS n FROM visible_datasets WHERE namespace = %s"
    return {
        "totalCount": fetch_count(connection, query, namespace),
        "datasets": [
            _whole_dataset(connection, row)
            for row in fetch_all(connection, _PAGE_OF_DATASETS, *page)
        ],
    }


def hide_dataset(connection: Connection, namespace: str, name: str) -> Json:
    """Hide a dataset; the answer shows it as it was.

    Raises:
        ApiError: 404 if it is unknown, or known by another name only.
    """
    require_namespace(connection, namespace)
    before = _shown_dataset(_dataset_row(connection, namespace, name))
    query = "UPDATE datasets SET hidden = true WHERE namespace = %s AND name = %s RETURNING id"
    if fetch_one(connection, query, namespace, name) is None:
        raise not_found("Dataset", name)
    return before


def dataset_everywhere(row: Row) -> Json:
    """What every answer shows of a dataset."""
    return {
        "id": {"namespace": row["namespace"], "name": row["name"]},
        "type": row["type"],
        "name": row["name"],
        "physicalName": row["physical_name"],
        "createdAt": instant_text(row["created_at"]),
        "updatedAt": instant_text(row["updated_at"]),
        "namespace": row["namespace"],
        "sourceName": row["source"],
        "fields": row["fields"] or [],
        "tags": [],
        "lastModifiedAt": _moment(row["last_modified_at"]),
        "lastLifecycleState": row["lifecycle_state"],
        "description": row["description"],
    }


def _shown_dataset(row: Row) -> Json:
    return dataset_everywhere(row) | {
        "currentVersion": _text(row["current_version"]),
        "columnLineage": None,
        "facets": _merged(row["facets"]),
        "deleted": row["deleted"],
    }


def _whole_dataset(connection: Connection, row: Row) -> Json:
    shown = _shown_dataset(row)
    if row["current_version"]:
        fields = fetch_all(connection, _FIELDS, row["current_version"])
        shown["fields"] = [field | {"tags": []} for field in fields]
    shown["columnLineage"] = _columns(connection, row["id"], (row["namespace"], row["name"]))
    return shown


def _columns(connection: Connection, dataset_id: UUID, names: tuple[str, str]) -> list[Json] | None:
    """What each column was made of; one that changed its type is shown once for each type."""
    columns: dict[tuple[str, str | None], list[Json]] = {}
    for row in fetch_all(connection, _COLUMNS, dataset_id, *names):
        part = {key: row[key] for key in ("namespace", "dataset", "field")}
        columns.setdefault((row["output"], row["output_type"]), []).append(
            part | _transformation(row)
        )
    return [
        {"name": name, "inputFields": parts}
        | {key: parts[0][key] for key in _transformation({"description": None, "type": None})}
        for (name, _), parts in columns.items()
    ] or None


def _transformation(row: Row) -> Json:
    return {
        "transformationDescription": row["description"],
        "transformationType": row["type"],
    }


# Events -----------------------------------------------------------------------

_BETWEEN = "event_time < %s AND event_time >= %s"


def events(
    connection: Connection,
    between: tuple[datetime, datetime],
    limit: int,
    offset: int,
    *,
    newest_first: bool,
) -> Json:
    """A page of run events by their time; the count takes in events of the other kinds.

    Args:
        connection: A connection.
        between: The first moment that counts, and the first that does not.
        limit: The most events to show.
        offset: How many to leave out before.
        newest_first: Whether to start with the latest.
    """
    after, before = between
    direction = "DESC" if newest_first else "ASC"
    query = (
        f"SELECT body FROM events WHERE {_BETWEEN} AND kind = 'RUN'"
        f" ORDER BY event_time {direction}, id {direction} LIMIT %s OFFSET %s"
    )
    rows = fetch_all(connection, query, before, after, limit, offset)
    count = f"SELECT count(*) AS n FROM events WHERE {_BETWEEN}"
    return {
        "totalCount": fetch_count(connection, count, before, after),
        "events": [row["body"] for row in rows],
    }
