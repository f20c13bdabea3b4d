"""Lineage: runs planned as pure values, their events, and what a backend is expected to hold."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Literal
from uuid import uuid4

from floe_local.signals.shared.model import NEVER_SENT, PREFIX, TEXT, ExpectedItem

if TYPE_CHECKING:
    from floe_local.signals.shared.model import StoredNames, TracePlan

_OF_RUN = frozenset({
    "namespace", "run_id", "sent_job", "job", "event", "state", "parent_run_id", "parent_job",
    "inputs", "outputs", "started_at", "ended_at", "duration_ms", "run_facets", "job_facets",
    "input_facets", "output_facets", "start_event", "last_event",
})  # fmt: skip
PLACEHOLDERS = {
    "run": _OF_RUN,
    "job": _OF_RUN,
    "dataset": _OF_RUN | {"dataset", "dataset_facets", "schema", "column_lineage"},
}
MEANINGS = {
    "namespace": "of jobs and datasets",
    "run_id": "a UUID",
    "sent_job": "the job's name as it was sent",
    "job": "the job's name as `naming.child_job` has it",
    "event": "the type of the run's last event",
    "state": "the same, as `naming.run_states` calls it",
    "parent_run_id": "null where there is no parent",
    "parent_job": "null where there is no parent",
    "inputs": "names of datasets, sorted",
    "outputs": "names of datasets, sorted",
    "started_at": "`eventTime` of START: `2026-01-01T00:00:00.000789Z`",
    "ended_at": "`eventTime` of the last event",
    "duration_ms": "milliseconds between the two",
    "run_facets": "the run's facets, by name, in its last event",
    "job_facets": "the job's facets, by name",
    "input_facets": "`{name, facets}` for each input's `inputFacets`, sorted by name",
    "output_facets": "the same for outputs",
    "start_event": "START whole, without `_producer`, `_schemaURL` and `producer`",
    "last_event": "the last event, likewise",
    "dataset_facets": "the dataset's facets, by name, but for `schema` and `columnLineage`",
    "dataset": "the dataset's name",
    "schema": "`{name, type}`, sorted by name",
    "column_lineage": "`{name, inputs: [{namespace, dataset, field}]}`, sorted",
}


def _some_time_ago() -> datetime:
    """Return a time that a clock of milliseconds could not hold, two seconds ago."""
    past = datetime.now(UTC) - timedelta(seconds=2)
    return past.replace(microsecond=past.microsecond // 1000 * 1000 + 789)


@dataclass(frozen=True, kw_only=True)
class Column:
    """A column of an input dataset that an output column is made of."""

    dataset: str
    field: str


Facets = dict[str, dict[str, Any]]
"""OpenLineage facets by name, without what the client adds (`_producer`, `_schemaURL`)."""


@dataclass(frozen=True, kw_only=True)
class DatasetPlan:
    """A dataset: its columns and types, and what each column is made of.

    `facets` are others of its own, `usage_facets` those of a run's input or output.
    """

    name: str
    fields: dict[str, str] = field(default_factory=dict)
    column_lineage: dict[str, tuple[Column, ...]] = field(default_factory=dict)
    facets: Facets = field(default_factory=dict)
    usage_facets: Facets = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class RunPlan:
    """One run: START, then `ending`. `parent` is the plan's own run of the parent job.

    `started` and `ended` are the times of its events. `end_facets` are the run's in its last
    event alone.
    """

    scenario: str
    run_id: str
    job: str
    ending: Literal["COMPLETE", "FAIL", "ABORT"]
    inputs: tuple[DatasetPlan, ...] = ()
    outputs: tuple[DatasetPlan, ...] = ()
    parent_run_id: str | None = None
    parent_job: str | None = None
    started: datetime = field(default_factory=_some_time_ago)
    duration_ms: int = 1_234
    run_facets: Facets = field(default_factory=dict)
    end_facets: Facets = field(default_factory=dict)
    job_facets: Facets = field(default_factory=dict)

    @property
    def ended(self) -> datetime:
        """When it ended."""
        return self.started + timedelta(milliseconds=self.duration_ms)

    @property
    def count(self) -> int:
        """One run."""
        return 1


def plan(canary: str, _traces: tuple[TracePlan, ...]) -> tuple[RunPlan, ...]:
    """Plan five runs. The parent comes first: it starts before, and ends after, all others."""
    prefix = f"{PREFIX}-{canary}"
    parent = RunPlan(
        scenario="parent", run_id=str(uuid4()), job=f"{prefix}-parent", ending="COMPLETE"
    )
    child = replace(
        simple_run(f"{prefix}-child", "child"),
        parent_run_id=parent.run_id,
        parent_job=parent.job,
    )
    return (
        parent,
        _complete(f"{prefix}-complete"),
        child,
        replace(
            simple_run(f"{prefix}-fail", "fail"),
            ending="FAIL",
            end_facets={"errorMessage": _ERROR},
        ),
        replace(simple_run(f"{prefix}-abort", "abort"), ending="ABORT"),
    )


def never_sent(canary: str) -> RunPlan:
    """Plan a run that no backend may hold."""
    return simple_run(f"{PREFIX}-{canary}-{NEVER_SENT}", NEVER_SENT)


def _complete(job: str) -> RunPlan:
    orders = DatasetPlan(
        name=f"{job}.orders",
        fields={"id": "BIGINT", "total": "DECIMAL", "customer": "BIGINT"},
        facets=_DATASET_FACETS,
        usage_facets={"dataQualityMetrics": _QUALITY},
    )
    customers = DatasetPlan(
        name=f"{job}.customers", fields={"id": "BIGINT", "name \u00e9": "VARCHAR"}
    )
    mart = DatasetPlan(
        name=f"{job}.mart",
        fields={"order_id": "BIGINT", "total": "DECIMAL", "label": "VARCHAR"},
        column_lineage={
            "label": (
                Column(dataset=customers.name, field="name \u00e9"),
                Column(dataset=orders.name, field="id"),
            ),
            "order_id": (Column(dataset=orders.name, field="id"),),
            "total": (Column(dataset=orders.name, field="total"),),
        },
        facets=_DATASET_FACETS,
        usage_facets={"outputStatistics": {"rowCount": 7, "size": 2**40 + 1, "fileCount": 2}},
    )
    audit = DatasetPlan(name=f"{job}.audit", fields={"order_id": "BIGINT"})
    return RunPlan(
        scenario="complete",
        run_id=str(uuid4()),
        job=job,
        ending="COMPLETE",
        inputs=(orders, customers),
        outputs=(mart, audit),
        run_facets=_RUN_FACETS,
        job_facets=_JOB_FACETS,
    )


_OWNERS = {"owners": [{"name": "team:floe-canary", "type": "OWNER"}]}


_ERROR = {
    "message": f"a canary's failure {TEXT}",
    "programmingLanguage": "PYTHON",
    "stackTrace": "Traceback\n  in canary",
}


_QUALITY = {
    "rowCount": 7,
    "bytes": 2**40 + 1,
    "columnMetrics": {"id": {"nullCount": 0, "distinctCount": 7, "min": 1.5, "max": 7.5}},
}


_RUN_FACETS: Facets = {
    "nominalTime": {
        "nominalStartTime": "2026-01-01T00:00:00Z",
        "nominalEndTime": "2026-01-02T00:00:00Z",
    },
    "processing_engine": {
        "name": "floe-canary",
        "version": "1.0.0",
        "openlineageAdapterVersion": "1.0.0",
    },
}


_JOB_FACETS: Facets = {
    "documentation": {"description": f"What a canary's job is for {TEXT}"},
    "sourceCodeLocation": {
        "type": "git",
        "url": "https://git.example/canary/blob/main/job.sql",
        "path": "job.sql",
    },
    "sql": {"query": "INSERT INTO mart SELECT 'it''s' FROM orders", "dialect": "ansi"},
    "jobType": {"processingType": "BATCH", "integration": "FLOE", "jobType": "MODEL"},
    "ownership": _OWNERS,
    "tags": {"tags": [{"key": "canary", "value": "true", "source": "FLOE"}]},
}


_DATASET_FACETS: Facets = {
    "dataSource": {"name": "floe-canary", "uri": "postgres://canary.example:5432/floe"},
    "documentation": {"description": f"What a canary's dataset is for {TEXT}"},
    "ownership": _OWNERS,
}


def event_of(run: RunPlan, kind: str, namespace: str) -> dict[str, Any]:
    """Return an event of a run as it is sent, without what the client adds (`_producer` …)."""
    ends = kind != "START"
    parent: Facets = {}
    if run.parent_run_id and run.parent_job:
        parent["parent"] = {
            "run": {"runId": run.parent_run_id},
            "job": {"namespace": namespace, "name": run.parent_job},
        }
    at = run.ended if ends else run.started
    return {
        "eventType": kind,
        "eventTime": as_event_time(at),
        "run": {
            "runId": run.run_id,
            "facets": {**run.run_facets, **parent, **(run.end_facets if ends else {})},
        },
        "job": {"namespace": namespace, "name": run.job, "facets": run.job_facets},
        "inputs": [
            {**_planned_dataset(one, namespace), "inputFacets": one.usage_facets}
            for one in run.inputs
        ],
        "outputs": [
            {**_planned_dataset(one, namespace), "outputFacets": one.usage_facets}
            for one in run.outputs
        ],
    }


def as_event_time(at: datetime) -> str:
    """Return a time as events have it: UTC, six digits of a second, `Z`."""
    return at.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _planned_dataset(dataset: DatasetPlan, namespace: str) -> dict[str, Any]:
    facets = dict(dataset.facets)
    if dataset.fields:
        fields = [{"name": name, "type": kind} for name, kind in dataset.fields.items()]
        facets["schema"] = {"fields": fields}
    if dataset.column_lineage:
        facets["columnLineage"] = {
            "fields": {
                name: {
                    "inputFields": [
                        {"namespace": namespace, "name": column.dataset, "field": column.field}
                        for column in columns
                    ]
                }
                for name, columns in dataset.column_lineage.items()
            }
        }
    return {"namespace": namespace, "name": dataset.name, "facets": facets}


def rerun(run: RunPlan) -> RunPlan:
    """Return another run of the same job, now."""
    return replace(run, run_id=str(uuid4()), started=_some_time_ago())


def simple_run(job: str, scenario: str) -> RunPlan:
    """Return a fresh run of `job` with one input and one output."""
    source = DatasetPlan(name=f"{job}.in", fields={"id": "BIGINT"})
    target = DatasetPlan(
        name=f"{job}.out",
        fields={"id": "BIGINT"},
        column_lineage={"id": (Column(dataset=source.name, field="id"),)},
    )
    return RunPlan(
        scenario=scenario,
        run_id=str(uuid4()),
        job=job,
        ending="COMPLETE",
        inputs=(source,),
        outputs=(target,),
    )


def bulk_runs(canary: str, threads: int) -> list[RunPlan]:
    """Return a run of each thread's own job: runs of one job would wait for each other.

    Its datasets have no facets: what these runs prove is that none is lost.
    """
    return [
        RunPlan(
            scenario="bulk",
            run_id=str(uuid4()),
            job=job,
            ending="COMPLETE",
            inputs=(DatasetPlan(name=f"{job}.in"),),
            outputs=(DatasetPlan(name=f"{job}.out"),),
        )
        for job in (f"{PREFIX}-{canary}-bulk-{number}" for number in range(threads))
    ]


def expected(run: RunPlan, namespace: str, naming: StoredNames, /) -> list[ExpectedItem]:
    """Return a run, its job and, when it completes, its datasets (as the backend names them)."""
    values = run_values(run, namespace, naming)
    datasets = (*run.inputs, *run.outputs) if run.ending == "COMPLETE" else ()
    return [
        ExpectedItem("run", values),
        ExpectedItem("job", values),
        *(
            ExpectedItem("dataset", {**values, **_of_dataset(dataset, namespace)})
            for dataset in datasets
        ),
    ]


def run_values(run: RunPlan, namespace: str, naming: StoredNames) -> dict[str, Any]:
    """Return what placeholders stand for in a run's requests and expectations."""
    last = event_of(run, run.ending, namespace)
    return {
        "namespace": namespace,
        "run_id": run.run_id,
        "sent_job": run.job,
        "job": _stored_job(run, naming),
        "event": run.ending,
        "state": naming.run_states.get(run.ending, run.ending),
        "parent_run_id": run.parent_run_id,
        "parent_job": run.parent_job,
        "inputs": sorted(dataset.name for dataset in run.inputs),
        "outputs": sorted(dataset.name for dataset in run.outputs),
        "started_at": as_event_time(run.started),
        "ended_at": as_event_time(run.ended),
        "duration_ms": run.duration_ms,
        "run_facets": last["run"]["facets"],
        "job_facets": run.job_facets,
        "input_facets": _usage_facets(run.inputs),
        "output_facets": _usage_facets(run.outputs),
        "start_event": event_of(run, "START", namespace),
        "last_event": last,
    }


