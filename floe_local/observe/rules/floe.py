"""Profile `floe`: what floe asks of its pipelines' telemetry and lineage.

Source: floe's requirements on observability (502, 503, 505, 511, 512, 517, 518, 521, 522, 524 and
528), as its runtime has them: the run facet `traceCorrelation` has `trace_id` and `span_id`.
What 516, 519, 520 and 529 ask for, every event should have: see profile `openlineage`.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from floe_local.observe.rules.model import Occurrence, Severity, SoundnessRule
from floe_local.observe.session.lineage import ENDS, mapping, text
from floe_local.observe.session.model import MOST_VALUES, LogRecord, Metric, Span

if TYPE_CHECKING:
    from collections.abc import Iterator

    from floe_local.observe.rules.model import View
    from floe_local.observe.session.lineage import Run

_FACET = "traceCorrelation"
_TRACE_ID = re.compile(r"(?!0{32})[0-9a-f]{32}")
_ATTRIBUTES = (
    "floe.namespace",
    "floe.product.name",
    "floe.product.version",
    "floe.mode",
    "floe.version",
)
_CHANGES = re.compile(
    r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}|[0-9a-f]{16,}"
    r"|\d{4}-\d\d-\d\d|\d{8,}",
    re.IGNORECASE,
)
"""What a job's name has from its run: ids, dates, Unix times."""

_NAMESPACE = re.compile(r"[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*")
_CTE = "__dbt__cte__"
"""How dbt calls an ephemeral model in the SQL of the models that use it."""

_RESULTS = {"dataQualityAssertions", "dataQualityMetrics"}
_KINDS: dict[type, str] = {Span: "spans", Metric: "metrics", LogRecord: "log records"}


def _trace_of(facets: dict[str, object]) -> str:
    return text(mapping(facets.get(_FACET)).get("trace_id"))


def _span_of(run: Run) -> str:
    return text(mapping(run.facets.get(_FACET)).get("span_id"))


def _job_facets(run: Run) -> dict[str, Any]:
    """The facets that all events of a run give its job."""
    found: dict[str, Any] = {}
    for event in run.events:
        found.update(mapping(mapping(mapping(event.content).get("job")).get("facets")))
    return found


def _no_trace_id(view: View) -> Iterator[Occurrence]:
    for run in view.lineage.runs.values():
        for event in run.events:
            facets = mapping(mapping(mapping(event.content).get("run")).get("facets"))
            found = _trace_of(facets)
            if not _TRACE_ID.fullmatch(found):
                said = f"is {found!r}" if found else "is missing"
                yield Occurrence(event.place, f"`run.facets.{_FACET}.trace_id` {said} ({run.job})")


def _run_traces(view: View) -> Iterator[tuple[Run, str]]:
    for run in view.lineage.runs.values():
        if _TRACE_ID.fullmatch(trace := _trace_of(run.facets)):
            yield run, trace


def _run_without_trace(view: View) -> Iterator[Occurrence]:
    traces = {span.trace_id for span in view.session.spans}
    for run, trace in _run_traces(view):
        if trace not in traces:
            yield Occurrence(run.place, f"run {run.run_id} of {run.job}: no span of trace {trace}")


def _trace_without_run(view: View) -> Iterator[Occurrence]:
    named = {trace for _, trace in _run_traces(view)}
    roots = (span for span in view.session.spans if not span.parent_id)
    for span in roots if view.session.events else ():
        if span.trace_id not in named:
            said = f"trace {span.trace_id} of {span.service or 'no service'} ({span.name!r})"
            yield Occurrence(span.place, f"{said} is in no event")


def _namespace(view: View) -> Iterator[Occurrence]:
    for name, runs in view.lineage.jobs.items():
        if view.namespace and name.namespace != view.namespace:
            yield Occurrence(runs[0].place, f"job {name}: the plugin's is {view.namespace!r}")


def _unstable(view: View) -> Iterator[Occurrence]:
    for name, runs in view.lineage.jobs.items():
        if found := _CHANGES.search(name.name):
            yield Occurrence(runs[0].place, f"job {name} has {found[0]!r} in its name")


def _no_root(view: View) -> Iterator[Occurrence]:
    came = {span.trace_id for span in view.session.spans}
    rooted = {span.trace_id for span in view.session.spans if not span.parent_id}
    first: dict[str, Run] = {}
    for run, trace in _run_traces(view):
        first.setdefault(trace, run)
    for trace, run in first.items():
        if trace in came - rooted:
            said = f"run {run.run_id} of {run.job}: trace {trace} has no root span"
            yield Occurrence(run.place, said)


def _no_span(view: View) -> Iterator[Occurrence]:
    """A model is a run that has a parent here; the parent is its job."""
    spans = {(span.trace_id, span.span_id) for span in view.session.spans}
    came = {trace for trace, _ in spans}
    runs = view.lineage.runs
    owners = {(t, _span_of(run)): run for run, t in _run_traces(view) if run.parent not in runs}
    for run, trace in _run_traces(view):
        if run.parent not in runs or trace not in came:
            continue
        own = (trace, _span_of(run))
        other = owners.setdefault(own, run)
        if own not in spans:
            said = f"no span {own[1] or 'of its own'} in trace {trace}"
            yield Occurrence(run.place, f"run {run.run_id} of {run.job}: {said}")
        elif other is not run:
            said = f"span {own[1]} is that of {other.job}, too"
            yield Occurrence(run.place, f"run {run.run_id} of {run.job}: {said}")


