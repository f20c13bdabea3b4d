"""What the real client sends of a run is what was planned, and every change of it is seen."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from openlineage.client.serde import Serde
from openlineage.client.transport import Transport

from floe_local.plan.blueprint.model import Naming
from floe_local.plan.values import Signal
from floe_local.prove.canaries import plan
from floe_local.prove.send.emit import run_events
from floe_local.prove.send.lineage import CanaryClient, RunSender
from floe_local.signals.lineage import event_of, run_values
from floe_local.signals.shared.difference import differences
from tests.unit.signals.test_otlp_json import at, leaves, other, put

if TYPE_CHECKING:
    from floe_local.signals.lineage import RunPlan

SCENARIOS = ("parent", "complete", "child", "fail", "abort")


class Kept(Transport):
    """Keeps what it is given, as JSON has it."""

    kind = "kept"

    def __init__(self) -> None:
        self.events: list[Any] = []

    def emit(self, event: Any) -> None:
        self.events.append(json.loads(Serde.to_json(event)))


def run_of(scenario: str) -> RunPlan:
    runs: tuple[RunPlan, ...] = plan("ns", (), frozenset({Signal.LINEAGE})).of(Signal.LINEAGE)
    return next(run for run in runs if run.scenario == scenario)


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_what_the_client_sends_is_what_was_planned(scenario: str) -> None:
    run, kept = run_of(scenario), Kept()
    RunSender(CanaryClient(transport=kept)).send(run_events(run, "ns"))
    for kind, event in zip(("START", run.ending), kept.events, strict=True):
        assert differences("event", event_of(run, kind, "ns"), event) == []


@pytest.mark.parametrize("scenario", ["complete", "child", "fail"])
def test_every_single_change_of_an_event_is_seen(scenario: str) -> None:
    run = run_of(scenario)
    sent = event_of(run, run.ending, "ns")
    paths = [path for path in leaves(sent) if at(sent, path) not in ({}, [])]
    assert len(paths) > 10
    for path in paths:
        [difference] = differences("event", sent, put(sent, path, other(at(sent, path), path[-1])))
        assert difference.field.startswith(f"event.{path[0]}"), path


def test_all_that_a_backend_can_give_back_is_sent() -> None:
    values = run_values(run_of("complete"), "ns", Naming())
    assert set(values["run_facets"]) == {"nominalTime", "processing_engine"}
    assert len(values["job_facets"]) == 6
    assert [one["facets"].keys() for one in values["input_facets"]] == [
        set(),
        {"dataQualityMetrics"},
    ]
    assert [one["facets"].keys() for one in values["output_facets"]] == [
        set(),
        {"outputStatistics"},
    ]
    assert values["duration_ms"] == 1_234
    assert "errorMessage" in run_values(run_of("fail"), "ns", Naming())["run_facets"]
