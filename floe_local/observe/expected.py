"""What placeholders of a blueprint's probes stand for, of what a session holds.

Of lineage that is the fold of events, in the order of their times: of a run all of its own, of a
job those of its latest run, of a dataset those since its latest run that writes it.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from floe_local.observe.session.lineage import (
    ENDS,
    datasets_in,
    lineage_of,
    mapping,
    mappings,
    name_of,
    text,
    time_of,
)
from floe_local.observe.session.model import ObservedSession
from floe_local.plan.nested import fill

if TYPE_CHECKING:
    from collections.abc import Iterable

    from floe_local.observe.session.lineage import Lineage, LineageName, Run
    from floe_local.observe.session.model import Event, LogRecord, Metric, Span
    from floe_local.plan.blueprint.model import Naming

_OF_CLIENT = ("_producer", "_schemaURL")
_OWN_PLACEHOLDERS = ("schema", "columnLineage")
_EARLIEST = datetime.min.replace(tzinfo=UTC)


def span_values(span: Span) -> dict[str, Any]:
    """What placeholders stand for of a span."""
    return {
        "trace_id": span.trace_id,
        "span_id": span.span_id,
        "parent_id": span.parent_id or None,
        "name": span.name,
        "kind": span.kind,
        "status": span.status["code"],
        "message": span.status["message"],
        "service": span.service,
        "start": span.start,
        "end": span.end,
        "duration": span.end - span.start,
        "trace_state": span.trace_state,
    }


_INSTRUMENTS = {"sum": "counter"}


def log_values(record: LogRecord) -> dict[str, Any]:
    """What placeholders stand for of a log record."""
    return {
        "trace_id": record.trace_id,
        "span_id": record.span_id,
        "body": record.body,
        "severity": record.severity,
        "service": str(record.resource.get("service.name") or ""),
    }


def metric_values(metric: Metric) -> dict[str, Any]:
    """What placeholders stand for of a metric; a session keeps no values."""
    return {
        "metric": metric.name,
        "instrument": _INSTRUMENTS.get(metric.kind, metric.kind),
        "service": str(metric.resource.get("service.name") or ""),
    }


def by_time(events: Iterable[Event]) -> list[Event]:
    """Events in the order of their times; what has none comes first."""
    return sorted(events, key=lambda event: time_of(event) or _EARLIEST)


def fold(events: Iterable[Event]) -> Lineage:
    """The fold of events in the order of their times."""
    return lineage_of(ObservedSession(events=tuple(by_time(events))))


def last_time(run: Run) -> datetime:
    """The time of a run's last event."""
    return time_of(run.events[-1]) or _EARLIEST


def latest_runs(runs: Iterable[Run]) -> dict[LineageName, Run]:
    """Of each job the run whose last event has the latest time."""
    return {run.job: run for run in sorted(runs, key=last_time)}


def latest_users(runs: Iterable[Run]) -> dict[LineageName, Run]:
    """Of each dataset the latest run that writes it, else that reads it."""
    in_time = sorted(runs, key=last_time)
    readers = {name: run for run in in_time for name in run.inputs}
    return readers | {name: run for run in in_time for name in run.outputs}


def run_values(run: Run, naming: Naming) -> dict[str, Any]:
    """What placeholders stand for of a run, as far as its events say it."""
    contents = [mapping(event.content) for event in run.events]
    jobs = [mapping(mapping(content.get("job")).get("facets")) for content in contents]
    values: dict[str, Any] = {
        "run_id": run.run_id,
        "namespace": run.job.namespace,
        "sent_job": run.job.name,
        "job": _stored_job(run, naming),
        "event": run.state,
        "state": naming.run_states.get(run.state, run.state),
        "inputs": sorted({name.name for name in run.inputs}),
        "outputs": sorted({name.name for name in run.outputs}),
        "run_facets": plain_facets([run.facets]),
        "job_facets": plain_facets(jobs),
        "input_facets": _usage_facets(contents, "inputs", "inputFacets"),
        "output_facets": _usage_facets(contents, "outputs", "outputFacets"),
        "last_event": contents[-1],
    }
    start = next((content for content in contents if content.get("eventType") == "START"), None)
    end = next((content for content in contents if content.get("eventType") in ENDS), None)
    if start:
        values |= {"start_event": start, "started_at": start.get("eventTime")}
    if end:
        values["ended_at"] = end.get("eventTime")
    if run.parent:
        values["parent_run_id"] = run.parent
    if run.parent_job:
        values["parent_job"] = run.parent_job.name
    return values


