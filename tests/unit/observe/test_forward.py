"""Events handed on to backends, whatever their transport."""

from __future__ import annotations

import gzip
import json
from contextlib import contextmanager
from threading import Event
from typing import TYPE_CHECKING, Any

import pytest

from floe_local.observe.tap.forward import Forwarder, client_of, parts_of, routes_of
from floe_local.observe.tap.servers import Answer, PostedRequest
from floe_local.observe.tap.tap import Tap
from tests.unit.observe.conftest import PRODUCER, RUN, SCHEMA, SCHEMA_URL, event

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

OTHER = ("other", {"type": "a-cloud-s-own"})


class NobodyTakesItError(BaseException):
    """What a transport may raise: anything."""


def posted(body: bytes) -> PostedRequest:
    return PostedRequest("POST", "/api/v1/lineage", (), body)


@pytest.mark.parametrize(
    ("error", "says"),
    [
        (OSError("no route"), b"no route"),
        (KeyError(), b"KeyError"),
        (NobodyTakesItError("not me"), b"not me"),
    ],
)
def test_what_a_client_raises_is_an_answer(error: BaseException, says: bytes) -> None:
    def emit(_event: dict[str, Any]) -> None:
        raise error

    answer = Forwarder(routes_of([OTHER], lambda _: emit))(posted(b"{}"))

    assert answer.status == 502
    assert answer.body == b"floe-local: the backend did not take it: " + says


def test_an_event_goes_out_by_the_client_of_its_transport() -> None:
    taken: list[dict[str, Any]] = []
    forward = Forwarder(routes_of([OTHER], lambda _: taken.append))

    assert forward(posted(b'{"eventType": "START"}')).status == 201
    assert forward(posted(b"{")).status == 502
    assert taken == [{"eventType": "START"}]


RUN_EVENT = event("START")
JOB_EVENT = {k: v for k, v in event().items() if k not in {"run", "eventType"}}
DATASET_EVENT = {
    "eventTime": "2026-01-01T00:00:00Z",
    "producer": PRODUCER,
    "schemaURL": SCHEMA_URL,
    "dataset": {"namespace": "ns", "name": "d", "facets": SCHEMA},
}


def by_real_client(transport: dict[str, Any], *events: Any, **headers: str) -> list[Answer]:
    """The answers to events that go out by a transport of the real client."""
    route = ("other", transport)
    forward = Forwarder(routes_of([route], client_of))
    bodies = [one if isinstance(one, bytes) else json.dumps(one).encode() for one in events]
    named = tuple(headers.items())
    return [forward(PostedRequest("POST", "/api/v1/lineage", named, body)) for body in bodies]


def lines_in(file: Path) -> list[Any]:
    return [json.loads(line) for line in file.read_text().splitlines()]


def file_transport(path: Path) -> dict[str, Any]:
    return {"type": "file", "log_file_path": str(path), "append": True}


def test_each_kind_of_event_goes_into_a_file(tmp_path: Path) -> None:
    file = tmp_path / "events.ndjson"
    sent = (RUN_EVENT, JOB_EVENT, DATASET_EVENT)
    answers = by_real_client(file_transport(file), *sent)
    assert [answer.status for answer in answers] == [201, 201, 201]
    found = lines_in(file)
    assert [one.keys() & {"run", "job", "dataset"} for one in found] == [
        {"run", "job"},
        {"job"},
        {"dataset"},
    ]
    assert found[0]["run"] == {"runId": RUN, "facets": {}}
    assert found[0]["inputs"][0]["facets"] == SCHEMA
    assert found[2]["dataset"]["name"] == "d"


def test_what_is_compressed_or_a_list_goes_into_a_file(tmp_path: Path) -> None:
    file = tmp_path / "events.ndjson"
    body = gzip.compress(json.dumps([RUN_EVENT, event()]).encode())
    [answer] = by_real_client(file_transport(file), body, **{"content-encoding": "gzip"})
    assert answer.status == 201
    assert [one["eventType"] for one in lines_in(file)] == ["START", "COMPLETE"]


def test_a_file_that_cannot_be_written_is_an_answer(tmp_path: Path) -> None:
    [answer] = by_real_client(file_transport(tmp_path / "nowhere" / "file"), RUN_EVENT)
    assert answer.status == 502
    assert b"Failed to write to log file" in answer.body


def test_a_console_takes_everything(capsys: pytest.CaptureFixture[str]) -> None:
    [answer] = by_real_client({"type": "console"}, RUN_EVENT)
    assert answer.status == 201
    assert capsys.readouterr().out == ""  # stdout is the command's


