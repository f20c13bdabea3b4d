"""Which columns a column was made of, and the graph of that."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

from marquez_standin.errors import error, logged_fault
from marquez_standin.identity import as_uuid
from marquez_standin.lineage import code_units, edges
from marquez_standin.store import fetch_all, fetch_one

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID

    from marquez_standin.names import Node
    from marquez_standin.store import Connection, Row

Graph: TypeAlias = dict[str, dict[str, Any]]

# Of several mappings between the same two fields the latest counts.
_LATEST = """
SELECT DISTINCT ON (m.output_field, m.input_field) m.*
FROM column_mappings m
WHERE m.{side} = ANY(%s) AND (%s::timestamptz IS NULL OR m.created_at <= %s)
ORDER BY m.output_field, m.input_field, m.updated_at DESC
"""

_FIELDS = """
SELECT f.id, d.namespace, d.name AS dataset, f.name AS field, f.type
FROM dataset_fields f JOIN visible_datasets d ON d.id = f.dataset_id
WHERE d.is_primary AND f.id = ANY(%s)
"""

_OF_DATASET = """
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

_FIELDS_OF_DATASET = """
SELECT DISTINCT f.id
FROM dataset_fields f
JOIN visible_datasets d ON d.id = f.dataset_id
JOIN dataset_version_fields m ON m.field_id = f.id
WHERE d.namespace = %s AND d.name = %s
"""
_FIELD_OF_DATASET = """
SELECT f.id FROM dataset_fields f JOIN visible_datasets d ON d.id = f.dataset_id
WHERE d.namespace = %s AND d.name = %s AND f.name = %s
"""
_FIELDS_OF_JOB = """
SELECT f.id FROM dataset_fields f JOIN dataset_versions v ON v.dataset_id = f.dataset_id
WHERE v.run_id = (SELECT r.id FROM runs r JOIN jobs j ON j.id = r.job_id
                  WHERE j.namespace = %s AND j.name = %s ORDER BY r.created_at DESC LIMIT 1)
"""
_FIELDS_OF_VERSION = """
SELECT f.id, v.created_at
FROM dataset_fields f
JOIN dataset_version_fields m ON m.field_id = f.id
JOIN dataset_versions v ON v.id = m.version_id
WHERE v.id = %s AND (%s::text IS NULL OR f.name = %s)
"""
_FIELDS_OF_JOB_VERSION = """
SELECT f.id, r.created_at
FROM dataset_fields f JOIN dataset_versions v ON v.dataset_id = f.dataset_id
JOIN runs r ON r.job_version = %s
"""


def of_dataset(
    connection: Connection, dataset_id: UUID, name: tuple[str, str]
) -> list[dict[str, Any]] | None:
    """The column lineage that a dataset shows of itself; None if there is none.

    A column that changed its type is shown once for each type.
    """
    columns: dict[tuple[str, str | None], list[dict[str, Any]]] = {}
    for row in fetch_all(connection, _OF_DATASET, dataset_id, *name):
        part = {
            "namespace": row["namespace"],
            "dataset": row["dataset"],
            "field": row["field"],
            "transformationDescription": row["description"],
            "transformationType": row["type"],
        }
        columns.setdefault((row["output"], row["output_type"]), []).append(part)
    shown = [
        {"name": name, "inputFields": parts} | _first_transformation(parts)
        for (name, _), parts in columns.items()
    ]
    return shown or None


def _first_transformation(parts: list[dict[str, Any]]) -> dict[str, Any]:
    first = parts[0] if parts else {}
    keys = ("transformationDescription", "transformationType")
    return {key: first.get(key) for key in keys}


def graph(
    connection: Connection, node: Node, depth: int, *, with_downstream: bool
) -> dict[str, Any]:
    """The graph of columns around a node.

    Args:
        connection: A connection.
        node: A dataset, a field or a job, with or without a version.
        depth: How many steps from column to column to go; the first counts.
        with_downstream: Whether to go to what was made of the columns, too.

    Returns:
        The nodes by id; an edge leads from a column to what it was made of.

    Raises:
        ApiError: 404 if the node has no columns.
    """
    fields, until = _start(connection, node)
    if not fields:
        raise error(404, "Could not find node")
    mappings = _reach(connection, fields, until, depth, with_downstream=with_downstream)
    return {"graph": _assemble(connection, mappings, with_versions=node.has_version)}


def _start(connection: Connection, node: Node) -> tuple[list[UUID], datetime | None]:
    """The fields to start from, and up to when mappings count (None: all)."""
    if node.kind == "run":
        raise logged_fault()
    if node.has_version:
        rows = _fields_of_version(connection, node)
        return [row["id"] for row in rows], rows[0]["created_at"] if rows else None
    if node.kind == "datasetField":
        rows = fetch_all(connection, _FIELD_OF_DATASET, *node.parts(3))
        if len(rows) > 1:  # one name with several types, or none: the real server gives up
            raise logged_fault()
    else:
        query = _FIELDS_OF_DATASET if node.kind == "dataset" else _FIELDS_OF_JOB
        rows = fetch_all(connection, query, *node.named())
    return [row["id"] for row in rows], None


