"""Sources: where datasets live."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from marquez_standin.errors import BareError, logged_fault, not_found
from marquez_standin.store import fetch_all, fetch_one
from marquez_standin.times import instant_text

if TYPE_CHECKING:
    from datetime import datetime

    from marquez_standin.event import Facets
    from marquez_standin.store import Connection, Row

_DEFAULT = "default"
_TYPE = "POSTGRESQL"


def ensure(connection: Connection, facet: Facets, now: datetime) -> str:
    """Make or change the source that a dataset names; the default one if it names none.

    Returns:
        The source's name.

    Raises:
        BareError: 500 if the facet has no name.
    """
    if not facet:
        _upsert(connection, _DEFAULT, "", now, "updated_at = excluded.updated_at")
        return _DEFAULT
    name = facet.get("name")
    if name is None:
        raise BareError(500)
    changes = "type = excluded.type, updated_at = excluded.updated_at,"
    changes += " connection_url = excluded.connection_url"
    _upsert(connection, str(name), str(facet.get("uri") or ""), now, changes)
    return str(name)


def _upsert(connection: Connection, name: str, url: str, now: datetime, changes: str) -> None:
    query = (
        "INSERT INTO sources (name, type, connection_url, created_at, updated_at)"
        f" VALUES (%s, %s, %s, %s, %s) ON CONFLICT (name) DO UPDATE SET {changes}"
    )
    connection.execute(query.encode(), (name, _TYPE, url, now, now))


def put(connection: Connection, name: str, meta: dict[str, Any]) -> dict[str, Any]:
    """Make or change a source by hand."""
    connection.execute(
        "INSERT INTO sources (name, type, connection_url, description, created_at, updated_at)"
        " VALUES (%s, %s, %s, %s, now(), now()) ON CONFLICT (name) DO UPDATE SET"
        " type = excluded.type, connection_url = excluded.connection_url,"
        " description = excluded.description, updated_at = excluded.updated_at",
        (name, meta["type"], meta["connectionUrl"], meta.get("description")),
    )
    return find(connection, name)


def find(connection: Connection, name: str) -> dict[str, Any]:
    """A source as answers show it.

    Raises:
        ApiError: 404 if it is unknown.
    """
    row = fetch_one(connection, "SELECT * FROM sources WHERE name = %s", name)
    if row is None:
        raise not_found("Source", name)
    return _shown(row)


def page(connection: Connection, limit: int, offset: int) -> dict[str, Any]:
    """A page of all sources, by name."""
    rows = fetch_all(
        connection, "SELECT * FROM sources ORDER BY name LIMIT %s OFFSET %s", limit, offset
    )
    return {"sources": [_shown(row) for row in rows]}


def _shown(row: Row) -> dict[str, Any]:
    """A source as answers show it; like the real server, none without a URL."""
    if not row["connection_url"]:
        raise logged_fault()
    return {
        "type": row["type"],
        "name": row["name"],
        "createdAt": instant_text(row["created_at"]),
        "updatedAt": instant_text(row["updated_at"]),
        "connectionUrl": row["connection_url"],
        "description": row["description"],
    }
