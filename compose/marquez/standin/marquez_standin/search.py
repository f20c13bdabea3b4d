"""Finding jobs and datasets by a part of their names."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from marquez_standin.store import fetch_all
from marquez_standin.times import instant_text

if TYPE_CHECKING:
    from marquez_standin.store import Connection, Row

_QUERY = """
SELECT type, namespace, name, updated_at FROM (
  SELECT 'DATASET' AS type, namespace, name, updated_at FROM visible_datasets
  UNION ALL
  SELECT 'JOB', namespace, name, updated_at FROM jobs WHERE NOT hidden
) AS found
WHERE name ILIKE '%%' || %s || '%%' AND (%s::text IS NULL OR type = %s)
  AND (%s::text IS NULL OR namespace = %s)
  AND (%s::date IS NULL OR updated_at < %s::date) AND (%s::date IS NULL OR updated_at > %s::date)
ORDER BY type, name, updated_at, namespace
LIMIT %s
"""


def find(
    connection: Connection,
    text: str,
    *,
    kind: str | None,
    namespace: str | None,
    dates: tuple[str | None, str | None],
    limit: int,
) -> dict[str, Any]:
    """Jobs and datasets whose names hold a text, in any case.

    Args:
        connection: A connection.
        text: The part of the name; `%` and `_` stand for anything, as in SQL.
        kind: `JOB` or `DATASET`, or None for both.
        namespace: Only this namespace, or None for all.
        dates: Changed before the first, after the second (YYYY-MM-DD, or None).
        limit: The most results.
    """
    before, after = dates
    rows = fetch_all(
        connection,
        _QUERY,
        text,
        kind,
        kind,
        namespace,
        namespace,
        before,
        before,
        after,
        after,
        limit,
    )
    results = [_shown(row) for row in rows]
    return {"totalCount": len(results), "results": results}


def _shown(row: Row) -> dict[str, Any]:
    return {
        "type": row["type"],
        "name": row["name"],
        "updatedAt": instant_text(row["updated_at"]),
        "namespace": row["namespace"],
        "nodeId": f"{row['type'].lower()}:{row['namespace']}:{row['name']}",
    }
