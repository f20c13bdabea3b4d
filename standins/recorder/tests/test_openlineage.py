"""Events are held to OpenLineage's schema: required fields, formats, event types."""

from __future__ import annotations

import json
from copy import deepcopy
from typing import TYPE_CHECKING, Any

import pytest
from openlineage.client.event_v2 import InputDataset, Job, OutputDataset, Run, RunEvent, RunState
from openlineage.client.facet_v2 import parent_run, schema_dataset
from openlineage.client.serde import Serde
from sandbox_recorder.event_schema import EventSchema
from sandbox_recorder.refusals import Refused

from tests.raising import raised

if TYPE_CHECKING:
    from sandbox_recorder.decoders import Decoders

RUN = "01890000-0000-7000-8000-000000000000"
ABOUT = {
    "eventTime": "2026-01-01T00:00:00.123Z",
    "producer": "https://example.test/floe",
    "schemaURL": "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunEvent",
}
FACET = {"_producer": "https://example.test", "_schemaURL": "https://example.test/F.json"}
JOB = {"namespace": "n", "name": "j"}
RUN_EVENT: dict[str, Any] = {
    **ABOUT,
    "eventType": "COMPLETE",
    "run": {"runId": RUN, "facets": {"one": {**FACET, "anything": 1}}},
    "job": JOB,
    "inputs": [{"namespace": "n", "name": "in", "inputFacets": {"one": FACET}}],
    "outputs": [{"namespace": "n", "name": "out", "facets": {}}],
}
JOB_EVENT = {**ABOUT, "job": JOB, "inputs": []}
DATASET_EVENT = {**ABOUT, "dataset": {"namespace": "n", "name": "d"}}


def changed(event: dict[str, Any], place: str, value: Any) -> dict[str, Any]:
    """A copy with another value at a dotted place; `...` removes it."""
    copy = deepcopy(event)
    *above, name = place.split(".")
    inner = copy
    for part in above:
        inner = inner[int(part)] if part.isdigit() else inner[part]  # type: ignore[index]
    if value is ...:
        del inner[name]
    else:
        inner[name] = value
    return copy


@pytest.fixture(scope="module")
def schema() -> EventSchema:
    return EventSchema("openlineage")


@pytest.mark.parametrize("event", [RUN_EVENT, JOB_EVENT, DATASET_EVENT])
def test_every_kind_of_event_is_valid(schema: EventSchema, event: dict[str, Any]) -> None:
    assert raised(Refused, schema.check, event) is None


@pytest.mark.parametrize(
    ("place", "value"),
    [
        ("eventType", ...),  # the specification does not require it
        ("eventType", "OTHER"),
        ("eventTime", "2026-01-01T00:00:00+02:00"),
        ("eventTime", "2026-01-01t00:00:00.123456789z"),
        ("producer", "urn:floe:x"),
        ("inputs", ...),
        ("outputs", []),
        ("unknown", 1),
    ],
)
def test_what_may_be(schema: EventSchema, place: str, value: Any) -> None:
    assert raised(Refused, schema.check, changed(RUN_EVENT, place, value)) is None


