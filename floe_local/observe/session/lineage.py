"""What the events of a session say of runs, jobs, datasets and what flows between them.

OpenLineage's specification: one run has events that accumulate; a job's inputs and outputs are
those of all of a run's events, a facet is that of the last event that has it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from floe_local.observe.session.model import Event, ObservedSession

ENDS = frozenset({"COMPLETE", "FAIL", "ABORT"})
TYPES = ENDS | {"START", "RUNNING", "OTHER"}


class LineageName(NamedTuple):
    """A job or a dataset."""

    namespace: str
    name: str

    def __str__(self) -> str:
        """As reports write it."""
        return f"{self.namespace}/{self.name}" if self.namespace else self.name


class ColumnEdge(NamedTuple):
    """A field of a dataset that is made of a field of another."""

    source: LineageName
    source_field: str
    target: LineageName
    target_field: str


@dataclass(frozen=True)
class Run:
    """One run: its events in the order in which they came."""

    run_id: str
    job: LineageName
    events: tuple[Event, ...]
    types: tuple[str, ...]
    parent: str
    parent_job: LineageName | None
    root: str
    facets: dict[str, Any]
    inputs: dict[LineageName, dict[str, Any]]
    outputs: dict[LineageName, dict[str, Any]]

    @property
    def state(self) -> str:
        """The type of the last event that says how the run is."""
        return next((t for t in reversed(self.types) if t in ENDS | {"START", "RUNNING"}), "OTHER")

    @property
    def place(self) -> str:
        """Where its last event is."""
        return self.events[-1].place


@dataclass(frozen=True)
class Lineage:
    """The runs of a session by their ids, and its datasets with all their facets."""

    runs: dict[str, Run] = field(default_factory=dict)
    datasets: dict[LineageName, dict[str, Any]] = field(default_factory=dict)
    seen_at: dict[LineageName, str] = field(default_factory=dict)

    @property
    def jobs(self) -> dict[LineageName, tuple[Run, ...]]:
        """The runs of each job."""
        found: dict[LineageName, tuple[Run, ...]] = {}
        for run in self.runs.values():
            found[run.job] = (*found.get(run.job, ()), run)
        return found

    @property
    def edges(self) -> frozenset[tuple[LineageName, LineageName, LineageName]]:
        """(input, job, output) of every run."""
        return frozenset(
            (source, run.job, target)
            for run in self.runs.values()
            for source in run.inputs
            for target in run.outputs
        )

    @property
    def columns(self) -> frozenset[ColumnEdge]:
        """What `columnLineage` facets say."""
        return frozenset(
            ColumnEdge(name_of(source), str(source.get("field", "")), target, str(name))
            for target, facets in self.datasets.items()
            for name, made in mapping(mapping(facets.get("columnLineage")).get("fields")).items()
            for source in mappings(mapping(made).get("inputFields"))
        )


def lineage_of(session: ObservedSession) -> Lineage:
    """Fold the events of a session; what is not of the right type is passed over."""
    grouped: dict[str, list[Event]] = {}
    datasets: dict[LineageName, dict[str, Any]] = {}
    seen: dict[LineageName, str] = {}
    for event in session.events:
        content = mapping(event.content)
        if run_id := text(mapping(content.get("run")).get("runId")):
            grouped.setdefault(run_id, []).append(event)
        for _, one in datasets_in(content):
            name = name_of(one)
            facets = {**mapping(one.get("facets"))}
            datasets.setdefault(name, {}).update(facets)
            seen.setdefault(name, event.place)
    return Lineage({key: _run(key, events) for key, events in grouped.items()}, datasets, seen)


def _run(run_id: str, events: list[Event]) -> Run:
    contents = [mapping(event.content) for event in events]
    facets: dict[str, Any] = {}
    for content in contents:
        facets.update(mapping(mapping(content.get("run")).get("facets")))
    parent = mapping(facets.get("parent"))
    job = mapping(parent.get("job"))
    return Run(
        run_id=run_id,
        job=name_of(mapping(contents[-1].get("job"))),
        events=tuple(events),
        types=tuple(text(content.get("eventType")) for content in contents),
        parent=text(mapping(parent.get("run")).get("runId")),
        parent_job=name_of(job) if job else None,
        root=text(mapping(mapping(parent.get("root")).get("run")).get("runId")),
        facets=facets,
        inputs=_datasets(contents, "inputs", "inputFacets"),
        outputs=_datasets(contents, "outputs", "outputFacets"),
    )


def _datasets(
    contents: Iterable[dict[str, Any]], side: str, own: str
) -> dict[LineageName, dict[str, Any]]:
    """The datasets of one side, each with the facets that all events give it."""
    found: dict[LineageName, dict[str, Any]] = {}
    for content in contents:
        for one in mappings(content.get(side)):
            facets = {**mapping(one.get("facets")), **mapping(one.get(own))}
            found.setdefault(name_of(one), {}).update(facets)
    return found


def open_runs(session: ObservedSession) -> list[Run]:
    """The runs of a session that began, and have not ended."""
    runs = lineage_of(session).runs.values()
    return [run for run in runs if run.state in {"START", "RUNNING"}]


def datasets_in(content: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Each dataset of an event, with where it stands in it."""
    for side in ("inputs", "outputs"):
        for index, one in enumerate(mappings(content.get(side))):
            yield f"{side}[{index}]", one
    if isinstance(content.get("dataset"), dict):
        yield "dataset", content["dataset"]


def facets_in(content: dict[str, Any]) -> Iterator[tuple[str, str, Any]]:
    """Each facet of an event: where it stands, its name, its value."""
    owners = [(key, mapping(content.get(key)), "facets") for key in ("run", "job")]
    for place, one in datasets_in(content):
        owners += [(place, one, key) for key in ("facets", "inputFacets", "outputFacets")]
    for place, owner, key in owners:
        for name, facet in mapping(owner.get(key)).items():
            yield f"{place}.{key}.{name}", name, facet


def time_of(event: Event) -> datetime | None:
    """When an event says that it happened; None: it says nothing that is a time with a zone."""
    return as_time(mapping(event.content).get("eventTime"))


def as_time(value: Any) -> datetime | None:
    """A JSON value as a time; None: it is no text, or no time with a zone."""
    written = text(value)
    try:
        found = datetime.fromisoformat(written)
    except ValueError:
        return None
    return found if "T" in written.upper() and found.tzinfo else None


def mapping(value: Any) -> dict[str, Any]:
    """The value where it is a mapping, else an empty one."""
    return value if isinstance(value, dict) else {}


def mappings(value: Any) -> list[dict[str, Any]]:
    """The mappings of a list; none where it is no list."""
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def text(value: Any) -> str:
    """The value where it is text, else an empty one."""
    return value if isinstance(value, str) else ""


def name_of(owner: dict[str, Any]) -> LineageName:
    """The name of a job or a dataset, as an event has it."""
    return LineageName(text(owner.get("namespace")), text(owner.get("name")))