def _fields_of_version(connection: Connection, node: Node) -> list[Row]:
    text = node.text.rpartition("#")[2]
    version = as_uuid(text)
    if version is None:
        raise logged_fault()
    if node.kind == "job":
        return fetch_all(connection, _FIELDS_OF_JOB_VERSION, version)
    name = node.parts(3)[2].partition("#")[0] if node.kind == "datasetField" else None
    return fetch_all(connection, _FIELDS_OF_VERSION, version, name, name)


def _reach(
    connection: Connection,
    fields: list[UUID],
    until: datetime | None,
    depth: int,
    *,
    with_downstream: bool,
) -> list[Row]:
    """The mappings within some steps, each once."""
    edge = _mappings(connection, "output_field", fields, until)
    reached = {_key(row): row for row in edge}
    for _ in range(depth - 1):
        found = _mappings(connection, "output_field", [row["input_field"] for row in edge], until)
        if with_downstream:
            below = [row["output_field"] for row in edge]
            found += _mappings(connection, "input_field", below, until)
        fresh = {_key(row): row for row in found if _key(row) not in reached}
        if not fresh:
            break
        edge = list(fresh.values())
        reached |= fresh
    return list(reached.values())


def _key(row: Row) -> tuple[UUID, UUID]:
    return row["output_field"], row["input_field"]


def _mappings(
    connection: Connection, side: str, fields: list[UUID], until: datetime | None
) -> list[Row]:
    return fetch_all(connection, _LATEST.format(side=side), fields, until, until)


def _assemble(
    connection: Connection, mappings: list[Row], *, with_versions: bool
) -> list[dict[str, Any]]:
    ids = {row[side] for row in mappings for side in ("output_field", "input_field")}
    fields = {row["id"]: row for row in fetch_all(connection, _FIELDS, list(ids))}
    known = [
        row for row in mappings if row["output_field"] in fields and row["input_field"] in fields
    ]
    made: Graph = {}
    sources: Graph = {}
    pairs: set[tuple[str, str]] = set()
    for row in sorted(known, key=lambda row: _input_order(fields[row["input_field"]], row)):
        output, origin = fields[row["output_field"]], fields[row["input_field"]]
        part = _part(origin, row)
        output_id = _id(output, row["output_version"], with_versions=with_versions)
        origin_id = _id(origin, row["input_version"], with_versions=with_versions)
        _add_made(made, output_id, _data(output, row["output_version"]), part)
        sources.setdefault(origin_id, _source_data(part))
        pairs.add((output_id, origin_id))
    nodes = sources | made
    return [_node(name, nodes[name], pairs) for name in sorted(nodes, key=code_units)]


def _add_made(made: Graph, name: str, data: dict[str, Any], part: dict[str, Any]) -> None:
    """Add an input to a column; of several versions of the column, one is shown."""
    shown = made.setdefault(name, data)
    is_shown = all(shown[key] == data[key] for key in ("datasetVersion", "fieldType"))
    if is_shown and part not in shown["inputFields"]:
        shown["inputFields"].append(part)


def _input_order(origin: Row, mapping: Row) -> tuple[str, ...]:
    version = str(mapping["input_version"])
    return origin["namespace"], origin["dataset"], version, origin["field"]


def _id(row: Row, version: UUID, *, with_versions: bool) -> str:
    text = f"datasetField:{row['namespace']}:{row['dataset']}:{row['field']}"
    return f"{text}#{version}" if with_versions else text


def _part(origin: Row, mapping: Row) -> dict[str, Any]:
    return {
        "namespace": origin["namespace"],
        "dataset": origin["dataset"],
        "datasetVersion": str(mapping["input_version"]),
        "field": origin["field"],
        "transformationDescription": mapping["description"],
        "transformationType": mapping["type"],
    }


def _data(output: Row, version: UUID) -> dict[str, Any]:
    return {
        "namespace": output["namespace"],
        "dataset": output["dataset"],
        "datasetVersion": str(version),
        "field": output["field"],
        "fieldType": output["type"],
        "inputFields": [],
    }


def _source_data(part: dict[str, Any]) -> dict[str, Any]:
    """The data of a column that is only read: its type is not told."""
    keys = ("namespace", "dataset", "datasetVersion", "field")
    return {key: part[key] for key in keys} | {"fieldType": "", "inputFields": []}


def _node(name: str, data: dict[str, Any], pairs: set[tuple[str, str]]) -> dict[str, Any]:
    return {
        "id": name,
        "type": "DATASET_FIELD",
        "data": data | _first_transformation(data["inputFields"]),
        "inEdges": edges((output, origin) for output, origin in pairs if output == name),
        "outEdges": edges((origin, output) for output, origin in pairs if origin == name),
    }


def field_exists(connection: Connection, namespace: str, dataset: str, field: str) -> bool:
    """Whether a dataset ever had a field of that name."""
    return fetch_one(connection, _FIELD_OF_DATASET, namespace, dataset, field) is not None
