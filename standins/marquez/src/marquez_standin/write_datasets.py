"""Datasets as events report them: fields, versions, facets, and who read or wrote them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid4

from marquez_standin import identity
from marquez_standin.errors import refused
from marquez_standin.identity import checked_name, tidy_namespace
from marquez_standin.store import ensure_namespaces, fetch_all, fetch_one, json_text

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from marquez_standin.event import Dataset, Facets
    from marquez_standin.store import Connection, Row

_NAME = """
WITH made AS (
  INSERT INTO dataset_names (namespace, name, dataset_id, is_primary) VALUES (%s, %s, %s, true)
  ON CONFLICT DO NOTHING RETURNING dataset_id
)
SELECT dataset_id FROM made
UNION ALL SELECT dataset_id FROM dataset_names WHERE namespace = %s AND name = %s
LIMIT 1
"""

_UPSERT = """
INSERT INTO datasets (id, namespace, name, physical_name, type, source, description, deleted,
                      created_at, updated_at)
VALUES (%s, %s, %s, %s, 'DB_TABLE', %s, %s, %s, %s, %s)
ON CONFLICT (id) DO UPDATE SET
  type = excluded.type,
  updated_at = excluded.updated_at,
  physical_name = excluded.physical_name,
  description = excluded.description,
  deleted = excluded.deleted,
  hidden = false
RETURNING *
"""

_FIELDS = """
INSERT INTO dataset_fields (id, dataset_id, name, type, description)
SELECT f.id, %s, f.name, f.type, f.description
FROM unnest(%s::uuid[], %s::text[], %s::text[], %s::text[]) AS f (id, name, type, description)
ON CONFLICT (dataset_id, name, type) DO UPDATE SET description = excluded.description
RETURNING id, name
"""

_VERSION = """
INSERT INTO dataset_versions (id, version, dataset_id, schema_version, run_id, fields, namespace,
                              name, lifecycle_state, created_at)
VALUES (%s, %s, %s, %s, %s, %s::jsonb, %s, %s, %s, %s)
ON CONFLICT (version) DO UPDATE SET
  run_id = excluded.run_id,
  touched = CASE WHEN dataset_versions.run_id IS DISTINCT FROM excluded.run_id
                 THEN nextval('dataset_version_touches') ELSE dataset_versions.touched END
