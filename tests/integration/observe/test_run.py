"""What passes the tap is in the backends of a real stack; what does not arrive there is named."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from floe_local.observe.verdict import Settings
from floe_local.operations.observe import Options, RunResult, run
from floe_local.operations.observe_stack import StackBehind
from floe_local.plan.nested import with_value_at
from floe_local.testing import FloeLocal
from tests.unit.observe.conftest import FACET, event

pytestmark = pytest.mark.integration

JOB = Path(__file__).with_name("job.py")


def sound() -> list[dict[str, object]]:
    """A run with its end."""
    run_id = str(uuid4())
    job = {"namespace": "ns", "name": f"job-{run_id}", "facets": {}}
    return [event("START", 0, run_id, job=job), event("COMPLETE", 1, run_id, job=job)]


def rich() -> list[dict[str, Any]]:
    """A child's run with facets of all kinds, schemas and column lineage; its parent's as well."""
    parent_id, run_id, now = str(uuid4()), str(uuid4()), datetime.now(UTC)
    name = f"rich-{run_id}"
    parent = {"job": {"namespace": "ns", "name": f"{name}-all"}, "run": {"runId": parent_id}}
    source = {"namespace": "postgres://db:5432", "name": f"{name}.in"}
    target = {**source, "name": f"{name}.out"}
    column = {**source, "field": "id", "transformations": []}
    columns = {"a": {"inputFields": [column]}, "b": {"inputFields": [column]}}
    ab = [{"name": one, "type": "INT"} for one in "ab"]

    def facet(**more: Any) -> dict[str, Any]:
        return {**FACET, **more}

    def made(kind: str, at: int, run: dict[str, Any], job: str, **more: Any) -> dict[str, Any]:
        when = (now + timedelta(milliseconds=at)).isoformat()
        more = {"inputs": [], "outputs": [], **more}
        named = {"namespace": "ns", "name": job, "facets": more.pop("job_facets", {})}
        return event(kind, 0, **{"eventTime": when, "run": run, "job": named, **more})

    child = {"runId": run_id, "facets": {"parent": facet(**parent)}}
    ended = {"parent": facet(**parent), "processing_engine": facet(version="1", name="x")}
    inside = {"fields": [{"name": "id", "type": "INT"}]}
    inputs = {
        "facets": {"schema": facet(**inside), "documentation": facet(description="raw")},
        "inputFacets": {"dataQualityMetrics": facet(rowCount=7, columnMetrics={})},
    }
    outputs = {
        "facets": {"schema": facet(fields=ab), "columnLineage": facet(fields=columns)},
        "outputFacets": {"outputStatistics": facet(rowCount=3)},
    }
    return [
        made("START", 0, {"runId": parent_id, "facets": {}}, f"{name}-all"),
        made("START", 1, child, name, job_facets={"sql": facet(query="SELECT 1")}),
        made(
            "COMPLETE",
            2500,
            {"runId": run_id, "facets": ended},
            name,
            inputs=[{**source, **inputs}],
            outputs=[{**target, **outputs}],
            job_facets={"documentation": facet(description="what it is for")},
        ),
        made("COMPLETE", 3000, {"runId": parent_id, "facets": {}}, f"{name}-all"),
    ]


def run_on(stack: FloeLocal, *arguments: str, deadline_s: float = 20.0) -> RunResult:
    command = [sys.executable, str(JOB), *arguments]
    return run(command, Settings(), Options(deadline_s=deadline_s), where=stack.where)


def codes(result: RunResult) -> dict[str, int]:
    return {finding.code: finding.count for finding in result.verdict.findings}


def texts(result: RunResult, code: str) -> list[str]:
    """What a code's findings say, with their places."""
    found = [one.places for one in result.verdict.findings if one.code == code]
    return [f"{place.place}: {place.text}" for places in found for place in places]


CHANGES: dict[str, tuple[Any, ...]] = {
    "run.started_at": (1, "eventTime"),
    "run.ended_at": (2, "eventTime"),
    "run.facets": (2, "run", "facets", "processing_engine", "version"),
    "run.parent": (2, "run", "facets", "parent", "run", "runId"),
    "job.facets": (1, "job", "facets", "sql", "query"),
    "job.parent": (2, "run", "facets", "parent", "job", "name"),
    "run.input_facets": (2, "inputs", 0, "inputFacets", "dataQualityMetrics", "rowCount"),
    "run.output_facets": (2, "outputs", 0, "outputFacets", "outputStatistics", "rowCount"),
    "dataset.schema": (2, "outputs", 0, "facets", "schema", "fields", 0, "type"),
    "dataset.facets": (2, "inputs", 0, "facets", "documentation", "description"),
    "dataset.column_lineage": (
        *(2, "outputs", 0, "facets", "columnLineage", "fields", "a", "inputFields", 0),
        "field",
    ),
}
"""What is compared of lineage, and where an event says it."""


