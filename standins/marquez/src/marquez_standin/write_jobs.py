"""Jobs as events report them: with the parents that they name, their runs and their versions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal
from uuid import UUID, uuid4

from marquez_standin import identity
from marquez_standin.identity import checked_name, checked_namespace, tidy_namespace
from marquez_standin.store import fetch_all, fetch_one, json_text

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from marquez_standin.event import Event, Facets, Job, Parent, Run
    from marquez_standin.store import Connection, Row
    from marquez_standin.times import EventTime

# Runs -------------------------------------------------------------------------

# What a run was first given (its job, its arguments) stays, whatever later events say.
_UPSERT_RUN = """
INSERT INTO runs (id, parent_run, job_id, namespace, job_name, args, state, transitioned_at,
                  started_at, ended_at, nominal_start, nominal_end, created_at, updated_at)
VALUES (%s, %s, %s, %s, %s, %s::jsonb, %s, %s, %s, %s, %s, %s, %s, %s)
ON CONFLICT (id) DO UPDATE SET
  updated_at = excluded.updated_at,
  state = coalesce(excluded.state, runs.state),
  transitioned_at = coalesce(excluded.transitioned_at, runs.transitioned_at),
  started_at = coalesce(excluded.started_at, runs.started_at),
  ended_at = coalesce(excluded.ended_at, runs.ended_at),
  nominal_start = coalesce(excluded.nominal_start, runs.nominal_start),
  nominal_end = coalesce(excluded.nominal_end, runs.nominal_end)
"""


@dataclass(frozen=True, slots=True)
class RunWrite:
    """What an event says of a run; a state of None leaves the stored one."""

    id: UUID
    parent_run: UUID | None
    job_id: UUID
    namespace: str
    job_name: str
    args: dict[str, str]
    state: str | None
    nominal_times: tuple[EventTime | None, EventTime | None] = (None, None)


def upsert_run(connection: Connection, run: RunWrite, now: datetime) -> None:
    """Make or change a run; RUNNING moves its start, any other state its end."""
    start, end = run.nominal_times
    connection.execute(
        _UPSERT_RUN.encode(),
        (
            run.id,
            run.parent_run,
            run.job_id,
            run.namespace,
            run.job_name,
            json_text(run.args),
            run.state,
            now if run.state else None,
            now if run.state == "RUNNING" else None,
            now if run.state not in {None, "RUNNING"} else None,
            start.instant if start else None,
            end.instant if end else None,
            now,
            now,
        ),
    )


def run_arguments(run: Run) -> dict[str, str]:
    """The arguments that a run shows: its nominal times and its parent."""
    start, end = run.nominal_times
    times = {"nominal_start_time": start, "nominal_end_time": end}
    arguments = {name: time.short for name, time in times.items() if time}
    if run.parent:
        arguments |= {
            "run_id": run.parent.run_id,
            "name": run.parent.job_name,
            "namespace": run.parent.namespace,
        }
    return arguments


# Jobs and their parents --------------------------------------------------------

_UPSERT_JOB = """
INSERT INTO jobs (id, namespace, name, simple_name, parent_id, type, description, location,
                  inputs, current_run, created_at, updated_at)
VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s::jsonb, %s, %s, %s)
ON CONFLICT (namespace, name) DO UPDATE SET
  updated_at = clock_timestamp(),
  parent_id = coalesce(jobs.parent_id, excluded.parent_id),
  simple_name = CASE WHEN excluded.parent_id IS NULL THEN jobs.name ELSE excluded.simple_name END,
  type = excluded.type,
  description = excluded.description,
  location = excluded.location,
  inputs = excluded.inputs,
  current_run = excluded.current_run,
  hidden = false
RETURNING *, (SELECT p.name FROM jobs p WHERE p.id = jobs.parent_id) AS parent_name
"""

_JOB_OF_RUN = """
SELECT j.*, p.name AS parent_name
FROM runs r
JOIN jobs j ON j.id = r.job_id
LEFT JOIN jobs p ON p.id = j.parent_id
WHERE r.id = %s AND NOT j.hidden
"""


@dataclass(frozen=True, slots=True)
class JobRow:
    """A stored job, as far as writing goes on from it."""

    id: UUID
    namespace: str
    name: str
    simple_name: str
    parent_name: str | None
    location: str | None
    current_run: UUID | None
    created_at: datetime

    @property
    def version_name(self) -> str:
        """The name that the job's version is made of."""
        return f"{self.parent_name}.{self.simple_name}" if self.parent_name else self.name


@dataclass(frozen=True, slots=True)
class _JobWrite:
    namespace: str
    simple_name: str
    type: str
    description: str | None
    location: str | None
    inputs: list[dict[str, str]]
    current_run: UUID | None
    parent: JobRow | None = None


