"""Profile `floe`: what floe asks of its pipelines' telemetry and lineage.

Source: floe's requirements on observability (facts.md 502, 503, 517, 518, 521, 528), as its
runtime has them: the run facet `traceCorrelation` has `trace_id` and `span_id`.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from floe_local.observe.rules.model import Occurrence, Severity, SoundnessRule
from floe_local.observe.session.lineage import mapping, text

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


def _trace_of(facets: dict[str, object]) -> str:
    return text(mapping(facets.get(_FACET)).get("trace_id"))


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


def _attributes(view: View) -> Iterator[Occurrence]:
    seen: set[tuple[str, tuple[str, ...]]] = set()
    for span in view.session.spans:
        missing = tuple(a for a in _ATTRIBUTES if a not in span.resource | span.attributes)
        if missing and (span.service, missing) not in seen:
            seen.add((span.service, missing))
            yield Occurrence(
                span.place, f"{span.service or 'no service'} lacks {', '.join(missing)}"
            )


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
        "floe-attributes", _W, "telemetry names floe's namespace, product, versions and mode",
        "Dashboards of the platform filter by them: what has none is on no dashboard.",
        _attributes,
    ),
)  # fmt: skip
