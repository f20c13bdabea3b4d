"""Events of real producers (Airflow, Spark, Dataproc): judged, and through a real stack."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

import pytest

from floe_local.observe.verdict import Settings
from floe_local.operations.observe import Options, check, run
from tests.integration.observe.test_run import JOB
from tests.integration.standin.test_producers import NAMES, SCENARIOS, events_of

if TYPE_CHECKING:
    from pathlib import Path

    from floe_local.testing import FloeLocal

pytestmark = pytest.mark.integration

FOUND = {
    "CLL": {"no-start": 1, "output-without-rows": 2},
    "airflow": {"no-datasets": 1, "input-without-schema": 6, "output-without-rows": 10},
    "simple_run_event": {
        "run-id": 1,
        "event-urls": 1,
        "no-start": 1,
        "input-without-schema": 1,
        "output-without-rows": 1,
    },
    "spark_dataproc_bigquery_shakespare": {},
    "spark_dataproc_simple_producer_test": {"parent-unknown": 1, "dataset-naming": 2},
    "spark_dataproc_simple_producer_test_complete": {
        "no-start": 2,
        "dataset-naming": 2,
        "output-without-rows": 4,
    },
}
NOT_STORED = {"simple_run_event"}
"""Its run id is no UUID: Marquez stores it under another."""


@pytest.mark.parametrize("scenario", NAMES)
def test_what_the_rules_find(scenario: str) -> None:
    folder = SCENARIOS / scenario / "events"
    if not folder.is_dir():
        pytest.skip(f"{folder} is not there")
    verdict = check([folder], Settings())
    assert {one.code: one.count for one in verdict.findings} == FOUND[scenario]


@pytest.mark.parametrize("scenario", NAMES)
def test_what_is_sent_through_the_tap_is_stored(
    stack: FloeLocal, scenario: str, tmp_path: Path
) -> None:
    file = tmp_path / "events.json"
    events = events_of(scenario, "number")
    file.write_text(json.dumps(events))
    command = ["sh", "-c", f"{sys.executable} {JOB} file={file}"]
    result = run(command, Settings(), Options(deadline_s=5.0), where=stack.where)
    assert [event.content for event in result.session.events] == events
    [stored] = result.verdict.stored
    runs = {event["run"]["runId"] for event in events}
    codes = {one.code for one in result.verdict.findings}
    assert stored.acknowledged == len(runs)
    assert (stored.stored == len(runs)) is (scenario not in NOT_STORED)
    assert ("not-stored" in codes) is (scenario in NOT_STORED)