def test_a_transform_changes_what_a_backend_is_sent(tmp_path: Path) -> None:
    file = tmp_path / "events.ndjson"
    transport = {
        "type": "transform",
        "transport": file_transport(file),
        "transformer_class": "openlineage.client.transport.transform.JobNamespaceReplaceTransformer",
        "transformer_properties": {"new_job_namespace": "other"},
    }
    assert [*parts_of(transport)] == [transport]
    assert by_real_client(transport, RUN_EVENT)[0].status == 201
    assert [one["job"]["namespace"] for one in lines_in(file)] == ["other"]


@pytest.mark.parametrize(
    ("status", "passed_on"), [(201, 201), (400, 502)], ids=["is taken", "is refused"]
)
def test_what_an_async_transport_sends_in_the_background(status: int, passed_on: int) -> None:
    with listening(status) as (url, taken):
        inner = {"type": "async_http", "url": url, "retry": {"total": 0}}
        transport = {
            "type": "transform",
            "transport": inner,
            "transformer_class": "openlineage.client.transport.transform.JobNamespaceReplaceTransformer",
            "transformer_properties": {"new_job_namespace": "other"},
        }
        [answer] = by_real_client(transport, RUN_EVENT)
    assert answer.status == passed_on
    assert [one["job"]["namespace"] for one in taken] == ["other"]


@contextmanager
def listening(status: int, body: bytes = b"", gate: Event | None = None) -> Iterator[Any]:
    """A backend that answers so, once `gate` is set; its URL, and the events that it is sent."""
    taken: list[Any] = []

    def answer(asked: PostedRequest) -> Answer:
        if gate:
            gate.wait(10)
        taken.append(json.loads(asked.body))
        return Answer(status, (("content-type", "text/plain"),), body)

    with Tap(lineage=answer) as backend:
        yield f"http://127.0.0.1:{backend.lineage_port}", taken


def forwarder(*transports: tuple[str, dict[str, Any]]) -> Forwarder:
    """What hands on to all of these, composites taken apart."""
    parts = [(name, part) for name, one in transports for part in parts_of(one)]
    return Forwarder(routes_of(parts, client_of))


def test_the_first_backends_answer_goes_back_and_others_failures_are_kept(tmp_path: Path) -> None:
    file = tmp_path / "events.ndjson"
    with listening(418, b"short and stout") as (first, _), listening(503, b"busy") as (second, got):
        composite = {
            "type": "composite",
            "transports": {"a": file_transport(file), "b": {"type": "http", "url": second}},
        }
        forward = forwarder(("teapot", {"type": "http", "url": first}), ("both", composite))
        answer = forward(posted(json.dumps(RUN_EVENT).encode()))
        failures = forward.failures(10)
        forward.close()
    assert (answer.status, answer.body) == (418, b"short and stout")
    assert answer.headers == (("content-type", "text/plain"),)
    assert failures == {"both": ["HTTP 503: busy"]}
    assert got == [RUN_EVENT]
    assert [one["eventType"] for one in lines_in(file)] == ["START"]


def test_what_answers_over_http_goes_before_a_console() -> None:
    with listening(409) as (url, _):
        children = [{"type": "console"}, {"type": "http", "url": url}]
        forward = forwarder(("one", {"type": "composite", "transports": children}))
        assert forward(posted(json.dumps(RUN_EVENT).encode())).status == 409
        assert forward.failures(10) == {}
        forward.close()


def test_a_composite_that_chooses_is_not_taken_apart(tmp_path: Path) -> None:
    one, other = tmp_path / "one", tmp_path / "other"
    composite = {
        "type": "composite",
        "continue_on_success": False,
        "transports": [file_transport(one), file_transport(other)],
    }
    forward = forwarder(("one", composite))
    assert forward(posted(json.dumps(RUN_EVENT).encode())).status == 201
    assert one.exists()
    assert not other.exists()


def test_a_backend_that_is_slow_holds_nobody_up_and_keeps_the_order() -> None:
    gate = Event()
    with listening(201) as (fast, _), listening(201, gate=gate) as (slow, taken):
        forward = forwarder(
            ("fast", {"type": "http", "url": fast}), ("slow", {"type": "http", "url": slow})
        )
        for kind in ("START", "RUNNING", "COMPLETE"):
            assert forward(posted(json.dumps(event(kind)).encode())).status == 201
        assert taken == []
        assert forward.failures(0.1) == {"slow": ["no answer yet"] * 3}
        gate.set()
        assert forward.failures(10) == {}
        forward.close()
    assert [one["eventType"] for one in taken] == ["START", "RUNNING", "COMPLETE"]
