"""Datasets as answers show them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from marquez_standin import column_lineage
from marquez_standin.errors import not_found
from marquez_standin.runs import merged
from marquez_standin.store import fetch_all, fetch_count, fetch_one
from marquez_standin.times import instant_text

if TYPE_CHECKING:
    from uuid import UUID

    from marquez_standin.store import Connection, Row

_FACETS_OF_PAGE = 10

TAGS = "(SELECT array_agg(t.tag ORDER BY t.tag) FROM dataset_tags t WHERE t.dataset_id = d.id)"

# Facets are found by the dataset's own name: an alias shows none.
_ONE = f"""
SELECT d.*, v.fields, v.lifecycle_state, {TAGS} AS tags,
  (SELECT json_agg(json_build_array(f.name, f.body) ORDER BY f.event_time, f.id)
   FROM dataset_facets f
   WHERE f.version_id = d.current_version AND f.kind <> 'OUTPUT'
     AND f.dataset_id IN (SELECT o.id FROM datasets o WHERE o.namespace = %s AND o.name = %s)
  ) AS facets
FROM visible_datasets d LEFT JOIN dataset_versions v ON v.id = d.current_version
WHERE d.namespace = %s AND d.name = %s
"""

# A page shows the facets of its first ten datasets, and the facet that came last.
_PAGE = f"""
SELECT d.*, v.fields, v.lifecycle_state, {TAGS} AS tags,
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
SELECT f.name, f.type, f.description,
  (SELECT array_agg(t.tag ORDER BY t.tag) FROM field_tags t WHERE t.field_id = f.id) AS tags
FROM dataset_version_fields m JOIN dataset_fields f ON f.id = m.field_id
WHERE m.version_id = %s ORDER BY m.position
"""


def require(connection: Connection, namespace: str, name: str) -> None:
    """Raise 404 unless the dataset is known, under this or another name, and not hidden."""
    query = "SELECT 1 FROM visible_datasets WHERE namespace = %s AND name = %s"
    if fetch_one(connection, query, namespace, name) is None:
        raise not_found("Dataset", name)


def find_bare(connection: Connection, namespace: str, name: str) -> dict[str, Any]:
    """A dataset with the fields of its version as they were when it was made.

    Raises:
        ApiError: 404 if it is unknown.
    """
    return _shown(_row(connection, namespace, name))


def find(connection: Connection, namespace: str, name: str) -> dict[str, Any]:
    """A dataset with its fields and its column lineage.

    Raises:
        ApiError: 404 if it is unknown.
    """
    return _whole(connection, _row(connection, namespace, name))


def _row(connection: Connection, namespace: str, name: str) -> Row:
    row = fetch_one(connection, _ONE, namespace, name, namespace, name)
    if row is None:
        raise not_found("Dataset", name)
    return row


def page(connection: Connection, namespace: str, limit: int, offset: int) -> dict[str, Any]:
    """A page of a namespace's datasets, by name."""
    rows = fetch_all(connection, _PAGE, namespace, offset, namespace, limit, offset)
    count = fetch_count(
        connection, "SELECT count(*) AS n FROM visible_datasets WHERE namespace = %s", namespace
    )
    return {
        "totalCount": count,
        "datasets": [_whole(connection, row) for row in rows],
    }


def hide(connection: Connection, namespace: str, name: str) -> dict[str, Any]:
    """Hide a dataset; the answer shows it as it was.

    Raises:
        ApiError: 404 if it is unknown, or known by another name only.
    """
    before = find_bare(connection, namespace, name)
    query = "UPDATE datasets SET hidden = true WHERE namespace = %s AND name = %s RETURNING id"
    if fetch_one(connection, query, namespace, name) is None:
        raise not_found("Dataset", name)
    return before


def _whole(connection: Connection, row: Row) -> dict[str, Any]:
    shown = _shown(row)
    if row["current_version"]:
        shown["fields"] = _fields(connection, row["current_version"])
    shown["columnLineage"] = column_lineage.of_dataset(
        connection, row["id"], (row["namespace"], row["name"])
    )
    return shown


def _fields(connection: Connection, version_id: UUID) -> list[dict[str, Any]]:
    return [
        {
            "name": field["name"],
            "type": field["type"],
            "tags": field["tags"] or [],
            "description": field["description"],
        }
        for field in fetch_all(connection, _FIELDS, version_id)
    ]


def shown_everywhere(row: Row) -> dict[str, Any]:
    """What every answer shows of a dataset, in its order; tags are for those that show them."""
    modified = row["last_modified_at"]
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
        "lastModifiedAt": instant_text(modified) if modified else None,
    }


def _shown(row: Row) -> dict[str, Any]:
    return shown_everywhere(row) | {
        "tags": row["tags"] or [],
        "lastLifecycleState": row["lifecycle_state"],
        "description": row["description"],
        "currentVersion": str(row["current_version"]) if row["current_version"] else None,
        "columnLineage": None,
        "facets": merged(row["facets"] or ()),
        "deleted": row["deleted"],
    }