def write_job(connection: Connection, event: Event, job: Job, run: UUID | None) -> JobRow:
    """Make or change the job of an event, and the parent that its run names.

    Args:
        connection: The event's transaction.
        event: The event.
        job: The event's job.
        run: The event's run, if it has one.

    Returns:
        The job. Its name holds the parent's: `<parent>.<name>`.

    Raises:
        IllegalNameError: If an input's namespace or name is not allowed.
    """
    named = event.run.parent if event.run else None
    parent = _write_parent(connection, event, job, named) if named else None
    simple_name = job.name
    if parent and job.name.startswith(f"{parent.name}."):
        simple_name = job.name[len(parent.name) + 1 :]
    write = _JobWrite(
        namespace=tidy_namespace(job.namespace),
        simple_name=simple_name,
        type=job.type,
        description=job.facet_value("documentation", "description"),
        location=job.facet_value("sourceCodeLocation", "url"),
        inputs=_named_inputs(event) if event.kind == "RUN" else [],
        current_run=parent.current_run if parent else run,
        parent=parent,
    )
    return _upsert_job(connection, write, event.time.instant)


def _named_inputs(event: Event) -> list[dict[str, str]]:
    pairs = {
        (checked_namespace(dataset.namespace), checked_name(dataset.name))
        for dataset in event.inputs
    }
    return [{"namespace": namespace, "name": name} for namespace, name in sorted(pairs)]


def _upsert_job(connection: Connection, write: _JobWrite, now: datetime) -> JobRow:
    parent = write.parent
    full_name = f"{parent.name}.{write.simple_name}" if parent else write.simple_name
    row = fetch_one(
        connection,
        _UPSERT_JOB,
        uuid4(),
        write.namespace,
        full_name,
        write.simple_name,
        parent.id if parent else None,
        write.type,
        write.description,
        write.location,
        json_text(write.inputs),
        write.current_run,
        now,
        now,
    )
    if row is None:
        raise LookupError(full_name)
    return _job_row(row)


def _job_row(row: Row) -> JobRow:
    return JobRow(**{key: row[key] for key in JobRow.__dataclass_fields__})


def _write_parent(connection: Connection, event: Event, job: Job, parent: Parent) -> JobRow:
    """The job that a parent's run id belongs to; made up if the run was never sent.

    Two schedulers can give one run id to two jobs: then the parent gets an id of its own.
    """
    name = parent.job_name
    if name == job.name:
        name = identity.without_last_part(name)
    run = identity.parent_run_uuid(parent.namespace, parent.job_name, parent.run_id)
    row = fetch_one(connection, _JOB_OF_RUN, run)
    if row is None:
        return _make_parent(connection, event, job, name, run)
    if (row["namespace"], row["name"]) == (parent.namespace, name):
        return _job_row(row)
    own_run = identity.conflict_free_uuid(parent.namespace, name, str(run))
    return _make_parent(connection, event, job, name, own_run)


def _make_parent(connection: Connection, event: Event, job: Job, name: str, run: UUID) -> JobRow:
    """A job and a run for a parent, in the child's namespace and in the child's state."""
    write = _JobWrite(
        namespace=tidy_namespace(job.namespace),
        simple_name=name,
        type=job.type,
        description=None,
        location=job.facet_value("sourceCodeLocation", "url"),
        inputs=[],
        current_run=run,
    )
    row = _upsert_job(connection, write, event.time.instant)
    nominal = event.run.nominal_times if event.run else (None, None)
    upsert_run(
        connection,
        RunWrite(
            id=run,
            parent_run=None,
            job_id=row.id,
            namespace=row.namespace,
            job_name=row.name,
            args={},
            state=event.state if event.type is not None else None,
            nominal_times=nominal,
        ),
        event.time.instant,
    )
    return row


# Versions: which datasets a job reads and writes now -----------------------------

Direction = Literal["INPUT", "OUTPUT"]

_READ = """
SELECT v.dataset_id, v.namespace, v.name
FROM run_inputs i JOIN dataset_versions v ON v.id = i.version_id
WHERE i.run_id = %s
"""
_WRITTEN = "SELECT dataset_id, namespace, name FROM dataset_versions WHERE run_id = %s"

_UPSERT_VERSION = """
INSERT INTO job_versions (id, version, job_id, location, created_at, updated_at)
VALUES (%s, %s, %s, %s, %s, %s)
ON CONFLICT (version) DO UPDATE SET updated_at = excluded.updated_at
RETURNING id
"""


# The two halves touch different rows: those of other versions, and those of this one.
_USE = b"""
WITH before AS (
  UPDATE job_version_io SET current = false
  WHERE job_id = %s AND direction = %s AND current AND version_id <> %s
)
INSERT INTO job_version_io (version_id, dataset_id, direction, job_id, current)
SELECT %s, dataset, %s, %s, true FROM unnest(%s::uuid[]) AS dataset
ON CONFLICT (version_id, dataset_id, direction) DO UPDATE SET current = true
"""

_LINK = b"""
WITH ran AS (UPDATE runs SET job_version = %s WHERE id = %s),
     latest AS (UPDATE job_versions SET latest_run = %s, updated_at = %s WHERE id = %s)
UPDATE job_facets SET job_version_id = %s, linked = nextval('job_facet_links')
WHERE run_id = %s AND job_version_id IS DISTINCT FROM %s
"""


@dataclass(frozen=True, slots=True)
class Use:
    """A dataset that a job reads or writes."""

    dataset_id: UUID
    name: identity.DatasetId


