"""Which columns a written column was made of."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from marquez_standin.store import fetch_all

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime
    from uuid import UUID

    from marquez_standin.event import Dataset
    from marquez_standin.store import Connection

_FIELDS_READ = """
SELECT d.namespace, d.name, f.name AS field, v.id AS version_id, f.id AS field_id
FROM run_inputs i
JOIN dataset_versions v ON v.id = i.version_id
JOIN dataset_version_fields m ON m.version_id = v.id
JOIN dataset_fields f ON f.id = m.field_id
JOIN visible_datasets d ON d.id = v.dataset_id
WHERE i.run_id = %s
"""

_UPSERT = """
INSERT INTO column_mappings (output_version, output_field, input_version, input_field,
                             description, type, created_at, updated_at)
SELECT %s, %s, i.version_id, i.field_id, %s, %s, %s, %s
FROM unnest(%s::uuid[], %s::uuid[]) AS i (version_id, field_id)
ON CONFLICT (output_version, output_field, input_version, input_field) DO UPDATE SET
  description = excluded.description, type = excluded.type, updated_at = excluded.updated_at
"""


def write_columns(
    connection: Connection,
    dataset: Dataset,
    *,
    version_id: UUID,
    own_fields: Mapping[str, UUID],
    run: UUID,
    now: datetime,
) -> None:
    """Store the column lineage of an output.

    Only fields that the run is known to have read count, and only columns of the
    schema that the same event gives.

    Args:
        connection: The event's transaction.
        dataset: The output.
        version_id: The version that was written.
        own_fields: The ids of the version's fields by name.
        run: The run that wrote it.
        now: The event's time.
    """
    columns: dict[str, Any] = dataset.facet("columnLineage").get("fields") or {}
    wanted = {name: column for name, column in columns.items() if name in own_fields}
    if not wanted:
        return
    fields_read = {
        ((row["namespace"], row["name"], row["field"]), row["version_id"], row["field_id"])
        for row in fetch_all(connection, _FIELDS_READ, run)
    }
    for name, column in wanted.items():
        named = {
            (part.get("namespace"), part.get("name"), part.get("field"))
            for part in column.get("inputFields") or ()
        }
        used = [(version, field) for key, version, field in fields_read if key in named]
        _upsert(connection, (version_id, own_fields[name]), used, column, now)


def _upsert(
    connection: Connection,
    output: tuple[UUID, UUID],
    used: list[tuple[UUID, UUID]],
    column: dict[str, Any],
    now: datetime,
) -> None:
    if used:
        versions, fields = (list(part) for part in zip(*sorted(set(used)), strict=True))
        kind = (column.get("transformationDescription"), column.get("transformationType"))
        connection.execute(_UPSERT.encode(), (*output, *kind, now, now, versions, fields))