RETURNING id, namespace, name
"""


_DEFAULT_SOURCE = "default"


@dataclass(frozen=True, slots=True)
class WrittenDataset:
    """A dataset after an event: its id, and the version that the event is about."""

    id: UUID
    version_id: UUID
    name: identity.DatasetId


@dataclass(frozen=True, slots=True)
class Occasion:
    """When and by which run (None for events without one) a dataset was read or written."""

    now: datetime
    run: UUID | None
    is_input: bool


def write_datasets(
    connection: Connection, datasets: Sequence[Dataset], occasion: Occasion
) -> list[WrittenDataset]:
    """Write the inputs or the outputs of an event, in its order."""
    named = {dataset.namespace for dataset in datasets}
    if named:
        ensure_namespaces(connection, named | set(map(tidy_namespace, named)), occasion.now)
    return [_write(connection, dataset, occasion) for dataset in datasets]


def _write(connection: Connection, dataset: Dataset, occasion: Occasion) -> WrittenDataset:
    now = occasion.now
    tidy = tidy_namespace(dataset.namespace)
    source = _source(dataset.facet("dataSource"))
    row = _upsert(connection, dataset, tidy, source, now)
    fields = _write_fields(connection, row["id"], dataset.fields)
    written = _version(connection, dataset, row, source, occasion)
    _link_fields(connection, written.version_id, [field["id"] for field in fields])
    if occasion.is_input and occasion.run:
        _note_reading(connection, row, written.version_id, occasion)
    if not occasion.is_input and occasion.run:
        own_fields = {field["name"]: field["id"] for field in reversed(fields)}
        write_columns(
            connection,
            dataset,
            version_id=written.version_id,
            own_fields=own_fields,
            run=occasion.run,
            now=now,
        )
    ids = (written.id, written.version_id)
    add_dataset_facets(connection, dataset, ids, occasion.run, now, is_input=occasion.is_input)
    return written


def _upsert(connection: Connection, dataset: Dataset, tidy: str, source: str, now: datetime) -> Row:
    name = (dataset.namespace, dataset.name)
    found = fetch_one(connection, _NAME, *name, uuid4(), *name)
    identifier = found["dataset_id"] if found else None
    _write_symlinks(connection, dataset, identifier, now)
    row = fetch_one(
        connection,
        _UPSERT,
        identifier,
        tidy,
        dataset.name,
        dataset.name,
        source,
        dataset.facet("documentation").get("description"),
        dataset.lifecycle_state.upper() == "DROP",
        now,
        now,
    )
    if row is None:
        raise LookupError(dataset.name)
    return row


def _write_symlinks(
    connection: Connection, dataset: Dataset, identifier: UUID | None, now: datetime
) -> None:
    facet = dataset.facet("symlinks")
    if facet and "identifiers" not in facet:
        raise refused(500, "a symlinks facet needs identifiers")
    for link in facet.get("identifiers", ()):
        ensure_namespaces(connection, (link["namespace"],), now)
        connection.execute(
            "INSERT INTO dataset_names (namespace, name, dataset_id, is_primary, type)"
            " VALUES (%s, %s, %s, false, %s) ON CONFLICT DO NOTHING",
            (link["namespace"], link["name"], identifier, link.get("type")),
        )


def _write_fields(
    connection: Connection, dataset_id: UUID, fields: list[dict[str, str | None]]
) -> list[Row]:
    if not fields:
        return []
    # One statement may not touch a row twice: of two alike fields the last one counts.
    last = {
        (field["name"], field.get("type") or index): field for index, field in enumerate(fields)
    }.values()
    return fetch_all(
        connection,
        _FIELDS,
        dataset_id,
        [uuid4() for _ in last],
        [field["name"] for field in last],
        [field.get("type") for field in last],
        [field.get("description") for field in last],
    )


def _version(
    connection: Connection, dataset: Dataset, row: Row, source: str, occasion: Occasion
) -> WrittenDataset:
    """The version that was read (the current one, if there is one), or a new one."""
    if occasion.is_input and row["current_version"]:
        query = "SELECT id, namespace, name FROM dataset_versions WHERE id = %s"
        found = fetch_one(connection, query, row["current_version"])
    else:
        found = fetch_one(connection, _VERSION, *_version_values(dataset, row, source, occasion))
    if found is None:
        raise LookupError(dataset.name)
    return WrittenDataset(row["id"], found["id"], (found["namespace"], found["name"]))


def _version_values(
    dataset: Dataset, row: Row, source: str, occasion: Occasion
) -> tuple[object, ...]:
    # The source is the one that this event names: the dataset keeps its first one.
    version = identity.dataset_version(
        (dataset.namespace, dataset.name),
        source=source,
        fields=dataset.fields,
        lifecycle_state=dataset.lifecycle_state,
        run=occasion.run,
    )
    columns = [(str(field["name"]), field.get("type")) for field in dataset.fields]
    schema = identity.schema_version((row["namespace"], row["name"]), columns)
    return (
        uuid4(),
        version,
        row["id"],
        schema,
        None if occasion.is_input else occasion.run,
        _fields_json(dataset),
        dataset.namespace,
        dataset.name,
        dataset.lifecycle_state,
        occasion.now,
    )


def _fields_json(dataset: Dataset) -> str | None:
    if "fields" not in dataset.facet("schema"):
        return None
    shown: list[dict[str, object]] = [
        {
            "name": checked_name(str(field["name"])),
            "type": field.get("type"),
            "tags": [],
            "description": field.get("description"),
        }
        for field in dataset.fields
    ]
    return json_text(shown)


def _link_fields(connection: Connection, version_id: UUID, fields: list[UUID]) -> None:
    if fields:
        connection.execute(
            "INSERT INTO dataset_version_fields (version_id, field_id)"
            " SELECT %s, field FROM unnest(%s::uuid[]) AS field ON CONFLICT DO NOTHING",
            (version_id, fields),
        )


def _note_reading(connection: Connection, row: Row, version_id: UUID, occasion: Occasion) -> None:
    connection.execute(
        "INSERT INTO run_inputs (run_id, version_id) VALUES (%s, %s) ON CONFLICT DO NOTHING",
        (occasion.run, version_id),
    )
    if row["current_version"] is None:
        make_current(connection, row["id"], version_id, occasion.now)


def make_current(
    connection: Connection, dataset_id: UUID, version_id: UUID, now: datetime | None
) -> None:
    """Let a version be what readers of the dataset get (now: None for the clock's time)."""
    connection.execute(
        "UPDATE datasets SET current_version = %s, updated_at = coalesce(%s, clock_timestamp())"
        " WHERE id = %s",
        (version_id, now, dataset_id),
    )


def publish_outputs(connection: Connection, run: UUID) -> None:
    """Let all that a run wrote be current: of two versions of a dataset, the later one."""
    connection.execute(
        "UPDATE datasets d SET current_version = v.id, updated_at = clock_timestamp()"
        " FROM (SELECT DISTINCT ON (dataset_id) dataset_id, id FROM dataset_versions"
        "       WHERE run_id = %s ORDER BY dataset_id, touched DESC) v"
        " WHERE d.id = v.dataset_id",
        (run,),
    )


def _source(facet: Facets) -> str:
    """Where the dataset lives; the real server refuses a source without a name."""
    if not facet:
        return _DEFAULT_SOURCE
    if facet.get("name") is None:
        raise refused(500, "a dataSource facet needs a name")
    return str(facet["name"])


# Columns -----------------------------------------------------------------------

_FIELDS_READ = """
SELECT d.namespace, d.name, f.name AS field, v.id AS version_id, f.id AS field_id
FROM run_inputs i
JOIN dataset_versions v ON v.id = i.version_id
JOIN dataset_version_fields m ON m.version_id = v.id
JOIN dataset_fields f ON f.id = m.field_id
JOIN visible_datasets d ON d.id = v.dataset_id
WHERE i.run_id = %s
"""

_UPSERT_COLUMN = """
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
        named = set(map(_named_field, column.get("inputFields", ({},))))
        used = [(version, field) for key, version, field in fields_read if key in named]
        _upsert_column(connection, (version_id, own_fields[name]), used, column, now)


def _named_field(part: Mapping[str, str]) -> tuple[str, str, str]:
    try:
        return part["namespace"], part["name"], part["field"]
    except KeyError as problem:
        message = "a column's inputFields need namespace, name and field"
        raise refused(500, message) from problem


def _upsert_column(
    connection: Connection,
    output: tuple[UUID, UUID],
    used: list[tuple[UUID, UUID]],
    column: dict[str, Any],
    now: datetime,
) -> None:
    if used:
        versions, fields = (list(part) for part in zip(*sorted(set(used)), strict=True))
        kind = (column.get("transformationDescription"), column.get("transformationType"))
        connection.execute(_UPSERT_COLUMN.encode(), (*output, *kind, now, now, versions, fields))


# Facets ------------------------------------------------------------------------

_KINDS = dict.fromkeys(
    (
        "documentation",
        "description",
        "schema",
        "datasource",
        "lifecyclestatechange",
        "version",
        "columnlineage",
        "ownership",
    ),
    "DATASET",
) | {
    "dataqualitymetrics": "INPUT",
    "dataqualityassertions": "INPUT",
    "outputstatistics": "OUTPUT",
}


def add_dataset_facets(
    connection: Connection,
    dataset: Dataset,
    ids: tuple[UUID, UUID],
    run: UUID | None,
    now: datetime,
    *,
    is_input: bool,
) -> None:
    """Add what an event says of a dataset.

    Args:
        connection: The event's transaction.
        dataset: The dataset as the event names it.
        ids: The dataset's id, and that of the version that was read or written.
        run: The run, if there is one.
        now: The event's time.
        is_input: Whether the input facets count, or the output facets.
    """
    direction = "INPUT" if is_input else "OUTPUT"
    of_use = dataset.input_facets if is_input else dataset.output_facets
    rows = [
        (_KINDS.get(name.lower(), "UNKNOWN"), name, json_text(facet))
        for name, facet in (dataset.facets or {}).items()
    ] + [(direction, name, json_text(facet)) for name, facet in (of_use or {}).items()]
    if rows:
        _insert_dataset_facets(connection, ids, run, now, rows)


def _insert_dataset_facets(
    connection: Connection,
    ids: tuple[UUID, UUID],
    run: UUID | None,
    now: datetime,
    rows: Sequence[tuple[str, str, str]],
) -> None:
    kinds, names, bodies = (list(column) for column in zip(*rows, strict=True))
    connection.execute(
        "INSERT INTO dataset_facets (dataset_id, version_id, run_id, event_time, kind, name, body)"
        " SELECT %s, %s, %s, %s, f.kind, f.name, f.body::jsonb"
        " FROM unnest(%s::text[], %s::text[], %s::text[]) AS f (kind, name, body)",
        (*ids, run, now, kinds, names, bodies),
    )
