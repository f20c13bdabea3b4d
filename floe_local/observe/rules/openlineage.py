"""Profile `openlineage`: is each event valid, does each run begin and end, do names meet?

Sources: spec/OpenLineage.json and spec/naming.md of OpenLineage, as openlineage-python's
generated classes and its naming module have them.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any
from uuid import UUID

from floe_local.observe.rules.facets import facet_problems
from floe_local.observe.rules.model import Occurrence, Severity, SoundnessRule
from floe_local.observe.rules.naming import naming_problem, spellings
from floe_local.observe.session.lineage import (
    ENDS,
    TYPES,
    datasets_in,
    facets_in,
    mapping,
    time_of,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import datetime

    from floe_local.observe.rules.model import View
    from floe_local.observe.session.lineage import LineageName, Run
    from floe_local.observe.session.model import Event

_URI = re.compile(r"^[A-Za-z][A-Za-z0-9+.-]*:\S+$")


def _events(view: View) -> Iterator[tuple[Event, dict[str, Any]]]:
    """The events that are mappings."""
    return ((e, e.content) for e in view.session.events if isinstance(e.content, dict))


def _shape(view: View) -> Iterator[Occurrence]:
    for event in view.session.events:
        for problem in _shape_problems(event.content):
            yield Occurrence(event.place, problem)


def _shape_problems(content: Any) -> Iterator[str]:
    if not isinstance(content, dict):
        yield f"an event is a mapping, and this is {type(content).__name__}"
        return
    if not any(key in content for key in ("run", "job", "dataset")):
        yield "it has neither `run`, `job` nor `dataset`"
    required = ["eventTime", "producer", "schemaURL"]
    yield from (f"`{name}` is missing" for name in required if content.get(name) in (None, ""))
    is_run = "run" in content or "eventType" in content
    if is_run:
        yield from _named(content, "run", ("runId",))
    if is_run or "job" in content:
        yield from _named(content, "job", ("namespace", "name"))
    for side in ("inputs", "outputs"):
        if not isinstance(content.get(side, []), list):
            yield f"`{side}` is not a list"
    for place, dataset in datasets_in(content):
        yield from _named({place: dataset}, place, ("namespace", "name"))


def _named(owner: dict[str, Any], key: str, names: tuple[str, ...]) -> Iterator[str]:
    part = owner.get(key)
    if not isinstance(part, dict):
        yield f"`{key}` is {'missing' if part is None else 'not a mapping'}"
        return
    for name in names:
        if not isinstance(part.get(name), str) or not part[name].strip():
            yield f"`{key}.{name}` is {'missing' if part.get(name) is None else 'no text'}"


def _event_type(view: View) -> Iterator[Occurrence]:
    for event, content in _events(view):
        if "run" in content and content.get("eventType") not in TYPES:
            yield Occurrence(event.place, f"`eventType` is {content.get('eventType')!r}")


def _event_time(view: View) -> Iterator[Occurrence]:
    for event, content in _events(view):
        if content.get("eventTime") and time_of(event) is None:
            yield Occurrence(event.place, f"`eventTime` is {content['eventTime']!r}")


def _run_id(view: View) -> Iterator[Occurrence]:
    for run in view.lineage.runs.values():
        if not _is_uuid(run.run_id):
            yield Occurrence(run.events[0].place, f"`run.runId` is {run.run_id!r}")


def _is_uuid(value: str) -> bool:
    try:
        return str(UUID(value)) == value.lower()
    except ValueError:
        return False


def _urls(view: View) -> Iterator[Occurrence]:
    for event, content in _events(view):
        for name in ("producer", "schemaURL"):
            value = content.get(name)
            if value and not (isinstance(value, str) and _URI.match(value)):
                yield Occurrence(event.place, f"`{name}` is {value!r}")


def _facet_urls(view: View) -> Iterator[Occurrence]:
    for event, content in _events(view):
        for place, _, facet in facets_in(content):
            for name in ("_producer", "_schemaURL"):
                value = mapping(facet).get(name)
                if not (isinstance(value, str) and _URI.match(value)):
                    said = "is missing" if value is None else f"is {value!r}"
                    yield Occurrence(event.place, f"`{place}.{name}` {said}")


def _facet_shape(view: View) -> Iterator[Occurrence]:
    for event, content in _events(view):
        for place, name, facet in facets_in(content):
            if mapping(facet).get("_deleted") is True:
                continue
            for problem in facet_problems(place, name, facet):
                yield Occurrence(event.place, problem)


def _runs_of(view: View) -> Iterable[Run]:
    return view.lineage.runs.values()


def _called(run: Run) -> str:
    return f"run {run.run_id} of {run.job}"


def _no_start(view: View) -> Iterator[Occurrence]:
    for run in _runs_of(view):
        if "START" not in run.types and set(run.types) & ENDS:
            yield Occurrence(run.place, f"{_called(run)} has {', '.join(run.types)} only")


def _started_twice(view: View) -> Iterator[Occurrence]:
    for run in _runs_of(view):
        if (count := run.types.count("START")) > 1:
            yield Occurrence(run.place, f"{_called(run)} has {count} START events")


def _no_end(view: View) -> Iterator[Occurrence]:
    for run in _runs_of(view):
        if not set(run.types) & ENDS and {"START", "RUNNING"} & set(run.types):
            yield Occurrence(run.place, f"{_called(run)} ends with {run.types[-1]}")


def _ended_twice(view: View) -> Iterator[Occurrence]:
    for run in _runs_of(view):
        ends = [kind for kind in run.types if kind in ENDS]
        if len(ends) > 1:
            yield Occurrence(run.place, f"{_called(run)} has {', '.join(ends)}")


def _after_end(view: View) -> Iterator[Occurrence]:
    for run in _runs_of(view):
        ended = False
        for event, kind in zip(run.events, run.types, strict=True):
            if ended and kind not in ENDS:
                yield Occurrence(
                    event.place, f"{_called(run)} has {kind or 'an event'} after its end"
                )
            ended = ended or kind in ENDS


def _backward(view: View) -> Iterator[Occurrence]:
    for run in _runs_of(view):
        last: datetime | None = None
        for event, kind in zip(run.events, run.types, strict=True):
            at = time_of(event)
            if at and last and at < last:
                back = (last - at).total_seconds()
                yield Occurrence(
                    event.place, f"{_called(run)}: {kind} is {back:g} s before the last"
                )
            last = at or last


def _parents(view: View) -> Iterator[Occurrence]:
    known = {*view.lineage.runs, view.own_run}
    for run in _runs_of(view):
        for word, run_id in (("parent", run.parent), ("root", run.root)):
            if run_id and run_id not in known:
                yield Occurrence(
                    run.place, f"{_called(run)}: its {word} {run_id} has no event here"
                )


def _two_names(view: View) -> Iterator[Occurrence]:
    groups: dict[Any, list[LineageName]] = {}
    for name in view.lineage.datasets:
        groups.setdefault(spellings(name), []).append(name)
    for names in groups.values():
        if len(names) > 1:
            spelled = " and ".join(sorted(str(name) for name in names))
            yield Occurrence(view.lineage.seen_at[names[-1]], f"{spelled} look like one dataset")


def _naming(view: View) -> Iterator[Occurrence]:
    for name, place in view.lineage.seen_at.items():
        if problem := naming_problem(name):
            yield Occurrence(place, problem)


def _no_datasets(view: View) -> Iterator[Occurrence]:
    parents = {run.parent for run in _runs_of(view)}
    for run in _runs_of(view):
        if run.state == "COMPLETE" and not (run.inputs or run.outputs or run.run_id in parents):
            yield Occurrence(run.place, f"{_called(run)} has neither inputs nor outputs")


def _no_schema(view: View) -> Iterator[Occurrence]:
    told: set[LineageName] = set()
    for run in _runs_of(view):
        for name in run.inputs:
            if name not in told and "schema" not in view.lineage.datasets[name]:
                told.add(name)
                yield Occurrence(run.place, f"input {name} of {run.job}")


def _no_rows(view: View) -> Iterator[Occurrence]:
    for run in _runs_of(view):
        for name, facets in run.outputs.items():
            rows = mapping(facets.get("outputStatistics")).get("rowCount")
            if run.state == "COMPLETE" and rows is None:
                yield Occurrence(run.place, f"output {name} of {run.job}")


_E, _W, _N = Severity.ERROR, Severity.WARNING, Severity.NOTE

RULES = (
    SoundnessRule(
        "event-shape",
        _E,
        "an event has the fields that the specification requires",
        "Backends refuse the event, or store a run without a job or a dataset without a name.",
        _shape,
    ),
    SoundnessRule(
        "event-type",
        _E,
        "`eventType` is one of the specification's six",
        "Backends answer 201 to any other word, and the run stays in the state that it was in.",
        _event_type,
    ),
    SoundnessRule(
        "event-time",
        _E,
        "`eventTime` is an ISO 8601 time with a time zone",
        "Without it backends order a run's events wrongly, or shift them by hours.",
        _event_time,
    ),
    SoundnessRule(
        "run-id",
        _E,
        "a run's id is a UUID",
        "Backends refuse any other id, or store the run under one that you do not know.",
        _run_id,
    ),
    SoundnessRule(
        "event-urls",
        _E,
        "`producer` and `schemaURL` are URIs",
        "The schema demands it: whoever validates refuses the event, and its producer is unknown.",
        _urls,
    ),
    SoundnessRule(
        "facet-urls",
        _W,
        "each facet has `_producer` and `_schemaURL`, both URIs",
        "The schema demands both: whoever validates refuses the whole event for one facet.",
        _facet_urls,
    ),
    SoundnessRule(
        "facet-shape",
        _E,
        "a standard facet has the fields and types of its schema",
        "A backend that reads the facet fails on it, or shows nothing of what it says.",
        _facet_shape,
    ),
    SoundnessRule(
        "no-start",
        _W,
        "a run that ends has a START",
        "Its duration is unknown, and backends show a job that never ran.",
        _no_start,
    ),
    SoundnessRule(
        "started-twice",
        _W,
        "a run has one START",
        "A second START opens a finished run again, or moves the time at which it began.",
        _started_twice,
    ),
    SoundnessRule(
        "no-end",
        _E,
        "a run that starts has COMPLETE, FAIL or ABORT",
        "It is shown as running for ever: the process died, or its client was not closed.",
        _no_end,
    ),
    SoundnessRule(
        "ended-twice",
        _W,
        "a run has one end",
        "Which of them a backend keeps depends on the order in which they arrive.",
        _ended_twice,
    ),
    SoundnessRule(
        "after-end",
        _W,
        "no event of a run follows its end",
        "A backend may open the run again, and never close it.",
        _after_end,
    ),
    SoundnessRule(
        "time-backward",
        _W,
        "the times of a run's events go forward",
        "A backend that orders by time takes an older state for the last.",
        _backward,
    ),
    SoundnessRule(
        "parent-unknown",
        _W,
        "a run's parent and root have events of their own",
        "Backends make up a parent of that name, or hang the run nowhere.",
        _parents,
    ),
    SoundnessRule(
        "dataset-two-names",
        _W,
        "a dataset has one name",
        "One job writes the first and another reads the second: their edges never meet.",
        _two_names,
    ),
    SoundnessRule(
        "dataset-naming",
        _W,
        "a dataset is named as the specification names its source",
        "Other producers name the same table by the specification, and the two never meet.",
        _naming,
    ),
    SoundnessRule(
        "no-datasets",
        _N,
        "a run that completes has inputs or outputs",
        "It has no place in the graph: nothing leads to it and nothing from it.",
        _no_datasets,
    ),
    SoundnessRule(
        "input-without-schema",
        _N,
        "an input says its schema",
        "ColumnEdge lineage and impact analysis need to know which fields were read.",
        _no_schema,
    ),
    SoundnessRule(
        "output-without-rows",
        _N,
        "an output says how many rows were written",
        "Without row counts nobody sees that a run completed and wrote nothing.",
        _no_rows,
    ),
)
