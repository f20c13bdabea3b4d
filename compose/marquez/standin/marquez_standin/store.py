"""The database: its connections, its schema, and the wait for it at start."""

from __future__ import annotations

import json
from importlib import resources
from typing import TYPE_CHECKING, Any, TypeAlias, cast

import psycopg
from psycopg.rows import dict_row
from psycopg_pool import ConnectionPool

if TYPE_CHECKING:
    from marquez_standin.settings import Settings

Row: TypeAlias = dict[str, Any]
Connection: TypeAlias = psycopg.Connection[Row]
Pool: TypeAlias = "ConnectionPool[Connection]"

# Any number will do, as long as every stand-in on one database uses the same one.
WRITE_LOCK = 20_260_101


def open_pool(settings: Settings) -> Pool:
    """Connect, waiting for the database up to its deadline, and bring the schema up to date.

    Args:
        settings: Where the database is, and how long to wait for it (seconds).

    Returns:
        A pool with one connection for each web thread, so that no thread waits for another's.

    Raises:
        psycopg_pool.PoolTimeout: If the database does not answer before the deadline.
    """
    pool = cast("Pool", _make_pool(settings))
    pool.open()
    pool.wait(timeout=settings.database_deadline)
    with pool.connection() as connection:
        apply_schema(connection)
    return pool


def _make_pool(settings: Settings) -> object:
    return ConnectionPool(
        kwargs=_connection_arguments(settings),
        min_size=settings.threads + 1,
        max_size=settings.threads + 1,
        open=False,
        reconnect_timeout=settings.database_deadline,
    )


def _connection_arguments(settings: Settings) -> dict[str, object]:
    return {
        "host": settings.database_host,
        "port": settings.database_port,
        "dbname": settings.database_name,
        "user": settings.database_user,
        "password": settings.database_password,
        "application_name": "marquez-stand-in",
        "client_encoding": "UTF8",
        "options": "-c timezone=UTC",
        "row_factory": dict_row,
    }


def apply_schema(connection: Connection) -> None:
    """Create what is missing of the tables; one transaction, safe to run again."""
    connection.execute("SELECT pg_advisory_xact_lock(%s)", (WRITE_LOCK,))
    script = resources.files("marquez_standin").joinpath("schema.sql").read_bytes()
    connection.execute(script)


def lock_for_writing(connection: Connection) -> None:
    """Let one event be written at a time, until the transaction ends.

    Events share rows (namespaces, sources, datasets) and touch them in the order of
    their own lists: without the lock two of them can wait for each other.
    """
    connection.execute("SELECT pg_advisory_xact_lock(%s)", (WRITE_LOCK,))


def fetch_all(connection: Connection, query: str, *parameters: object) -> list[Row]:
    """Rows of a query whose text is a constant of this package."""
    return connection.execute(query.encode(), parameters).fetchall()


def fetch_one(connection: Connection, query: str, *parameters: object) -> Row | None:
    """The first row of a query whose text is a constant of this package, or None."""
    return connection.execute(query.encode(), parameters).fetchone()


def fetch_count(connection: Connection, query: str, *parameters: object) -> int:
    """What a query counts: its one row has the number as `n`."""
    row = fetch_one(connection, query, *parameters)
    return int(row["n"]) if row else 0


def json_text(value: Any) -> str:
    """JSON for a jsonb parameter; unescaped, which every encoding of a database can take."""
    return json.dumps(value, ensure_ascii=False)
