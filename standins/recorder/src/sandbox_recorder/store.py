"""What was received, in SQLite: on disk, so that memory does not grow with it."""

from __future__ import annotations

import sqlite3
import threading
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass
from importlib import resources
from typing import TYPE_CHECKING, Any
from zlib import crc32

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    from sandbox_recorder.decoders.found import Found

_CACHE_KIB = 8 * 1024
# Rows are dropped in slices, as counting and dropping for each request would cost more than
# the request.
_SLICE = 0.05
_PAGE = 500  # rows read at once


@dataclass(frozen=True, slots=True)
class Entry:
    """A request as it is kept: no body, and of its credential only a mask.

    `outcome` is accepted, refused, or ignored (answered, and something in it not kept).
    """

    at: str
    method: str
    path: str
    status: int
    content_type: str
    encoding: str
    bytes: int
    credential: str | None
    signal: str | None
    items: int
    reason: str | None
    outcome: str


@dataclass(frozen=True, slots=True)
class Kept:
    """What a decoder packed, with the decoder's name."""

    decoder: str
    packed: bytes


class Store:
    """Requests, and what was decoded from them; the oldest go when there are too many."""

    def __init__(self, connection: sqlite3.Connection, most_items: int, most_requests: int) -> None:
        self._connection = connection
        self._limits = {"items": most_items, "requests": most_requests}
        self._lock = threading.Lock()

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        with self._lock, self._connection as connection:
            yield connection

    def add(self, entry: Entry, found: Sequence[Found], decoder: str = "") -> None:
        """Keep a request and what it held, both or neither.

        Args:
            entry: The request.
            found: What it held, of the entry's signal.
            decoder: The name of the decoder that found it.
        """
        with self._transaction() as connection:
            request = connection.execute(_INSERT_REQUEST, asdict(entry)).lastrowid
            first = _highest(connection, "items") + 1
            rows = [
                (first + place, request, entry.signal, decoder, one.packed)
                for place, one in enumerate(found)
            ]
            connection.executemany("INSERT INTO items VALUES (?, ?, ?, ?, ?)", rows)
            connection.executemany("INSERT OR IGNORE INTO keys VALUES (?, ?)", _keys(first, found))
            _count(connection, "requests", 1)
            _count(connection, entry.outcome, 1)
            if rows:
                _count(connection, f"items.{entry.signal}", len(rows))
            self._drop_oldest(connection)

    def _drop_oldest(self, connection: sqlite3.Connection) -> None:
        for table, limit in self._limits.items():
            ((lowest,),) = connection.execute(_LOWEST[table])
            highest = _highest(connection, table)
            if highest - (lowest or 1) >= limit * (1 + _SLICE):
                _drop(connection, table, highest - limit)

    def find(self, signal: str, key: str) -> Iterator[Kept]:
        """What is known by a key, in the order in which it came, one slice after the other."""
        after = 0
        while True:
            with self._lock:
                rows = self._connection.execute(_FIND, (key, signal, after, _PAGE)).fetchall()
            for _, decoder, packed in rows:
                yield Kept(decoder, packed)
            if len(rows) < _PAGE:
                return
            after = rows[-1][0]

    def requests(self, limit: int) -> list[dict[str, Any]]:
        """The newest requests, newest last."""
        with self._lock, closing(self._connection.execute(_NEWEST, (limit,))) as cursor:
            names = [column[0] for column in cursor.description]
            return [dict(zip(names, row, strict=True)) for row in cursor][::-1]

    def counts(self) -> dict[str, int]:
        """How many there were of each, since the beginning or the last `clear`."""
        with self._lock:
            return dict(self._connection.execute("SELECT name, count FROM counts").fetchall())

    def clear(self) -> None:
        """Forget everything."""
        with self._transaction() as connection:
            for table in ("keys", "items", "requests", "counts"):
                connection.execute(f"DELETE FROM {table}")

    def close(self) -> None:
        """Close the database."""
        self._connection.close()


def open_store(path: Path, most_items: int, most_requests: int) -> Store:
    """Open the database, and make it if it is not there.

    Args:
        path: The file.
        most_items: Rows of spans, points, records and events that are kept.
        most_requests: Rows of requests that are kept.

    Raises:
        sqlite3.Error: If it cannot be opened.
    """
    connection = sqlite3.connect(path, check_same_thread=False)
    connection.execute("PRAGMA journal_mode = WAL")
    # A process that is killed loses nothing; only a machine that loses its power does.
    connection.execute("PRAGMA synchronous = OFF")
    connection.execute("PRAGMA temp_store = MEMORY")
    connection.execute(f"PRAGMA cache_size = -{_CACHE_KIB}")
    _make_tables(connection)
    return Store(connection, most_items, most_requests)


def _make_tables(connection: sqlite3.Connection) -> None:
    """Make the tables; those of another version go first: what was recorded is worth no migration."""
    script = resources.files("sandbox_recorder").joinpath("schema.sql").read_text("utf-8")
    version = crc32(script.encode()) & _LARGEST_VERSION
    ((found,),) = connection.execute("PRAGMA user_version")
    if found != version:
        for (table,) in connection.execute(_TABLES).fetchall():
            connection.execute(f"DROP TABLE {table}")
    connection.executescript(script)
    connection.execute(f"PRAGMA user_version = {version}")


def _keys(first: int, found: Iterable[Found]) -> Iterator[tuple[int, str]]:
    for place, one in enumerate(found):
        for key in one.keys:
            yield first + place, _storable(key)


def _storable(key: str) -> str:
    """Text without the halves of characters that JSON can hold and a database cannot."""
    return key.encode("utf-8", "replace").decode()


def _highest(connection: sqlite3.Connection, table: str) -> int:
    ((highest,),) = connection.execute(_HIGHEST[table])
    return int(highest or 0)


def _count(connection: sqlite3.Connection, name: str, more: int) -> None:
    connection.execute(_COUNT, (name, more))


def _drop(connection: sqlite3.Connection, table: str, last: int) -> None:
    if table == "requests":
        dropped = connection.execute("DELETE FROM requests WHERE number <= ?", (last,)).rowcount
        _count(connection, "dropped.requests", dropped)
        return
    for signal, count in connection.execute(_SIGNALS_UP_TO, (last,)).fetchall():
        _count(connection, f"dropped.{signal}", count)
    connection.execute("DELETE FROM items WHERE id <= ?", (last,))
    connection.execute("DELETE FROM keys WHERE item <= ?", (last,))


_LARGEST_VERSION = 2**31 - 1
_TABLES = "SELECT name FROM sqlite_master WHERE type = 'table'"
_INSERT_REQUEST = """
INSERT INTO requests (at, method, path, status, content_type, encoding, bytes, credential,
                      signal, items, reason, outcome)
VALUES (:at, :method, :path, :status, :content_type, :encoding, :bytes, :credential,
        :signal, :items, :reason, :outcome)
"""
_FIND = """
SELECT id, decoder, packed FROM keys JOIN items ON items.id = keys.item
WHERE key = ? AND signal = ? AND item > ? ORDER BY item LIMIT ?
"""
_NEWEST = "SELECT * FROM requests ORDER BY number DESC LIMIT ?"
_HIGHEST = {
    "items": "SELECT max(id) FROM items",
    "requests": "SELECT max(number) FROM requests",
}
_LOWEST = {
    "items": "SELECT min(id) FROM items",
    "requests": "SELECT min(number) FROM requests",
}
_COUNT = """
INSERT INTO counts VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET count = count + excluded.count
"""
_SIGNALS_UP_TO = "SELECT signal, count(*) FROM items WHERE id <= ? GROUP BY signal"
