"""Events and bodies are read, and refused, as the real server does it."""

from __future__ import annotations

import gzip
import json
import sys
from typing import TYPE_CHECKING, Any

import pytest
from marquez_standin import body, event
from marquez_standin.body import Repeated
from marquez_standin.errors import ApiError, IllegalNameError
from marquez_standin.identity import (
    Node,
    checked_name,
    checked_namespace,
    parse_node,
    tidy_namespace,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

EVENT: dict[str, Any] = {
    "eventType": "COMPLETE",
    "eventTime": "2026-01-01T00:00:00.000Z",
    "run": {"runId": "r"},
    "job": {"namespace": "n", "name": "j"},
    "producer": "p",
}
FACET = {"_producer": "p", "_schemaURL": "s"}


def read(data: bytes, **headers: str) -> Any:
    given = {"Content-Type": "application/json"} | {
        name.replace("_", "-"): text for name, text in headers.items()
    }
    return body.read(data, given.get)


def refusal(value: Any) -> ApiError:
    with pytest.raises(ApiError) as caught:
        event.parse(value)
    return caught.value


@pytest.mark.parametrize("key", ["run", "job", "eventTime", "producer"])
def test_what_is_missing_is_named(key: str) -> None:
    error = refusal({name: part for name, part in EVENT.items() if name != key})
    assert (error.status, error.body) == (422, {"errors": [f"{key} must not be null"]})


@pytest.mark.parametrize("value", [None, [], "x", {"run": []}, {"a": 1}])
def test_what_is_no_event_is_refused(value: Any) -> None:
    assert refusal(value).status in {422, 500}


def test_a_blank_time_counts_as_none() -> None:
    assert refusal(EVENT | {"eventTime": " "}).status == 422


@pytest.mark.parametrize("time", [True, "yesterday", "2025-05-05T10:00:00+0200", [], 1e20])
def test_what_is_no_time_is_refused(time: Any) -> None:
    error = refusal(EVENT | {"eventTime": time})
    assert error.status == 500
    assert "eventTime must be a time" in str(error.body["message"])


def test_nulls_are_not_stored() -> None:
    facets = {"custom": {"a": None, "list": [None, {"b": None}]}}
    sent = EVENT | {"run": {"runId": "r", "facets": facets}, "inputs": None}
    found = event.parse(sent)
    assert found.run is not None
    assert found.run.facets == {"custom": {"list": [None, {}]}}
    assert "inputs" not in found.body


@pytest.mark.parametrize(
    ("sent", "state", "is_done"),
    [("complete", "COMPLETED", True), ("FAIL", "FAILED", True), ("ABORT", "ABORTED", True),
     ("START", "RUNNING", False), ("NOPE", "RUNNING", False), (None, "RUNNING", False)],
)  # fmt: skip
def test_the_type_of_an_event_is_a_state(sent: str | None, state: str, *, is_done: bool) -> None:
    found = event.parse(EVENT | {"eventType": sent})
    assert (found.state, found.is_done) == (state, is_done)


@pytest.mark.parametrize("kind", ["DatasetEvent", "JobEvent"])
def test_the_schema_says_the_kind_of_an_event(kind: str) -> None:
    sent = EVENT | {
        "schemaURL": f"https://x/#/$defs/{kind}",
        "dataset": {"namespace": "n", "name": "d"},
    }
    assert event.parse(sent).kind == kind.removesuffix("Event").upper()


@pytest.mark.parametrize(
    "uri", ["x", "", "urn:x:y", "http://h:port/", "//h", "http://[::1]/a?b=[c]", "%41", "http://ü"]
)
def test_a_uri_is_one_as_java_sees_it(uri: str) -> None:
    assert event.parse(EVENT | {"schemaURL": uri}).body["schemaURL"] == uri


@pytest.mark.parametrize(
    "uri", ["a b", "http://", "x:", ":x", "1:x", "%zz", "http://h/[a]", "#a#b", "\u00a0"]
)
def test_what_is_no_uri_is_refused(uri: str) -> None:
    assert refusal(EVENT | {"schemaURL": uri}).status == 500


def test_a_parents_run_may_be_its_id_alone() -> None:
    parent = FACET | {"run": "1", "job": {"namespace": "n", "name": "dag"}}
    found = event.parse(EVENT | {"run": {"runId": "r", "facets": {"parent": parent}}})
    assert found.run is not None
    assert found.run.parent is not None
    assert found.run.parent.run_id == "1"


@pytest.mark.parametrize(
    "data",
    [
        b'\xef\xbb\xbf{"a": "\xc3\xbc"}',
        *('{"a": "ü"}'.encode(name) for name in ("utf-16", "utf-16-le", "utf-32")),
    ],
)
def test_a_body_is_read_in_the_encoding_that_it_has(data: bytes) -> None:
    assert read(data, Content_Type="application/json; charset=iso-8859-1") == {"a": "ü"}


def test_gzip_is_read_where_a_header_says_so() -> None:
    data = gzip.compress(b"{}")
    assert read(data + b"more", Content_Encoding="GZIP") == {}
    for wrong, headers in (
        (data, {}),
        (b"{}", {"Content_Encoding": "gzip"}),
        (data[:-9], {"Content_Encoding": "gzip"}),
    ):
        with pytest.raises(ApiError) as caught:
            read(wrong, **headers)
        assert caught.value.status == 500


@pytest.mark.parametrize(
    ("kind", "status"),
    [
        ("", 400),
        ("json", 400),
        ("application/json; charset=", 400),
        ("text/plain", 415),
        ("application/ld+json", 415),
    ],
)
def test_a_content_type_other_than_json_is_refused(kind: str, status: int) -> None:
    with pytest.raises(ApiError) as caught:
        read(b"{}", Content_Type=kind)
    assert caught.value.status == status


def test_what_stands_behind_the_event_is_ignored() -> None:
    assert read(b' {"a": 1} {} x\0') == {"a": 1}
    assert read(b" \n") is None


@pytest.mark.parametrize(
    "text", ['{"a": NaN}', "{'a': 1}", '{"a": 01}', '{"a": 1,}', '{"a"', "\x0c{}", '{"a": "\n"}']
)
def test_what_is_no_json_is_refused(text: str) -> None:
    with pytest.raises(ApiError) as caught:
        read(text.encode())
    assert caught.value.status == 500


def test_half_a_surrogate_pair_is_a_question_mark() -> None:
    text = r'{"a": "\ud800 \ud83d\ude00 \\ud800"}'
    assert read(text.encode()) == {"a": "? \U0001f600 \\ud800"}


def test_a_number_that_no_double_holds_is_a_text() -> None:
    assert read(b"[1e400, -1e400, 1.5]") == ["Infinity", "-Infinity", 1.5]


def test_of_a_key_that_is_there_twice_the_last_counts_and_all_are_checked() -> None:
    twice = read(b'{"job": "x", "job": {}}')
    assert isinstance(twice, Repeated)
    assert refusal(twice).status == 500


@pytest.fixture
def deep_calls() -> Iterator[None]:
    """As many calls within calls as the server itself allows."""
    before = sys.getrecursionlimit()
    sys.setrecursionlimit(8000)
    yield
    sys.setrecursionlimit(before)


@pytest.mark.usefixtures("deep_calls")
@pytest.mark.parametrize(("depth", "fits"), [(1001, True), (1100, False)])
def test_facets_may_be_nested_a_thousand_deep(depth: int, *, fits: bool) -> None:
    value: Any = 1
    for _ in range(depth):
        value = [value]
    sent = EVENT | {"run": {"runId": "r", "facets": {"custom": {"any": value}}}}
    if fits:
        event.parse(sent)
    else:
        assert refusal(sent).status == 500


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
    for wrong in ("bad namespace #", "", "x" * 1025):
        with pytest.raises(IllegalNameError):
            checked_namespace(wrong)


def test_a_name_is_blank_as_java_sees_it() -> None:
    assert checked_name("\u00a0") == "\u00a0"
    for blank in ("", " \n\x1f"):
        with pytest.raises(IllegalNameError):
            checked_name(blank)


def test_the_stand_ins_json_text_can_be_read_back() -> None:
    assert event.parse(json.loads(json.dumps(EVENT))).body["producer"] == "p"
