"""Namespaces: who owns them, and whether they are hidden."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from marquez_standin.errors import not_found
from marquez_standin.store import fetch_all, fetch_one
from marquez_standin.times import instant_text

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from marquez_standin.store import Connection, Row

ANONYMOUS = "anonymous"
_DEFAULT = (
    "default",
    ANONYMOUS,
    (
        "The default global namespace for dataset, job, and run metadata "
        "not belonging to a user-specified namespace."
    ),
)


def create_default(connection: Connection) -> None:
    """Make the namespace that is always there."""
    connection.execute(
        "INSERT INTO namespaces (name, owner, description, created_at, updated_at)"
        " VALUES (%s, %s, %s, now(), now()) ON CONFLICT DO NOTHING",
        _DEFAULT,
    )


def ensure(connection: Connection, names: Iterable[str], now: datetime) -> None:
    """Make the namespaces that are missing, and show those that were hidden."""
    connection.execute(
        "INSERT INTO namespaces (name, owner, created_at, updated_at)"
        " SELECT name, %s, %s, %s FROM unnest(%s::text[]) AS name"
        " ON CONFLICT (name) DO UPDATE SET hidden = false WHERE namespaces.hidden",
        (ANONYMOUS, now, now, sorted(set(names))),
    )


def exists(connection: Connection, name: str) -> bool:
    """Whether the namespace is known, hidden or not."""
    return fetch_one(connection, "SELECT 1 FROM namespaces WHERE name = %s", name) is not None


def require(connection: Connection, name: str) -> None:
    """Raise 404 unless the namespace is known."""
    if not exists(connection, name):
        raise not_found("Namespace", name)


def find(connection: Connection, name: str) -> dict[str, Any]:
    """A namespace as answers show it.

    Raises:
        ApiError: 404 if it is unknown.
    """
    row = fetch_one(connection, "SELECT * FROM namespaces WHERE name = %s", name)
    if row is None:
        raise not_found("Namespace", name)
    return _shown(row)


def page(connection: Connection, limit: int, offset: int) -> dict[str, Any]:
    """A page of all namespaces, hidden ones too, by name."""
    rows = fetch_all(
        connection, "SELECT * FROM namespaces ORDER BY name LIMIT %s OFFSET %s", limit, offset
    )
    return {"namespaces": [_shown(row) for row in rows]}


def put(connection: Connection, name: str, owner: str, description: str | None) -> dict[str, Any]:
    """Make a namespace, or change its owner; an existing one keeps its description."""
    touched = "updated_at = now(), hidden = false" if description is not None else "hidden = false"
    query = (
        "INSERT INTO namespaces (name, owner, description, created_at, updated_at)"
        f" VALUES (%s, %s, %s, now(), now()) ON CONFLICT (name) DO UPDATE SET {touched}"
    )
    connection.execute(query.encode(), (name, owner, description))
    connection.execute(
        "UPDATE namespaces SET owner = %s, updated_at = now()"
        " WHERE name = %s AND lower(owner) <> lower(%s)",
        (owner, name, owner),
    )
    return find(connection, name)


def hide(connection: Connection, name: str) -> dict[str, Any]:
    """Hide a namespace with its jobs and datasets; the answer shows it as it was.

    Raises:
        ApiError: 404 if it is unknown.
    """
    before = find(connection, name)
    connection.execute("UPDATE datasets SET hidden = true WHERE namespace = %s", (name,))
    connection.execute("UPDATE jobs SET hidden = true WHERE namespace = %s", (name,))
    connection.execute("UPDATE namespaces SET hidden = true WHERE name = %s", (name,))
    return before


def _shown(row: Row) -> dict[str, Any]:
    return {
        "name": row["name"],
        "createdAt": instant_text(row["created_at"]),
        "updatedAt": instant_text(row["updated_at"]),
        "ownerName": row["owner"],
        "description": row["description"],
        "isHidden": row["hidden"],
    }
