"""Events of real producers (Airflow, Spark, Dataproc) are all there afterwards, in any order."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any
from urllib.parse import quote
from uuid import NAMESPACE_URL, uuid4, uuid5

import pytest

from bench.answer_diff import stored_run_id

pytestmark = pytest.mark.integration

SCENARIOS = Path(__file__).parents[4] / "shared/openlineage/compatibility"
NAMES = (
    "CLL",
    "airflow",
    "simple_run_event",
    "spark_dataproc_bigquery_shakespare",
    "spark_dataproc_simple_producer_test",
    "spark_dataproc_simple_producer_test_complete",
)
STATES = {"COMPLETE": "COMPLETED", "FAIL": "FAILED", "ABORT": "ABORTED"}
UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def events_of(scenario: str, order: str) -> list[Any]:
    """The events in the order of their files' names as text, or by number; with ids of our own."""
    folder = SCENARIOS / scenario / "events"
    if not folder.is_dir():
        pytest.skip(f"{folder} is not there")
    paths = sorted(folder.glob("*.json"))
    if order == "number":
        paths.sort(key=lambda path: [int(digits) for digits in re.findall(r"\d+", path.stem)])
    tag = uuid4().hex
    texts = (
        UUID.sub(lambda found: str(uuid5(NAMESPACE_URL, f"{found[0]}{tag}")), path.read_text())
        for path in paths
    )
    return [json.loads(text) for text in texts]


@pytest.mark.parametrize("order", ["text", "number"])
@pytest.mark.parametrize("scenario", NAMES)
def test_what_real_producers_send_is_read_back(server: Any, scenario: str, order: str) -> None:
    events = events_of(scenario, order)
    assert events
    for event in events:
        server.send(**event)
    last = {event["run"]["runId"]: event for event in events}
    for run, event in last.items():
        shown = server.get(f"/api/v1/jobs/runs/{stored_run_id(run)}")
        assert shown["state"] == STATES.get(event["eventType"], "RUNNING")
        assert shown["facets"].keys() >= facets_of(event).keys()
        assert versions(shown, "input") >= names(event, "inputs")
        assert versions(shown, "output") >= names(event, "outputs")
    for dataset in {
        name for event in events for key in ("inputs", "outputs") for name in names(event, key)
    }:
        namespace, name = (quote(part, safe="") for part in dataset)
        found = server.get(f"/api/v1/namespaces/{namespace}/datasets/{name}")
        assert found["id"] == {"namespace": dataset[0], "name": dataset[1]}


def facets_of(event: Any) -> dict[str, Any]:
    facets = event["run"].get("facets", {})
    return {name: facet for name, facet in facets.items() if name != "spark_unknown"}


def names(event: Any, key: str) -> set[tuple[str, str]]:
    return {(part["namespace"], part["name"]) for part in event.get(key, ())}


def versions(run: Any, key: str) -> set[tuple[str, str]]:
    parts = (part["datasetVersionId"] for part in run[f"{key}DatasetVersions"])
    return {(part["namespace"], part["name"]) for part in parts}
