"""The list of the events that were sent."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from marquez_standin.event import printed
from marquez_standin.store import fetch_all, fetch_count

if TYPE_CHECKING:
    from datetime import datetime

    from marquez_standin.store import Connection

_BETWEEN = "event_time < %s AND event_time >= %s"


def page(
    connection: Connection,
    between: tuple[datetime, datetime],
    limit: int,
    offset: int,
    *,
    newest_first: bool,
) -> dict[str, Any]:
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
    count = fetch_count(
        connection, f"SELECT count(*) AS n FROM events WHERE {_BETWEEN}", before, after
    )
    return {
        "totalCount": count,
        "events": [printed("RUN", row["body"]) for row in rows],
    }