@dataclass(frozen=True, slots=True)
class Uses:
    """What a job reads and writes, with the version that follows from it."""

    inputs: tuple[Use, ...]
    outputs: tuple[Use, ...]
    version: UUID


def uses_of_run(connection: Connection, job: JobRow, run: UUID) -> Uses:
    """All that a run has read and written so far, over all its events."""
    return uses(job, _load(connection, _READ, run), _load(connection, _WRITTEN, run))


def _load(connection: Connection, query: str, run: UUID) -> list[Use]:
    rows = fetch_all(connection, query, run)
    return [Use(row["dataset_id"], (row["namespace"], row["name"])) for row in rows]


def uses(job: JobRow, inputs: Iterable[Use], outputs: Iterable[Use]) -> Uses:
    """A job's datasets and the version that they make.

    Raises:
        IllegalNameError: If a dataset's namespace or name is not allowed.
    """
    read, written = tuple(dict.fromkeys(inputs)), tuple(dict.fromkeys(outputs))
    for use in (*read, *written):
        checked_namespace(use.name[0])
        checked_name(use.name[1])
    version = identity.job_version(
        (job.namespace, job.version_name),
        [use.name for use in read],
        [use.name for use in written],
        job.location,
    )
    return Uses(read, written, version)


def version_exists(connection: Connection, version: UUID) -> bool:
    """Whether the job has had these datasets before."""
    return (
        fetch_one(connection, "SELECT 1 FROM job_versions WHERE version = %s", version) is not None
    )


def write_version(connection: Connection, job: JobRow, used: Uses, now: datetime) -> UUID:
    """Make a version, or find it again; its datasets become the job's current ones.

    Returns:
        The id of the version.
    """
    row = fetch_one(
        connection, _UPSERT_VERSION, uuid4(), used.version, job.id, job.location, now, now
    )
    if row is None:
        raise LookupError(used.version)
    version_id: UUID = row["id"]
    _use(connection, job.id, version_id, "INPUT", used.inputs)
    _use(connection, job.id, version_id, "OUTPUT", used.outputs)
    return version_id


def _use(
    connection: Connection,
    job_id: UUID,
    version_id: UUID,
    direction: Direction,
    used: tuple[Use, ...],
) -> None:
    if not used:
        return
    datasets = list(dict.fromkeys(use.dataset_id for use in used))
    connection.execute(
        _USE, (job_id, direction, version_id, version_id, direction, job_id, datasets)
    )


def forget_uses(connection: Connection, job_id: UUID, direction: Direction) -> None:
    """Let a job read (or write) nothing, until a version says otherwise."""
    connection.execute(
        "UPDATE job_version_io SET current = false"
        " WHERE job_id = %s AND direction = %s AND current",
        (job_id, direction),
    )


def link_run(connection: Connection, version_id: UUID, run: UUID, now: datetime) -> None:
    """Tie a run and its job facets to the version that it ran."""
    connection.execute(_LINK, (version_id, run, run, now, version_id, version_id, run, version_id))


def make_current(connection: Connection, job_id: UUID, version_id: UUID, now: datetime) -> None:
    """Let a version be the job's own."""
    connection.execute(
        "UPDATE jobs SET current_version = %s, updated_at = %s WHERE id = %s",
        (version_id, now, job_id),
    )


# Facets ------------------------------------------------------------------------

_IGNORED = "spark_unknown"
_ONCE_A_RUN = "spark.logicalplan"


def add_run_facets(connection: Connection, run: UUID, now: datetime, facets: Facets) -> None:
    """Add what an event says of a run; Spark's large plan is kept once for each run."""
    kept = {name: facet for name, facet in facets.items() if name.lower() != _IGNORED}
    plans = [name for name in kept if name.lower() == _ONCE_A_RUN]
    for name in plans:
        if _run_has_facet(connection, run, name):
            del kept[name]
    connection.execute(
        "INSERT INTO run_facets (run_id, event_time, name, body)"
        " SELECT %s, %s, f.name, f.body::jsonb FROM unnest(%s::text[], %s::text[]) AS f (name, body)",
        (run, now, *_columns(kept)),
    )


def _run_has_facet(connection: Connection, run: UUID, name: str) -> bool:
    query = "SELECT 1 FROM run_facets WHERE run_id = %s AND name = %s"
    return fetch_one(connection, query, run, name) is not None


def add_job_facets(
    connection: Connection,
    job: UUID,
    now: datetime,
    facets: Facets,
    *,
    run: UUID | None = None,
    version: UUID | None = None,
) -> None:
    """Add what an event says of a job, for a run or (events without one) for a version."""
    connection.execute(
        "INSERT INTO job_facets (job_id, run_id, job_version_id, linked, event_time, name, body)"
        " SELECT %s, %s, %s, nextval('job_facet_links'), %s, f.name, f.body::jsonb"
        " FROM unnest(%s::text[], %s::text[]) AS f (name, body)",
        (job, run, version, now, *_columns(facets)),
    )


def _columns(facets: Facets) -> tuple[list[str], list[str]]:
    return list(facets), [json_text(facet) for facet in facets.values()]
