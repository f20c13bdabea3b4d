"""A session is read as it was written, and what was recorded elsewhere is read as one."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from floe_local.errors import InputError
from floe_local.observe.session.file import lines_of, session_of
from floe_local.observe.session.keep import keep, prepare
from floe_local.observe.session.model import About, Event, ObservedSession, TakenRequest, TapFault
from floe_local.observe.session.read import read_files, read_text
from tests.unit.observe.conftest import event
from tests.unit.observe.test_rules import span

if TYPE_CHECKING:
    from pathlib import Path

JSON: Any = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=5
)  # fmt: skip
OTLP = {"resourceSpans": [{"scopeSpans": [{"spans": [{"traceId": "a" * 32, "spanId": "b" * 16}]}]}]}


@given(st.lists(JSON, max_size=3), st.text())
def test_a_session_is_read_as_it_was_written(contents: list[Any], text: str) -> None:
    about = About(source="run", command=("a", text), session_id="x", ended=2.5, exit_code=3)
    session = ObservedSession(
        about=about,
        requests=(TakenRequest(1, 1.5, "otlp-grpc", message=text),),
        spans=(span(name=text, attributes={text: contents}),),
        events=tuple(Event(one, "request 1", 1, 1.0) for one in contents),
        faults=(TapFault("spool", text),),
    )
    assert session_of(list(lines_of(session)), "file") == session


def test_a_session_that_was_cut_short_is_what_is_there() -> None:
    lines = list(lines_of(ObservedSession(events=(Event(event(), "a"), Event(event(), "b")))))
    lines[-1] = lines[-1][:20]
    read = session_of(lines, "file")
    assert [one.place for one in read.events] == ["a"]
    assert [fault.code for fault in read.faults] == ["session-cut-short"]


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ('{"floe-local-session": 99}\n', "session-version"),
        ('{"floe-local-session": 1}\n', "session-file"),
        ("".join(lines_of(ObservedSession())) + '{"item": "x"}\n', "session-file"),
        ("".join(lines_of(ObservedSession())) + "[]\n", "session-file"),
    ],
)
def test_no_session_file(text: str, code: str) -> None:
    with pytest.raises(InputError) as caught:
        read_text(text, "file")
    assert caught.value.code == code


@pytest.mark.parametrize(
    ("text", "events", "spans", "faults"),
    [
        (json.dumps(event()), 1, 0, 0),
        (json.dumps(event(), indent=2), 1, 0, 0),
        (json.dumps([event(), OTLP]), 1, 1, 0),
        (f"{json.dumps(event())}\n\n{json.dumps(OTLP)}\n{{\n", 1, 1, 1),
        ("".join(lines_of(ObservedSession(events=(Event(event(), "x"),)))), 1, 0, 0),
        ('{"resourceSpans": 3}', 0, 0, 1),
        ("hello", 0, 0, 1),
        ("", 0, 0, 0),
        ("[" * 100_000, 0, 0, 1),
    ],
)
def test_what_was_recorded_elsewhere(text: str, events: int, spans: int, faults: int) -> None:
    session = read_text(text, "file")
    assert (len(session.events), len(session.spans), len(session.faults)) == (events, spans, faults)


def test_files_of_a_folder_come_in_the_order_of_their_numbers(tmp_path: Path) -> None:
    for name in ("10.json", "2.json", "x.txt"):
        (tmp_path / name).write_text(json.dumps({"n": name}))
    read = read_files([tmp_path])
    assert [one.content["n"] for one in read.events] == ["2.json", "10.json"]


@pytest.mark.parametrize("name", ["missing.json", "binary.json", "empty"])
def test_a_file_that_cannot_be_read_is_named(tmp_path: Path, name: str) -> None:
    (tmp_path / "binary.json").write_bytes(b"\xff\xfe")
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match=name):
        read_files([tmp_path / name])


def test_the_last_ten_sessions_are_kept_and_only_their_owner_reads_them(tmp_path: Path) -> None:
    folder = prepare(tmp_path)
    for number in range(12):
        kept = keep(
            ObservedSession(about=About(session_id=f"{number:08}", started=float(number))), folder
        )
        assert kept.stat().st_mode & 0o777 == 0o600
    assert len(list(folder.iterdir())) == 10
    assert kept.exists()
    assert (tmp_path / ".floe-local" / ".gitignore").read_text() == "*\n"
