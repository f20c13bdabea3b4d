"""What is expected of backends by a session's events, and what their answers come to."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from time import monotonic
from typing import TYPE_CHECKING, Any

import pytest

from floe_local.observe.expected import (
    dataset_parts,
    dataset_values,
    fold,
    latest_users,
    run_values,
)
from floe_local.observe.received import ReadBack
from floe_local.observe.session.model import ObservedSession, TakenRequest
from floe_local.plan.blueprint.model import Naming, Probe
from floe_local.plan.values import Kind, Signal
from floe_local.prove.read.http import Http, Response, target
from floe_local.prove.targets import Targets
from tests.backends import target_of
from tests.unit.observe.conftest import FACET, RUN, event, session_of

if TYPE_CHECKING:
    from floe_local.plan.blueprint.model import Request

OTHER = "01941f29-7c00-7000-8000-000000000002"
IN, OUT = "d.s.in", "d.s.out"
SPACE = "postgres://db:5432"


def values(*contents: dict[str, Any], run_id: str = RUN) -> dict[str, Any]:
    """What placeholders stand for of a run that these events are of."""
    naming = Naming(child_job="{parent_job}.{job}", run_states={"COMPLETE": "DONE"})
    return run_values(fold(session_of(*contents).events).runs[run_id], naming)


def of_dataset(name: str, *contents: dict[str, Any]) -> dict[str, Any]:
    """What placeholders stand for of a dataset that these events use."""
    events = session_of(*contents).events
    [(key, user)] = [
        pair for pair in latest_users(fold(events).runs.values()).items() if pair[0].name == name
    ]
    return dataset_values(key, user, dataset_parts(events))


def with_facets(side: str, facets: dict[str, Any], key: str = "facets", **more: Any) -> Any:
    """An event whose one dataset of a side has these facets."""
    content = event(**more)
    content[side] = [{**content[side][0], key: facets}]
    return content


def test_times_are_those_of_start_and_end_whatever_came_first() -> None:
    found = values(event("COMPLETE", 9), event("START", 2), event("RUNNING", 5))
    assert found["started_at"] == "2026-01-01T00:00:02Z"
    assert found["ended_at"] == "2026-01-01T00:00:09Z"
    assert found["event"] == "COMPLETE"
    assert found["state"] == "DONE"


def test_what_events_do_not_say_is_not_expected() -> None:
    found = values(event("RUNNING"))
    assert not {"started_at", "ended_at", "parent_job", "parent_run_id"} & found.keys()


def test_facets_of_a_run_are_the_last_of_each_without_what_the_client_adds() -> None:
    first = {"nominalTime": {**FACET, "nominalStartTime": "x"}, "errorMessage": {"message": "1"}}
    second = {"errorMessage": {**FACET, "message": "2"}, "gone": {**FACET, "_deleted": True}}
    found = values(
        event("START", 1, run={"runId": RUN, "facets": {**first, "gone": {}}}),
        event("FAIL", 2, run={"runId": RUN, "facets": second}),
    )
    assert found["run_facets"] == {
        "nominalTime": {"nominalStartTime": "x"},
        "errorMessage": {"message": "2"},
    }


def test_facets_of_a_job_and_of_the_use_of_datasets() -> None:
    start = event("START", 1)
    start["job"]["facets"] = {"sql": {**FACET, "query": "SELECT 1"}}
    found = values(start, with_facets("inputs", {"x": {**FACET, "y": 1}}, "inputFacets", at=2))
    assert found["job_facets"] == {"sql": {"query": "SELECT 1"}}
    assert found["input_facets"] == [{"name": IN, "facets": {"x": {"y": 1}}}]
    assert found["output_facets"] == [
        {"name": OUT, "facets": {"outputStatistics": {"rowCount": 3}}}
    ]


def test_a_child_has_its_parents_name() -> None:
    parent = {"run": {"runId": OTHER}, "job": {"namespace": "ns", "name": "all"}}
    found = values(event(run={"runId": RUN, "facets": {"parent": parent}}))
    assert (found["job"], found["sent_job"]) == ("all.job", "job")
    assert (found["parent_job"], found["parent_run_id"]) == ("all", OTHER)


def test_columns_are_sorted_each_once() -> None:
    one = {"namespace": SPACE, "name": IN, "field": "b", "transformations": []}
    other = {**one, "field": "a"}
    columns = {"fields": {"y": {"inputFields": [one, other, one]}, "x": {"inputFields": [one]}}}
    found = of_dataset(OUT, with_facets("outputs", {"columnLineage": columns}))
    a, b = ({"namespace": SPACE, "dataset": IN, "field": field} for field in "ab")
    assert found["column_lineage"] == [
        {"name": "x", "inputs": [b]},
        {"name": "y", "inputs": [a, b]},
    ]
    assert "schema" not in found


def test_a_dataset_is_as_its_latest_run_left_it() -> None:
    owned = {"ownership": {**FACET, "owners": []}, "documentation": {"description": "old"}}
    early = with_facets("outputs", owned, kind="START", at=1, run_id=OTHER)
    late = with_facets("outputs", {"documentation": {"description": "new"}}, at=5)
    assert of_dataset(OUT, late, early)["dataset_facets"] == {
        "documentation": {"description": "new"}
    }
    both = of_dataset(OUT, early, with_facets("outputs", {}, at=3, run_id=OTHER))
    assert both["dataset_facets"] == {
        "ownership": {"owners": []},
        "documentation": {"description": "old"},
    }


class Answers(Http):
    """The answers to requests by their paths; 404 to all others."""

    def __init__(self, documents: dict[str, Any]) -> None:
        super().__init__(1)
        self._documents = documents

    def send(
        self, request: Request, _endpoints: dict[str, str], values: dict[str, Any]
    ) -> Response:
        """Return the answer to a request."""
        path = target(request, values)
        if path not in self._documents:
            return Response(status=404)
        return Response(status=200, body=json.dumps(self._documents[path]).encode())


PROBES = [
    {
        "each": "run",
        "request": {"endpoint": "api", "path": "/runs/{run_id}"},
        "expect": [
            {"field": "run.started_at", "query": "startedAt", "equals": "{started_at}"},
            {"field": "run.ended_at", "query": "endedAt", "equals": "{ended_at}"},
            {"field": "run.facets", "query": "facets", "equals": "{run_facets}"},
        ],
    },
    {
        "each": "job",
        "request": {"endpoint": "api", "path": "/jobs/{job}"},
        "expect": [
            {"field": "job.latest_run", "query": "latest", "equals": "{run_id}"},
            {"field": "job.inputs", "query": "inputs", "equals": "{inputs}"},
        ],
    },
    {
        "each": "dataset",
        "request": {"endpoint": "api", "path": "/datasets/{dataset}"},
        "expect": [{"field": "dataset.facets", "query": "facets", "equals": "{dataset_facets}"}],
    },
]
RUN_DOCUMENT = {
    "startedAt": "2026-01-01T00:00:00.000Z",
    "endedAt": "2026-01-01T00:00:01+00:00",
    "facets": {},
}
DOCUMENTS: dict[str, Any] = {
    f"/runs/{RUN}": RUN_DOCUMENT,
    "/jobs/job": {"latest": RUN, "inputs": [IN]},
    f"/datasets/{IN}": {"facets": {}},
    f"/datasets/{OUT}": {"facets": {}},
}
BEFORE = datetime(2025, 1, 1, tzinfo=UTC)
AFTER = datetime(2026, 2, 1, tzinfo=UTC)


def found_in(
    documents: dict[str, Any], *contents: dict[str, Any], since: datetime = BEFORE
) -> dict[str, list[str]]:
    """What a backend with these documents does not hold, by code."""
    probes = [Probe.model_validate({"name": one["each"], **one}) for one in PROBES]
    backend = target_of("store", Kind.LINEAGE, readback={Signal.LINEAGE: tuple(probes)})
    back = ReadBack(
        Targets(stack="x", namespace="ns", backends=(backend,)), Answers(documents), since
    )
    session = session_of(*(contents or (event("START", 0), event("COMPLETE", 1))))
    back.take(acknowledged(session))
    back.look(monotonic() + 0.01)
    return {one.code: [place.text for place in one.places] for one in back.findings()}


def acknowledged(session: ObservedSession) -> ObservedSession:
    """A session whose items came with one request that was acknowledged."""
    request = TakenRequest(1, 0.0, "openlineage", status="HTTP 201", acknowledged=True)
    events = tuple(replace(one, request=1) for one in session.events)
    return replace(session, requests=(request,), events=events)


def test_what_is_stored_as_it_was_sent_is_no_finding() -> None:
    assert found_in(DOCUMENTS) == {}


@pytest.mark.parametrize(
    ("path", "document", "text"),
    [
        (f"/runs/{RUN}", {"startedAt": "2026-01-01T00:00:00.5Z"}, "run.started_at is"),
        (f"/runs/{RUN}", {"endedAt": "2026-01-01T01:00:01Z"}, "run.ended_at is"),
        ("/jobs/job", {"inputs": []}, "job.inputs is"),
        (f"/datasets/{OUT}", {"facets": None}, "dataset.facets is"),
    ],
)
def test_what_is_stored_otherwise_is_named(path: str, document: Any, text: str) -> None:
    found = found_in({**DOCUMENTS, path: {**DOCUMENTS[path], **document}})
    [[said]] = [found.pop("stored-otherwise")]
    assert text in said
    assert found == {}


LATER = {**RUN_DOCUMENT, "endedAt": "2026-01-02T00:00:00Z"}
EARLIER = {**RUN_DOCUMENT, "endedAt": "2025-12-31T00:00:00Z"}
OF_OTHER = {"/jobs/job": {"latest": OTHER, "inputs": []}, f"/datasets/{OUT}": {"facets": None}}


@pytest.mark.parametrize(
    ("other", "code"),
    [
        ({f"/runs/{OTHER}": LATER}, "other-state"),
        ({}, "other-state"),
        ({f"/runs/{OTHER}": EARLIER}, "stored-otherwise"),
    ],
    ids=["later", "unknown", "earlier"],
)
def test_the_state_that_a_later_run_left_is_no_difference(other: Any, code: str) -> None:
    found = found_in({**DOCUMENTS, **OF_OTHER, **other})
    assert list(found) == [code]
    assert any("dataset" in text for text in found[code])


def test_of_two_runs_the_one_that_is_later_by_event_time_counts() -> None:
    other = event("COMPLETE", 1, OTHER, inputs=[])
    late = [event("START", 3), event("COMPLETE", 5)]
    document = {
        **RUN_DOCUMENT,
        "startedAt": "2026-01-01T00:00:03Z",
        "endedAt": "2026-01-01T00:00:05Z",
    }
    known = {**DOCUMENTS, f"/runs/{RUN}": document, f"/runs/{OTHER}": RUN_DOCUMENT}
    assert found_in(known, *late, other) == {}


def test_a_dataset_older_than_the_session_may_be_anothers() -> None:
    documents = {**DOCUMENTS, f"/datasets/{OUT}": {"facets": None}}
    del documents["/jobs/job"]
    assert set(found_in(documents, since=AFTER)) == {"not-stored", "other-state"}
    assert set(found_in(documents, since=BEFORE)) == {"not-stored", "stored-otherwise"}


def test_a_name_that_symlinks_give_a_dataset_may_be_there_besides() -> None:
    identifiers = [{"namespace": "hive", "name": "default.in", "type": "TABLE"}]
    links = {"symlinks": {**FACET, "identifiers": identifiers}}
    contents = [event("START", 0), with_facets("inputs", links)]
    dataset = {"facets": {"symlinks": {"identifiers": identifiers}}}
    documents = {**DOCUMENTS, f"/datasets/{IN}": dataset}
    shown = {"latest": RUN, "inputs": [IN, "default.in"]}
    assert found_in({**documents, "/jobs/job": shown}, *contents) == {}
    shown["inputs"] = [IN, "another"]
    assert set(found_in({**documents, "/jobs/job": shown}, *contents)) == {"stored-otherwise"}


def test_what_was_sent_as_null_may_be_left_out_and_a_long_value_is_cut() -> None:
    facets: Any = {"run": {"runId": RUN, "facets": {"x": {"a": None, "b": "y" * 1000}}}}
    contents = [event("START", 0), event("COMPLETE", 1, **facets)]
    known = {**DOCUMENTS, f"/runs/{RUN}": {**RUN_DOCUMENT, "facets": {"x": {"b": "y" * 1000}}}}
    assert found_in(known, *contents) == {}
    known[f"/runs/{RUN}"]["facets"]["x"]["b"] = "z"
    [text] = found_in(known, *contents)["stored-otherwise"]
    assert "run.facets.x.b is 'z'" in text
    assert len(text) < 300
