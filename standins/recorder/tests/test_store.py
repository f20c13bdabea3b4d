"""The store keeps what it is given up to a limit, over restarts, whoever writes."""

from __future__ import annotations

import sqlite3
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import TYPE_CHECKING

import pytest
from sandbox_recorder.decoders.found import Found
from sandbox_recorder.store import Entry, Store, open_store

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

ENTRY = Entry(
    at="2026-01-01T00:00:00Z",
    method="POST",
    path="/",
    status=200,
    content_type="",
    encoding="identity",
    bytes=0,
    credential=None,
    signal="traces",
    items=0,
    reason=None,
    outcome="accepted",
)


def found(*numbers: int) -> list[Found]:
    return [Found((f"k{number}", "all"), str(number).encode()) for number in numbers]


def known(store: Store, key: str = "all") -> list[int]:
    return [int(kept.packed) for kept in store.find("traces", key)]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "received.sqlite"


@pytest.fixture
def store(path: Path) -> Iterator[Store]:
    with closing(open_store(path, 100, 100)) as opened:
        yield opened


def test_the_oldest_go_when_there_are_too_many(store: Store) -> None:
    for start in range(0, 1000, 10):
        store.add(ENTRY, found(*range(start, start + 10)), "d")
        kept = known(store)
        assert kept == list(range(start + 10 - len(kept), start + 10))
        assert min(100, start + 10) <= len(kept) <= 105
    assert known(store, "k5") == []
    assert known(store, "k999") == [999]
    counts = store.counts()
    assert counts["items.traces"] == 1000
    assert counts["dropped.traces"] == 1000 - len(known(store))


def test_keys_go_with_what_they_are_of(store: Store, path: Path) -> None:
    for start in range(0, 1000, 10):
        store.add(ENTRY, found(*range(start, start + 10)), "d")
    with closing(sqlite3.connect(path)) as reader:
        [(keys,)] = reader.execute("SELECT count(*) FROM keys").fetchall()
    assert keys == 2 * len(known(store))


def test_requests_have_a_limit_of_their_own(store: Store) -> None:
    for _ in range(300):
        store.add(ENTRY, ())
    kept = store.requests(1000)
    assert 100 <= len(kept) <= 105
    assert kept[-1]["number"] == 300
    assert store.counts()["requests"] == 300
    assert store.counts()["dropped.requests"] == 300 - len(kept)


def test_one_request_may_hold_more_than_is_kept(store: Store) -> None:
    store.add(ENTRY, found(*range(500)), "d")
    assert known(store) == list(range(400, 500))


def test_more_than_a_page_is_found_in_order(path: Path) -> None:
    with closing(open_store(path, 10_000, 100)) as store:
        store.add(ENTRY, found(*range(1700)), "d")
        assert known(store) == list(range(1700))


def test_it_is_there_after_a_restart(path: Path) -> None:
    for number in range(3):
        with closing(open_store(path, 100, 100)) as store:
            assert known(store) == list(range(number))
            store.add(ENTRY, found(number), "d")
            assert store.counts()["requests"] == number + 1


def test_several_threads_lose_nothing(path: Path) -> None:
    with closing(open_store(path, 10_000, 10_000)) as store:

        def write(number: int) -> None:
            store.add(ENTRY, found(*range(number * 10, number * 10 + 10)), "d")
            assert len(known(store, f"k{number * 10}")) == 1

        with ThreadPoolExecutor(8) as pool:
            list(pool.map(write, range(200)))
        assert sorted(known(store)) == list(range(2000))
        assert store.counts()["items.traces"] == 2000


def test_a_request_is_kept_with_all_of_it_or_not_at_all(store: Store) -> None:
    unwritable = Found(("k",), None)  # type: ignore[arg-type]
    with pytest.raises(sqlite3.IntegrityError):
        store.add(ENTRY, [*found(1), unwritable], "d")
    assert known(store) == []
    assert store.counts() == {}
    assert store.requests(10) == []


def test_a_volume_of_another_version_is_begun_anew(tmp_path: Path) -> None:
    file = tmp_path / "recorded.db"
    with closing(sqlite3.connect(file)) as older:
        older.execute("CREATE TABLE requests (number INTEGER PRIMARY KEY, other TEXT)")
        older.execute("INSERT INTO requests VALUES (7, 'old')")
        older.commit()
    with closing(open_store(file, 10, 10)) as store:
        store.add(ENTRY, found(1))
        assert known(store) == [1]
    with closing(open_store(file, 10, 10)) as again:
        assert known(again) == [1]
