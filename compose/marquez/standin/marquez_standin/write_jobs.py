"""Jobs as events report them, with the parents that they name."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import UUID, uuid4

from marquez_standin import identity
from marquez_standin.names import checked_name, checked_namespace, tidy_namespace
from marquez_standin.store import fetch_one, json_text
from marquez_standin.write_runs import RunWrite, upsert_run

if TYPE_CHECKING:
    from datetime import datetime

    from marquez_standin.event import Event, Job, Parent
    from marquez_standin.store import Connection, Row

_UPSERT = """
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
    return _upsert(connection, write, event.time.instant)


def _named_inputs(event: Event) -> list[dict[str, str]]:
    pairs = {
        (checked_namespace(dataset.namespace), checked_name(dataset.name))
        for dataset in event.inputs
    }
    return [{"namespace": namespace, "name": name} for namespace, name in sorted(pairs)]


def _upsert(connection: Connection, write: _JobWrite, now: datetime) -> JobRow:
    parent = write.parent
    full_name = f"{parent.name}.{write.simple_name}" if parent else write.simple_name
    row = fetch_one(
        connection,
        _UPSERT,
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
    row = _upsert(connection, write, event.time.instant)
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
