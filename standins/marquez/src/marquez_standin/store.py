"""What the environment says, and the database: connections, schema, the wait for it at start."""

from __future__ import annotations

import json
from dataclasses import dataclass
from importlib import resources
from typing import TYPE_CHECKING, Any, TypeAlias, cast

import psycopg
from psycopg.rows import dict_row
from psycopg_pool import ConnectionPool

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime


Row: TypeAlias = dict[str, Any]
Connection: TypeAlias = psycopg.Connection[Row]
Pool: TypeAlias = "ConnectionPool[Connection]"

# Any number will do, as long as every stand-in on one database uses the same one.
WRITE_LOCK = 20_260_101
_ANONYMOUS = "anonymous"
_OF_DEFAULT = (
    "The default global namespace for dataset, job, and run metadata "
    "not belonging to a user-specified namespace."
)


@dataclass(frozen=True, slots=True)
class Settings:
    """Where to listen and which database to use; ports are TCP ports, times are seconds."""

    database_host: str
    database_port: int
    database_name: str
    database_user: str
    database_password: str
    api_port: int
    admin_port: int
    database_deadline: float
    threads: int


def from_environment(environment: Mapping[str, str]) -> Settings:
    """Read the settings.

    Args:
        environment: The process environment, or a stand-in for it in tests.

    Returns:
        The settings, with the upstream image's defaults for what is unset.

    Raises:
        ValueError: If a port, a deadline or a number of threads is no number.
    """
    return Settings(
        database_host=environment.get("POSTGRES_HOST", "localhost"),
        database_port=int(environment.get("POSTGRES_PORT", "5432")),
        database_name=environment.get("POSTGRES_DB", "marquez"),
        database_user=environment.get("POSTGRES_USER", "marquez"),
        database_password=environment.get("POSTGRES_PASSWORD", "marquez"),
        api_port=int(environment.get("MARQUEZ_PORT", "5000")),
        admin_port=int(environment.get("MARQUEZ_ADMIN_PORT", "5001")),
        database_deadline=float(environment.get("STANDIN_DATABASE_DEADLINE", "60")),
        threads=int(environment.get("STANDIN_THREADS", "8")),
    )


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


def create_default_namespace(connection: Connection) -> None:
    """Make the namespace that is always there."""
    connection.execute(
        "INSERT INTO namespaces (name, owner, description, created_at, updated_at)"
        " VALUES ('default', %s, %s, now(), now()) ON CONFLICT DO NOTHING",
        (_ANONYMOUS, _OF_DEFAULT),
    )


def ensure_namespaces(connection: Connection, names: Iterable[str], now: datetime) -> None:
    """Make the namespaces that are missing, and show those that were hidden."""
    connection.execute(
        "INSERT INTO namespaces (name, owner, created_at, updated_at)"
        " SELECT name, %s, %s, %s FROM unnest(%s::text[]) AS name"
        " ON CONFLICT (name) DO UPDATE SET hidden = false WHERE namespaces.hidden",
        (_ANONYMOUS, now, now, sorted(set(names))),
    )