@pytest.mark.parametrize(
    ("place", "value", "reason"),
    [
        ("eventTime", ..., "'eventTime' is a required property"),
        ("producer", ..., "'producer' is a required property"),
        ("schemaURL", ..., "'schemaURL' is a required property"),
        ("run.runId", ..., "'runId' is a required property"),
        ("job.name", ..., "'name' is a required property"),
        ("job.namespace", ..., "'namespace' is a required property"),
        ("job", ..., "'job' is a required property"),
        ("eventType", "DONE", "'DONE' is not one of"),
        ("eventType", "complete", "'complete' is not one of"),
        ("run.runId", "42", "'42' is not a 'uuid'"),
        ("run.runId", RUN.replace("-", ""), "is not a 'uuid'"),
        ("eventTime", "yesterday", "is not a 'date-time'"),
        ("eventTime", "2026-01-01T00:00:00", "is not a 'date-time'"),
        ("eventTime", "2026-02-30T00:00:00Z", "is not a 'date-time'"),
        ("eventTime", "2026-01-01", "is not a 'date-time'"),
        ("eventTime", 5, "is not of type 'string'"),
        ("producer", "floe", "is not a 'uri'"),
        ("producer", "", "is not a 'uri'"),
        ("producer", "http://a b", "is not a 'uri'"),
        ("schemaURL", "//no-scheme", "is not a 'uri'"),
        ("inputs", {}, "is not of type 'array'"),
        ("inputs.0.name", ..., "'name' is a required property"),
        ("outputs.0.namespace", 5, "is not of type 'string'"),
        ("run.facets.one", {}, "'_producer' is a required property"),
        ("run.facets.one._schemaURL", "nowhere", "is not a 'uri'"),
        ("run.facets.one", "text", "is not of type 'object'"),
        ("inputs.0.inputFacets.one._producer", ..., "'_producer' is a required property"),
    ],
)
def test_what_may_not_be_is_refused_with_its_place(
    schema: EventSchema, place: str, value: Any, reason: str
) -> None:
    with pytest.raises(Refused) as caught:
        schema.check(changed(RUN_EVENT, place, value))
    assert caught.value.status == 400
    assert reason in caught.value.reason
    if value is not ...:
        assert caught.value.reason.startswith(f"{place}: ")


@pytest.mark.parametrize("value", [{}, [], [RUN_EVENT], "text", 5, None])
def test_what_is_no_event_is_refused(schema: EventSchema, value: Any) -> None:
    with pytest.raises(Refused):
        schema.check(value)


def test_a_reason_does_not_quote_a_whole_event(schema: EventSchema) -> None:
    with pytest.raises(Refused) as caught:
        schema.check(changed(RUN_EVENT, "producer", "x " * 10_000))
    assert len(caught.value.reason) <= 300


def test_the_events_of_the_client_are_valid(schema: EventSchema, decoders: Decoders) -> None:
    fields = [schema_dataset.SchemaDatasetFacetFields(name="a", type="int")]
    event = RunEvent(
        eventTime="2026-01-01T00:00:00+00:00",
        producer="https://example.test",
        eventType=RunState.START,
        run=Run(
            runId=RUN,
            facets={
                "parent": parent_run.ParentRunFacet(
                    run=parent_run.Run(runId=RUN), job=parent_run.Job("n", "p")
                )
            },
        ),
        job=Job("n", "j"),
        inputs=[
            InputDataset("n", "in", facets={"schema": schema_dataset.SchemaDatasetFacet(fields)})
        ],
        outputs=[OutputDataset("n", "out")],
    )
    body = Serde.to_json(event).encode()
    schema.check(json.loads(body))
    decoder = decoders["openlineage", "lineage"]
    (found,) = decoder.decode(body, "application/json")
    assert found.keys == (RUN, "j")
    item = decoder.item(found.packed)
    assert (item["run_id"], item["job_name"], item["event"]) == (RUN, "j", "START")
    assert item["job"]["namespace"] == "n"


def test_a_dataset_is_found_by_its_name(decoders: Decoders) -> None:
    decoder = decoders["openlineage", "lineage"]
    (found,) = decoder.decode(json.dumps(DATASET_EVENT).encode(), "application/json")
    assert found.keys == ("d",)


@pytest.mark.parametrize("body", [b"{", b"5", b"[5]", b"null"])
def test_what_is_no_event_is_not_read(decoders: Decoders, body: bytes) -> None:
    with pytest.raises(Refused) as caught:
        list(decoders["openlineage", "lineage"].decode(body, "application/json"))
    assert caught.value.status == 400


def test_an_odd_event_has_no_keys(decoders: Decoders) -> None:
    decoder = decoders["openlineage", "lineage"]
    (found,) = decoder.decode(b'{"run": 5, "job": [], "eventType": {}}', "application/json")
    assert found.keys == ()
    assert decoder.item(found.packed)["run_id"] is None