def _stored_job(run: Run, naming: Naming) -> str:
    if run.parent_job is None:
        return run.job.name
    parent = run.parent_job.name
    name = fill(naming.child_job, {"job": run.job.name, "parent_job": parent})
    begin = fill(naming.child_job, {"job": "", "parent_job": parent})
    return run.job.name if run.job.name.startswith(begin) else name


def plain_facets(parts: Iterable[dict[str, Any]]) -> dict[str, Any]:
    """The last of each facet, without what the client adds; one that is deleted is left out."""
    last = {name: facet for facets in parts for name, facet in facets.items()}
    return {
        name: {key: value for key, value in facet.items() if key not in _OF_CLIENT}
        for name, facet in last.items()
        if isinstance(facet, dict) and facet.get("_deleted") is not True
    }


def _usage_facets(contents: Iterable[dict[str, Any]], side: str, own: str) -> list[dict[str, Any]]:
    """``{name, facets}`` for each dataset of one side, sorted by name."""
    found: dict[str, list[dict[str, Any]]] = {}
    for content in contents:
        for one in mappings(content.get(side)):
            found.setdefault(text(one.get("name")), []).append(mapping(one.get(own)))
    return [{"name": name, "facets": plain_facets(found[name])} for name in sorted(found)]


DatasetParts = dict["LineageName", list[tuple[datetime, dict[str, Any]]]]
"""What events say of each dataset: when, and its facets; in the order of their times."""


def dataset_parts(events: Iterable[Event]) -> DatasetParts:
    """Gather what events say of each dataset."""
    found: DatasetParts = {}
    for event in by_time(events):
        at = time_of(event) or _EARLIEST
        for _, one in datasets_in(mapping(event.content)):
            found.setdefault(name_of(one), []).append((at, mapping(one.get("facets"))))
    return found


def aliases(lineage: Lineage) -> frozenset[str]:
    """The names of datasets that go by several: by their own, and by those of `symlinks`."""
    linked = {
        name.name: mappings(mapping(facets.get("symlinks")).get("identifiers"))
        for name, facets in lineage.datasets.items()
    }
    others = {text(one.get("name")) for links in linked.values() for one in links}
    return frozenset(others | {name for name, links in linked.items() if links})


def dataset_values(name: LineageName, user: Run, parts: DatasetParts) -> dict[str, Any]:
    """What placeholders stand for of a dataset.

    Args:
        name: the dataset's.
        user: the latest run that uses it: what came before, a backend holds of an older state.
        parts: of all datasets.
    """
    since = time_of(user.events[0]) or _EARLIEST
    facets = plain_facets(part for at, part in parts[name] if at >= since)
    values: dict[str, Any] = {"namespace": name.namespace, "dataset": name.name}
    values["dataset_facets"] = {k: v for k, v in facets.items() if k not in _OWN_PLACEHOLDERS}
    fields = mappings(mapping(facets.get("schema")).get("fields"))
    if fields and all(text(one.get("name")) and text(one.get("type")) for one in fields):
        rows = [{"name": one["name"], "type": one["type"]} for one in fields]
        values["schema"] = sorted(rows, key=lambda row: row["name"])
    if columns := mapping(mapping(facets.get("columnLineage")).get("fields")):
        values["column_lineage"] = [
            {"name": column, "inputs": _columns(mapping(columns[column]).get("inputFields"))}
            for column in sorted(columns)
        ]
    return values


def _columns(inputs: Any) -> list[dict[str, str]]:
    """The columns that one is made of, each once; sorted as blueprints sort them."""
    found = {
        tuple(text(one.get(key)) for key in ("namespace", "name", "field"))
        for one in mappings(inputs)
    }
    return [
        {"namespace": namespace, "dataset": dataset, "field": field}
        for namespace, dataset, field in sorted(found, key=lambda c: f"{c[1]}/{c[2]}")
    ]
