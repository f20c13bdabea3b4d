"""Events are read, completed and refused as the real server does it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from marquez_standin import body, event
from marquez_standin.errors import ApiError, IllegalNameError
from marquez_standin.java_order import in_set_order, text_hash
from marquez_standin.names import Node, checked_namespace, parse_node, tidy_namespace

EVENT: dict[str, Any] = {
    "eventType": "COMPLETE",
    "eventTime": "2026-01-01T00:00:00.000Z",
    "run": {"runId": "r"},
    "job": {"namespace": "n", "name": "j"},
    "producer": "p",
}


def refused(text: str) -> ApiError:
    with pytest.raises(ApiError) as caught:
        event.parse(text)
    return caught.value


@pytest.mark.parametrize("key", ["run", "job", "eventTime", "producer"])
def test_what_is_missing_is_named(key: str) -> None:
    error = refused(json.dumps({name: part for name, part in EVENT.items() if name != key}))
    assert (error.status, error.body) == (422, {"errors": [f"{key} must not be null"]})


@pytest.mark.parametrize("text", ["", "null", "{nope", "[]", '"x"', '{"run": []}', '{"a":1'])
def test_what_is_no_event_is_refused(text: str) -> None:
    assert refused(text).status in {422, 500}


def test_nulls_are_not_stored_but_printed() -> None:
    facets = {"custom": {"a": None, "list": [None, {"b": None}]}}
    sent = EVENT | {"run": {"runId": "r", "facets": facets}, "inputs": None}
    read = event.parse(json.dumps(sent))
    assert read.run is not None
    assert read.run.facets == {"custom": {"list": [None, {}]}}
    shown = event.printed("RUN", read.body)
    assert shown["run"]["facets"] == {
        "nominalTime": None,
        "parent": None,
        "custom": {"list": [None, {}]},
    }
    assert (shown["inputs"], shown["schemaURL"]) == (None, None)


@pytest.mark.parametrize(
    ("sent", "state", "is_done"),
    [("complete", "COMPLETED", True), ("FAIL", "FAILED", True), ("ABORT", "ABORTED", True),
     ("START", "RUNNING", False), ("NOPE", "RUNNING", False), (None, "RUNNING", False)],
)  # fmt: skip
def test_the_type_of_an_event_is_a_state(sent: str | None, state: str, *, is_done: bool) -> None:
    read = event.parse(json.dumps(EVENT | {"eventType": sent}))
    assert (read.state, read.is_done) == (state, is_done)


@pytest.mark.parametrize("kind", ["DatasetEvent", "JobEvent"])
def test_the_schema_tells_the_kind_of_an_event(kind: str) -> None:
    sent = EVENT | {
        "schemaURL": f"https://x/#/$defs/{kind}",
        "dataset": {"namespace": "n", "name": "d"},
    }
    assert event.parse(json.dumps(sent)).kind == kind.removesuffix("Event").upper()


def test_the_place_of_a_value_is_found() -> None:
    text = '{"a": {"b": "}"}, "schemaURL" : "x"}'
    assert text[body.position_of(text, "schemaURL") or 0 :] == '"x"}'
    assert body.position_of(text, "b") is None


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("job:ns:name", ("ns", "name")),
        ("dataset:s3://bucket:9000/x:dir/a", ("s3://bucket:9000/x", "dir/a")),
        ("dataset:floe:report:daily", ("floe", "report:daily")),
    ],
)
def test_a_node_is_taken_apart(text: str, named: tuple[str, str]) -> None:
    assert parse_node(text).named() == named


def test_a_node_without_a_name_is_refused() -> None:
    with pytest.raises(ValueError, match="dataset:a"):
        Node("dataset:a").named()
    with pytest.raises(IllegalNameError):
        parse_node("nonsense")


def test_namespaces_hold_some_characters_only() -> None:
    assert tidy_namespace("bad namespace #") == "bad_namespace__"
    assert checked_namespace("s3://b;c=d@e+f") == "s3://b;c=d@e+f"
    with pytest.raises(IllegalNameError):
        checked_namespace("bad namespace #")


def test_sets_are_in_the_order_of_their_hashes() -> None:
    assert text_hash("hello") == 99_162_322
    names = [("n", name) for name in ("c", "b", "a", "b")]
    assert sorted(in_set_order(names)) == [("n", "a"), ("n", "b"), ("n", "c")]
    assert in_set_order(names) == in_set_order(names[::-1])
