"""Tags, and what carries them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

from marquez_standin.store import fetch_all, fetch_one

if TYPE_CHECKING:
    from collections.abc import Callable

    from marquez_standin.store import Connection

_AT_START = {
    "PII": "Personally identifiable information",
    "SENSITIVE": "Contains sensitive information",
}
_JOB = "SELECT id FROM jobs WHERE namespace = %s AND simple_name = %s"
_DATASET = "SELECT id FROM datasets WHERE namespace = %s AND name = %s"
_FIELD = f"SELECT f.id FROM dataset_fields f WHERE f.dataset_id IN ({_DATASET}) AND f.name = %s"
_CARRIERS = {
    "job": ("job_tags", "job_id", _JOB),
    "dataset": ("dataset_tags", "dataset_id", _DATASET),
    "field": ("field_tags", "field_id", _FIELD),
}

Change: TypeAlias = "Callable[[Connection, str, tuple[str, ...], str], None]"
"""`attach` or `detach`."""


def create_defaults(connection: Connection) -> None:
    """Make the tags that the real server is configured with."""
    for name, description in _AT_START.items():
        put(connection, name, description)


def put(connection: Connection, name: str, description: str | None) -> dict[str, Any]:
    """Make a tag or change its description."""
    connection.execute(
        "INSERT INTO tags (name, description) VALUES (%s, %s)"
        " ON CONFLICT (name) DO UPDATE SET"
        " description = coalesce(excluded.description, tags.description)",
        (name, description),
    )
    row = fetch_one(connection, "SELECT name, description FROM tags WHERE name = %s", name)
    return dict(row or {})


def page(connection: Connection, limit: int, offset: int) -> dict[str, Any]:
    """A page of all tags, by name."""
    query = "SELECT name, description FROM tags ORDER BY name LIMIT %s OFFSET %s"
    return {"tags": fetch_all(connection, query, limit, offset)}


def attach(connection: Connection, kind: str, names: tuple[str, ...], tag: str) -> None:
    """Tag a `job`, a `dataset` or a `field`; the tag is made if need be."""
    put(connection, tag, None)
    table, column, find = _CARRIERS[kind]
    query = (
        f"INSERT INTO {table} ({column}, tag)"
        f" SELECT found.id, %s FROM ({find}) AS found ON CONFLICT DO NOTHING"
    )
    connection.execute(query.encode(), (tag, *names))
    if kind == "field":
        _copy_to_version(connection, names, tag)


def detach(connection: Connection, kind: str, names: tuple[str, ...], tag: str) -> None:
    """Take a tag off again."""
    table, column, find = _CARRIERS[kind]
    query = f"DELETE FROM {table} WHERE tag = %s AND {column} IN ({find})"
    connection.execute(query.encode(), (tag, *names))
    if kind == "field":
        namespace, dataset, field = names
        connection.execute(
            "UPDATE dataset_versions SET fields = (SELECT jsonb_agg(CASE"
            " WHEN part ->> 'name' = %s THEN jsonb_set(part, '{tags}', (part -> 'tags') - %s)"
            " ELSE part END) FROM jsonb_array_elements(fields) AS part)"
            " WHERE namespace = %s AND name = %s AND jsonb_array_length(fields) > 0",
            (field, tag, namespace, dataset),
        )


def _copy_to_version(connection: Connection, names: tuple[str, ...], tag: str) -> None:
    """The fields that the dataset's current version lists carry the tag, too."""
    namespace, dataset, field = names
    connection.execute(
        "UPDATE dataset_versions SET fields = (SELECT jsonb_agg(CASE"
        " WHEN lower(part ->> 'name') = lower(%s) AND NOT (part -> 'tags') @> to_jsonb(%s::text)"
        " THEN jsonb_set(part, '{tags}', (part -> 'tags') || to_jsonb(%s::text))"
        " ELSE part END) FROM jsonb_array_elements(fields) AS part)"
        " WHERE jsonb_array_length(fields) > 0 AND id IN"
        " (SELECT current_version FROM datasets WHERE namespace = %s AND name = %s)",
        (field, tag, tag, namespace, dataset),
    )