def test_lineage_is_compared_with_the_fold_of_events_field_by_field(stack: FloeLocal) -> None:
    events = rich()
    result = run_on(stack, f"events={json.dumps(events)}")
    assert texts(result, "stored-otherwise") == []
    assert not codes(result).keys() & {"not-stored", "other-state"}
    behind = StackBehind(stack.where, {})
    for field, (index, *path) in CHANGES.items():
        value = "2020-01-01T00:00:00Z" if field.endswith("_at") else "another"
        value = str(uuid4()) if field == "run.parent" else value
        changed = with_value_at(events[index], tuple(path), value)
        contents = [*events[:index], changed, *events[index + 1 :]]
        session = replace(
            result.session,
            events=tuple(
                replace(one, content=content)
                for one, content in zip(result.session.events, contents, strict=True)
            ),
        )
        _, found = behind.read_back(session, 0.1)
        said = [place.text for one in found for place in one.places]
        assert any(field in text or field == "job.parent" for text in said), (field, said)


def test_a_run_that_a_child_ends_is_waited_for(stack: FloeLocal, tmp_path: Path) -> None:
    start, end = sound()
    for name, one in (("start", start), ("end", end)):
        (tmp_path / name).write_text(json.dumps([one]))
    send = f"{sys.executable} {JOB} file={tmp_path}"
    script = f"{send}/start; (sleep 1; {send}/end) &"
    result = run(["sh", "-c", script], Settings(), Options(deadline_s=20.0), where=stack.where)
    assert codes(result) == {}
    assert [one.stored for one in result.verdict.stored] == [1]


@pytest.mark.parametrize("protocol", ["grpc", "http/protobuf"])
def test_what_a_real_client_sends_is_stored(
    stack: FloeLocal, protocol: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_PROTOCOL", protocol)
    result = run_on(stack, "spans=300", f"events={json.dumps(sound())}")
    stored = {one.backend: (one.acknowledged, one.stored) for one in result.verdict.stored}
    assert stored == {"jaeger": (301, 301), "marquez": (1, 1)}
    assert codes(result) == {}
    assert result.exit_code == 0
    assert {request.channel for request in result.session.requests} == {
        "openlineage",
        "otlp-grpc" if protocol == "grpc" else "otlp-http",
    }


def test_a_service_of_three_processes_is_one_trace(tmp_path: Path) -> None:
    command = [sys.executable, str(JOB), "spans=2", "depth=3"]
    result = run(command, Settings(), Options(folder=tmp_path))
    assert {name: one.spans for name, one in result.verdict.services.items()} == {
        "job-1": 3,
        "job-2": 3,
        "job-3": 3,
    }
    assert len({span.trace_id for span in result.session.spans}) == 1
    assert codes(result) == {}


def test_a_service_whose_first_process_does_not_send(tmp_path: Path) -> None:
    parent = f"traceparent=00-{'a' * 32}-{'b' * 16}-01"
    command = [sys.executable, str(JOB), "spans=0", parent]
    result = run(command, Settings(), Options(folder=tmp_path))
    assert codes(result) == {"remote-parent": 1}


def test_an_event_that_the_backend_refuses_is_named_and_refused(stack: FloeLocal) -> None:
    bad = event("START", 0, eventTime="yesterday")
    result = run_on(stack, f"events={json.dumps([bad])}")
    assert codes(result)["not-acknowledged"] == 1
    [request] = result.session.requests
    assert request.status.startswith(("HTTP 4", "HTTP 5"))
    assert result.command_exit == 0
    assert result.exit_code == 1


def test_an_acknowledged_event_that_is_not_stored_is_named(stack: FloeLocal) -> None:
    result = run_on(stack, f"events={json.dumps([event(run_id='no-uuid')])}", deadline_s=1.0)
    assert codes(result)["not-stored"] >= 1
    assert result.exit_code == 1


def test_a_wrong_path_is_led_to_the_right_one_and_named(stack: FloeLocal) -> None:
    result = run_on(stack, f"events={json.dumps(sound())}", "path=/lineage")
    assert codes(result) == {"wrong-path": 2}
    assert [one.stored for one in result.verdict.stored] == [1]


def test_a_stack_that_dies_in_the_middle_is_no_hang(tmp_path: Path) -> None:
    script = tmp_path / "job.sh"
    with FloeLocal() as own:
        collector = own.get_container("otel-collector")
        script.write_text(
            f"{sys.executable} {JOB} spans=1\ndocker kill {collector.ID} >&2\n"
            f"{sys.executable} {JOB} spans=1\n"
        )
        result = run(["sh", str(script)], Settings(), Options(deadline_s=3.0), where=own.where)
    assert codes(result)["not-acknowledged"] >= 1
    assert result.exit_code == 1
