"""What a canary is asked for: the values that a blueprint's placeholders stand for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from floe_local.plan.nested import filled
from floe_local.plan.values import Signal
from floe_local.prove.canaries import LogPlan, MetricPlan, TracePlan
from floe_local.prove.otlp_json import comparable
from floe_local.prove.runs import RunPlan, as_event_time, planned_event

if TYPE_CHECKING:
    from floe_local.plan.blueprint.model import Naming
    from floe_local.prove.canaries import Canaries, SpanPlan
    from floe_local.prove.runs import DatasetPlan

Plan = TracePlan | MetricPlan | LogPlan | RunPlan
_MOST_SPANS = 100


class ExpectedItem(NamedTuple):
    """One thing that a backend is asked for.

    `each` is what a probe calls it, `values` what placeholders stand for, `trace` what a
    decoded answer is compared with.
    """

    each: str
    values: dict[str, Any]
    trace: TracePlan | None = None


def expected_items(plan: Plan, namespace: str, naming: Naming) -> list[ExpectedItem]:
    """Return everything that a backend has to hold of what was planned."""
    if isinstance(plan, TracePlan):
        return of_trace(plan)
    if isinstance(plan, MetricPlan):
        return [_of_metric(plan)]
    if isinstance(plan, LogPlan):
        return [_of_log(plan)]
    return of_run(plan, namespace, naming)


def never_sent(canaries: Canaries, signal: Signal, naming: Naming) -> list[ExpectedItem]:
    """Return one of each kind that no backend may hold."""
    trace = canaries.never_trace
    if signal is Signal.TRACES:
        return of_trace(trace)
    if signal is Signal.LINEAGE:
        return of_run(canaries.never_run, canaries.namespace, naming)
    common = {"canary": f"{canaries.id}-never", "protocol": trace.protocol}
    if signal is Signal.METRICS:
        values = {**common, "metric": f"floe.canary.never.{canaries.id}", "service": "never"}
        return [ExpectedItem("metric", {**values, "value": 0.0, "instrument": "gauge"})]
    ids = {"trace_id": trace.trace_id, "span_id": trace.spans[0].span_id}
    body = f"never sent {canaries.id}"
    return [ExpectedItem("log", {**common, **ids, "body": body, "severity": "", "service": ""})]


def of_trace(trace: TracePlan) -> list[ExpectedItem]:
    """Return a trace, and each of its spans; of more than a hundred, the root alone."""
    values = {
        "trace_id": trace.trace_id,
        "canary": trace.canary,
        "protocol": trace.protocol,
        "case": trace.case,
        "span_ids": sorted(span.span_id for span in trace.spans),
    }
    whole = ExpectedItem("trace", values, trace)
    # Asking for each of thousands would take minutes: the trace's `span_ids` have them.
    spans = trace.spans if len(trace.spans) <= _MOST_SPANS else trace.spans[:1]
    return [whole, *(_of_span(span, trace, values) for span in spans)]


def _of_span(span: SpanPlan, trace: TracePlan, values: dict[str, Any]) -> ExpectedItem:
    own = {
        "span_id": span.span_id,
        "parent_id": span.parent_id,
        "name": span.name,
        "kind": span.kind,
        "status": span.status,
        "message": span.message,
        "service": span.service,
        "attributes": comparable(span.attributes),
        "trace_state": span.trace_state,
        "start": span.start,
        "end": span.end,
        "duration": span.end - span.start,
    }
    return ExpectedItem("span", {**values, **own}, trace)


def _of_metric(plan: MetricPlan) -> ExpectedItem:
    values = {
        "canary": plan.canary,
        "protocol": plan.protocol,
        "service": plan.service,
        "metric": plan.name,
        "instrument": plan.instrument,
        "value": plan.value,
    }
    return ExpectedItem("metric", values)


def _of_log(plan: LogPlan) -> ExpectedItem:
    values = plan.model_dump(exclude={"attributes"})
    return ExpectedItem("log", values)


def of_run(run: RunPlan, namespace: str, naming: Naming) -> list[ExpectedItem]:
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


def run_values(run: RunPlan, namespace: str, naming: Naming) -> dict[str, Any]:
    """Return what placeholders stand for in a run's requests and expectations."""
    last = planned_event(run, run.ending, namespace)
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
        "start_event": planned_event(run, "START", namespace),
        "last_event": last,
    }


def _usage_facets(datasets: tuple[DatasetPlan, ...]) -> list[dict[str, Any]]:
    named = sorted(datasets, key=lambda dataset: dataset.name)
    return [{"name": dataset.name, "facets": dataset.usage_facets} for dataset in named]


def _stored_job(run: RunPlan, naming: Naming) -> str:
    if run.parent_job is None:
        return run.job
    return filled(naming.child_job, {"job": run.job, "parent_job": run.parent_job})


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


def to_remove(runs: list[RunPlan], namespace: str, naming: Naming) -> list[ExpectedItem]:
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
