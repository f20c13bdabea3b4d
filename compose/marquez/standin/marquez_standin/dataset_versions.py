"""Versions of datasets as answers show them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from marquez_standin import runs
from marquez_standin.datasets import TAGS
from marquez_standin.errors import not_found
from marquez_standin.store import fetch_all, fetch_count, fetch_one
from marquez_standin.times import instant_text

if TYPE_CHECKING:
    from uuid import UUID

    from marquez_standin.store import Connection, Row

_SELECT = f"""
SELECT v.*, d.namespace AS shown_namespace, d.name AS shown_name, d.type, d.physical_name,
  d.source, d.description, {TAGS} AS tags,
  (SELECT json_agg(json_build_array(f.name, f.body) ORDER BY f.event_time, f.id)
   FROM dataset_facets f WHERE f.version_id = v.id AND %s) AS facets
FROM dataset_versions v JOIN visible_datasets d ON d.id = v.dataset_id
"""
_KIND = "Dataset version"
_OF_ANY_READER = "f.kind <> 'OUTPUT'"
_OF_ANY_RUN = "f.run_id IS NOT NULL"


def find(connection: Connection, version_id: UUID) -> dict[str, Any]:
    """One version by its id.

    Raises:
        ApiError: 404 if it is unknown.
    """
    query = f"{_SELECT % _OF_ANY_RUN} WHERE v.id = %s"
    row = fetch_one(connection, query, version_id)
    if row is None:
        raise not_found(_KIND, version_id)
    return _shown(connection, row)


def page(
    connection: Connection, namespace: str, name: str, limit: int, offset: int
) -> dict[str, Any]:
    """A page of a dataset's versions, the newest first."""
    query = (
        f"{_SELECT % _OF_ANY_READER} WHERE v.namespace = %s AND v.name = %s"
        " AND d.name NOT IN (SELECT n.name FROM dataset_names n WHERE NOT n.is_primary)"
        " ORDER BY v.created_at DESC, v.touched DESC LIMIT %s OFFSET %s"
    ).replace("%%", "%")
    rows = fetch_all(connection, query, namespace, name, limit, offset)
    count = fetch_count(
        connection,
        "SELECT count(*) AS n FROM dataset_versions WHERE namespace = %s AND name = %s",
        namespace,
        name,
    )
    return {
        "versions": [_shown(connection, row) for row in rows],
        "totalCount": count,
    }


def _shown(connection: Connection, row: Row) -> dict[str, Any]:
    made_by = runs.load(connection, [row["run_id"]]) if row["run_id"] else []
    return {
        "id": {"namespace": row["shown_namespace"], "name": row["shown_name"]},
        "type": row["type"],
        "name": row["shown_name"],
        "physicalName": row["physical_name"],
        "createdAt": instant_text(row["created_at"]),
        "version": str(row["id"]),
        "namespace": row["shown_namespace"],
        "sourceName": row["source"],
        "fields": row["fields"] or [],
        "tags": row["tags"] or [],
        "lifecycleState": row["lifecycle_state"],
        "description": row["description"],
        "currentSchemaVersion": str(row["schema_version"]) if row["schema_version"] else None,
        "createdByRun": made_by[0] if made_by else None,
        "facets": runs.merged(row["facets"] or ()),
    }