def _namespace_form(view: View) -> Iterator[Occurrence]:
    places = {name.namespace: runs[0].place for name, runs in view.lineage.jobs.items()}
    for namespace, place in places.items():
        if namespace and not _NAMESPACE.fullmatch(namespace):
            yield Occurrence(place, f"`job.namespace` is {namespace!r}")


def _ephemeral(view: View) -> Iterator[Occurrence]:
    for run in view.lineage.runs.values():
        sql = text(mapping(_job_facets(run).get("sql")).get("query"))
        for name in run.inputs:
            table = _CTE + name.name.rpartition(".")[2]
            if re.search(rf"\b{re.escape(table)}\b", sql):
                said = f"input {name} of {run.job} is {table} in its SQL: there is no such table"
                yield Occurrence(run.place, said)


def _no_results(view: View) -> Iterator[Occurrence]:
    for run in view.lineage.runs.values():
        is_test = mapping(_job_facets(run).get("jobType")).get("jobType") == "TEST"
        looked = [*run.inputs.values(), *run.outputs.values()]
        if is_test and run.state in ENDS and not any(_RESULTS & facets.keys() for facets in looked):
            said = f"run {run.run_id} of {run.job} is {run.state} without results"
            yield Occurrence(run.place, said)


def _unbounded(view: View) -> Iterator[Occurrence]:
    values: dict[tuple[str, str], set[str]] = {}
    places: dict[tuple[str, str], str] = {}
    for metric in view.session.metrics:
        for attribute, several in metric.values.items():
            values.setdefault((metric.name, attribute), set()).update(map(str, several))
            places[metric.name, attribute] = metric.place
    for (name, attribute), found in values.items():
        changing = next((one for one in sorted(found) if _CHANGES.search(one)), None)
        if len(found) >= MOST_VALUES:
            said = f"has {MOST_VALUES} values or more"
        elif changing is not None:
            said = f"is {changing!r}"
        else:
            continue
        yield Occurrence(places[name, attribute], f"metric {name!r}: `{attribute}` {said}")


def _attributes(view: View) -> Iterator[Occurrence]:
    session = view.session
    seen: set[tuple[str, tuple[str, ...]]] = set()
    items: tuple[Span | Metric | LogRecord, ...] = (*session.spans, *session.metrics, *session.logs)
    for item in items:
        own = item.values if isinstance(item, Metric) else item.attributes
        missing = tuple(a for a in _ATTRIBUTES if a not in item.resource and a not in own)
        service = str(item.resource.get("service.name") or "no service")
        what = f"{_KINDS[type(item)]} of {service}"
        if missing and (what, missing) not in seen:
            seen.add((what, missing))
            yield Occurrence(item.place, f"{what} lack {', '.join(missing)}")


_E, _W = Severity.ERROR, Severity.WARNING

RULES = (
    SoundnessRule(
        "event-without-trace", _E, "each lineage event has the id of its trace",
        "From a failed run nobody finds the spans that say why.",
        _no_trace_id,
    ),
    SoundnessRule(
        "run-without-trace", _E, "the trace that an event names has come",
        "The link from the run leads nowhere: its spans were not sampled, not flushed, or sent elsewhere.",
        _run_without_trace,
    ),
    SoundnessRule(
        "trace-without-run", _W, "a trace is named by a lineage event",
        "From the trace nobody finds the run, nor the data that it wrote.",
        _trace_without_run,
    ),
    SoundnessRule(
        "job-namespace", _E, "a job is in the namespace that the lineage plugin's strategy gives",
        "Jobs of one platform are in two namespaces, and their graphs do not meet.",
        _namespace,
    ),
    SoundnessRule(
        "job-name-changes", _W, "a job has the same name in each run",
        "Each run makes a new job: nothing has a history, and the list of jobs grows for ever.",
        _unstable,
    ),
    SoundnessRule(
        "job-without-root-span", _W, "the trace of a job has a root span",
        "The trace has no beginning: how long the job took, and whether it failed, is nowhere in it.",
        _no_root,
    ),
    SoundnessRule(
        "model-without-span", _W, "each model, a run below its job's, has a span of its own",
        "Nobody sees which model took how long, or which of them failed.",
        _no_span,
    ),
    SoundnessRule(
        "namespace-form", _E, "a job's namespace is words of letters, digits, _ and -, joined by dots",
        "floe's strategies make no other: catalogs and dashboards cannot look for it.",
        _namespace_form,
    ),
    SoundnessRule(
        "ephemeral-dataset", _W, "an ephemeral model is no dataset",
        "The graph has a table that does not exist, and what the model reads has no edge to its readers.",
        _ephemeral,
    ),
    SoundnessRule(
        "test-without-results", _E, "a run of tests has their results as facets of what was tested",
        "The graph says that a test ran, and not what came of it.",
        _no_results,
    ),
    SoundnessRule(
        "unbounded-attribute", _E, "an attribute of a metric has few values, and no ids among them",
        "Each value is a time series of its own: they fill the backend, and nobody sums them up.",
        _unbounded,
    ),
    SoundnessRule(
        "floe-attributes", _W, "telemetry names floe's namespace, product, versions and mode",
        "Dashboards of the platform filter by them: what has none is on no dashboard.",
        _attributes,
    ),
)  # fmt: skip
