"""OpenLineage events: from a request's body to values that can be stored."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from marquez_standin import shapes
from marquez_standin.errors import error, violations
from marquez_standin.times import EventTime, parse_event_time

Facets: TypeAlias = dict[str, Any]
EventKind: TypeAlias = Literal["RUN", "JOB", "DATASET"]

_SHAPES: dict[EventKind, shapes.Shape] = {
    "RUN": shapes.RUN_EVENT,
    "JOB": shapes.JOB_EVENT,
    "DATASET": shapes.DATASET_EVENT,
}
_STATES = {"complete": "COMPLETED", "abort": "ABORTED", "fail": "FAILED"}


@dataclass(frozen=True, slots=True)
class Dataset:
    """A dataset as an event names it; the facets are None where the event has no such key."""

    namespace: str
    name: str
    facets: Facets | None
    input_facets: Facets | None
    output_facets: Facets | None

    def facet(self, name: str) -> Facets:
        """One facet, or an empty one."""
        found = (self.facets or {}).get(name)
        return found if isinstance(found, dict) else {}

    @property
    def fields(self) -> list[dict[str, str | None]]:
        """The columns of the schema facet, in its order."""
        return list(self.facet("schema").get("fields") or [])

    @property
    def lifecycle_state(self) -> str:
        """What happened to the dataset, e.g. `DROP`; empty if nothing was said."""
        return str(self.facet("lifecycleStateChange").get("lifecycleStateChange") or "")


@dataclass(frozen=True, slots=True)
class Job:
    """A job as an event names it."""

    namespace: str
    name: str
    facets: Facets | None

    def facet_value(self, facet: str, key: str) -> str | None:
        """A text of one of the facets, or None."""
        found = (self.facets or {}).get(facet)
        return found.get(key) if isinstance(found, dict) else None

    @property
    def is_streaming(self) -> bool:
        """Whether the job says that it never ends."""
        return (self.facet_value("jobType", "processingType") or "").upper() == "STREAMING"

    @property
    def type(self) -> str:
        """`STREAM` or `BATCH`."""
        return "STREAM" if self.is_streaming else "BATCH"


@dataclass(frozen=True, slots=True)
class Parent:
    """The parent that a run's facet names."""

    namespace: str
    job_name: str
    run_id: str


@dataclass(frozen=True, slots=True)
class Run:
    """A run as an event names it."""

    id: str
    facets: Facets | None

    @property
    def parent(self) -> Parent | None:
        """The parent run, if the event names one."""
        facet = (self.facets or {}).get("parent")
        if not facet:
            return None
        return Parent(facet["job"]["namespace"], facet["job"]["name"], facet["run"]["runId"])

    @property
    def nominal_times(self) -> tuple[EventTime | None, EventTime | None]:
        """Start and end of the period that the run is for."""
        facet = (self.facets or {}).get("nominalTime") or {}
        start, end = facet.get("nominalStartTime"), facet.get("nominalEndTime")
        return (
            parse_event_time(start) if start else None,
            parse_event_time(end) if end else None,
        )


@dataclass(frozen=True, slots=True)
class Event:
    """An event. Which of run, job and dataset are there depends on its kind."""

    kind: EventKind
    type: str | None
    time: EventTime
    run: Run | None
    job: Job | None
    dataset: Dataset | None
    inputs: tuple[Dataset, ...]
    outputs: tuple[Dataset, ...]
    body: dict[str, Any]

    @property
    def state(self) -> str:
        """The state that the event puts its run into; unknown types mean RUNNING."""
        return _STATES.get((self.type or "").lower(), "RUNNING")

    @property
    def is_done(self) -> bool:
        """Whether the run is over."""
        return self.type is not None and self.state != "RUNNING"

    @property
    def has_facets(self) -> bool:
        """Whether the event says more than names: of its run, its job or a dataset."""
        parts = (self.run, self.job, *self.inputs, *self.outputs)
        return any(part is not None and part.facets for part in parts)

    @property
    def is_empty_end_of_stream(self) -> bool:
        """Whether a streaming job completes or fails without naming any dataset."""
        ends = (self.type or "").upper() in {"COMPLETE", "FAIL"}
        streaming = self.job is not None and self.job.is_streaming
        return ends and streaming and not self.inputs and not self.outputs


def parse(raw: Any) -> Event:
    """Read an event.

    Args:
        raw: The parsed body of the request; None for an empty one.

    Returns:
        The event.

    Raises:
        ApiError: If the body does not fit, or lacks something required.
    """
    if raw is None:
        raise violations(422, ["The request body must not be null"])
    kind = _kind(raw)
    shape = _SHAPES[kind]
    try:
        stored = shapes.read(raw, shape)
    except shapes.UnreadableError as problem:
        raise error(500, str(problem)) from problem
    absent = shapes.missing(stored, shape)
    if absent:
        raise violations(422, absent)
    return _event(kind, stored)


def _kind(raw: Any) -> EventKind:
    url = raw.get("schemaURL") if isinstance(raw, dict) else None
    last = url.rpartition("/")[2] if isinstance(url, str) and "/" in url else ""
    kinds: dict[str, EventKind] = {"DatasetEvent": "DATASET", "JobEvent": "JOB"}
    return kinds.get(last, "RUN")


def _event(kind: EventKind, stored: dict[str, Any]) -> Event:
    run, job, dataset = stored.get("run"), stored.get("job"), stored.get("dataset")
    return Event(
        kind=kind,
        type=stored.get("eventType") if kind == "RUN" else None,
        time=parse_event_time(stored["eventTime"]),
        run=Run(run["runId"], run.get("facets")) if run and kind == "RUN" else None,
        job=Job(job["namespace"], job["name"], job.get("facets")) if job else None,
        dataset=_dataset(dataset) if dataset and kind == "DATASET" else None,
        inputs=tuple(_dataset(part) for part in stored.get("inputs", ())),
        outputs=tuple(_dataset(part) for part in stored.get("outputs", ())),
        body=stored,
    )


def _dataset(stored: dict[str, Any]) -> Dataset:
    return Dataset(
        namespace=stored["namespace"],
        name=stored["name"],
        facets=stored.get("facets"),
        input_facets=stored.get("inputFacets"),
        output_facets=stored.get("outputFacets"),
    )