def _usage_facets(datasets: tuple[DatasetPlan, ...]) -> list[dict[str, Any]]:
    named = sorted(datasets, key=lambda dataset: dataset.name)
    return [{"name": dataset.name, "facets": dataset.usage_facets} for dataset in named]


def _stored_job(run: RunPlan, naming: StoredNames) -> str:
    if run.parent_job is None:
        return run.job
    return naming.stored_job(run.job, run.parent_job)


def _of_dataset(dataset: DatasetPlan, namespace: str) -> dict[str, Any]:
    """Return a dataset's values; lists are sorted by name, for backends keep no order."""
    return {
        "dataset": dataset.name,
        "dataset_facets": dataset.facets,
        "schema": [{"name": name, "type": kind} for name, kind in sorted(dataset.fields.items())],
        "column_lineage": [
            {
                "name": name,
                "inputs": [
                    {"namespace": namespace, "dataset": column.dataset, "field": column.field}
                    for column in sorted(columns, key=lambda c: f"{c.dataset}/{c.field}")
                ],
            }
            for name, columns in sorted(dataset.column_lineage.items())
        ],
    }


def removals(runs: list[RunPlan], namespace: str, naming: StoredNames) -> list[ExpectedItem]:
    """Return each run, job and dataset once, whatever became of the run.

    A job goes by both its names: a backend that lost the parent stored the one that was sent.
    """
    found = {}
    for run in runs:
        values = run_values(run, namespace, naming)
        found["run", run.run_id] = ExpectedItem("run", values)
        for job in (values["job"], run.job):
            found["job", job] = ExpectedItem("job", {**values, "job": job})
        for dataset in (*run.inputs, *run.outputs):
            own = {**values, **_of_dataset(dataset, namespace)}
            found["dataset", dataset.name] = ExpectedItem("dataset", own)
    return list(found.values())
