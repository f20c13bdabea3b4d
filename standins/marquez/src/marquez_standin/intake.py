"""Taking in an event: the order in which what it says is written."""

from __future__ import annotations

from typing import TYPE_CHECKING

from marquez_standin import identity
from marquez_standin.errors import IllegalNameError, refused
from marquez_standin.identity import checked_name, checked_namespace, tidy_namespace
from marquez_standin.store import ensure_namespaces, json_text, lock_for_writing
from marquez_standin.write_datasets import (
    Occasion,
    publish_outputs,
    write_datasets,
)
from marquez_standin.write_datasets import (
    make_current as make_dataset_version_current,
)
from marquez_standin.write_jobs import (
    RunWrite,
    Use,
    add_job_facets,
    add_run_facets,
    forget_uses,
    link_run,
    make_current,
    run_arguments,
    upsert_run,
    uses,
    uses_of_run,
    version_exists,
    write_job,
    write_version,
)

if TYPE_CHECKING:
    from uuid import UUID

    from marquez_standin.event import Dataset, Event, Job, Run
    from marquez_standin.store import Connection
    from marquez_standin.write_datasets import WrittenDataset
    from marquez_standin.write_jobs import JobRow


_LONGEST_TYPE = 64


def take_in(connection: Connection, event: Event) -> None:
    """Store an event and all that follows from it.

    What was written before a fault stays, as in the real server: the event is listed
    even if its datasets are refused.

    Args:
        connection: A connection whose transaction the caller ends; commit also on a RefusedError.
        event: The event.

    Raises:
        RefusedError: 400 if a name is not allowed, 500 if the event cannot be stored.
    """
    if len(event.type or "") > _LONGEST_TYPE and event.has_facets:
        raise refused(500, "the eventType is too long for a facet's")
    lock_for_writing(connection)
    connection.execute(
        "INSERT INTO events (kind, event_time, body) VALUES (%s, %s, %s::jsonb)",
        (event.kind, event.time.instant, json_text(event.body)),
    )
    try:
        _write(connection, event)
    except IllegalNameError as problem:
        raise refused(400, f"not an allowed name: {problem}") from problem


def _write(connection: Connection, event: Event) -> None:
    if event.kind == "RUN" and event.run and event.job:
        _write_run_event(connection, event, event.run, event.job)
    elif event.kind == "JOB" and event.job:
        _write_job_event(connection, event, event.job)
    elif event.kind == "DATASET" and event.dataset:
        _write_dataset_event(connection, event, event.dataset)
    else:
        raise refused(500, "the event cannot be stored")


def _write_run_event(connection: Connection, event: Event, run: Run, job: Job) -> None:
    now = event.time.instant
    ensure_namespaces(connection, (tidy_namespace(job.namespace),), now)
    run_id = identity.run_uuid(run.id)
    row = write_job(connection, event, job, run_id)
    _write_run(connection, event, run, run_id, row)
    if run.facets is not None:
        if event.type is None:
            raise refused(500, "the event cannot be stored")
        add_run_facets(connection, run_id, now, run.facets)
    if job.facets is not None:
        add_job_facets(connection, row.id, now, job.facets, run=run_id)
    _write_uses(connection, event, run_id, row)
    _conclude(connection, event, job, run_id, row)
    if event.type is not None:
        checked_namespace(row.namespace)
        checked_name(row.name)


def _write_run(connection: Connection, event: Event, run: Run, run_id: UUID, row: JobRow) -> None:
    parent = run.parent
    parent_run = (
        identity.parent_run_uuid(parent.namespace, parent.job_name, parent.run_id)
        if parent
        else None
    )
    write = RunWrite(
        id=run_id,
        parent_run=parent_run,
        job_id=row.id,
        namespace=row.namespace,
        job_name=row.name,
        args=run_arguments(run),
        state=event.state if event.type is not None else None,
    )
    upsert_run(connection, write, event.time.instant)


def _write_uses(connection: Connection, event: Event, run_id: UUID, row: JobRow) -> None:
    now = event.time.instant
    if event.inputs:
        write_datasets(connection, event.inputs, Occasion(now, run_id, is_input=True))
    elif not event.is_empty_end_of_stream:
        forget_uses(connection, row.id, "INPUT")
    if event.outputs:
        write_datasets(connection, event.outputs, Occasion(now, run_id, is_input=False))
    elif not event.is_empty_end_of_stream:
        forget_uses(connection, row.id, "OUTPUT")


def _conclude(connection: Connection, event: Event, job: Job, run_id: UUID, row: JobRow) -> None:
    """Give the job a version: a batch job's when its run is over, a stream's at once."""
    now = event.time.instant
    if job.is_streaming or event.is_done:
        used = uses_of_run(connection, row, run_id)
        settled = job.is_streaming and (
            event.is_empty_end_of_stream or version_exists(connection, used.version)
        )
        if not settled:
            version_id = write_version(connection, row, used, now)
            link_run(connection, version_id, run_id, now)
            make_current(connection, row.id, version_id, now)
    if event.type and (event.type.upper() == "COMPLETE" or job.is_streaming):
        publish_outputs(connection, run_id)


def _write_job_event(connection: Connection, event: Event, job: Job) -> None:
    now = event.time.instant
    ensure_namespaces(connection, (tidy_namespace(job.namespace),), now)
    row = write_job(connection, event, job, None)
    inputs = write_datasets(connection, event.inputs, Occasion(now, None, is_input=True))
    outputs = write_datasets(connection, event.outputs, Occasion(now, None, is_input=False))
    used = uses(row, map(_use, inputs), map(_use, outputs))
    version_id = write_version(connection, row, used, row.created_at)
    make_current(connection, row.id, version_id, row.created_at)
    if job.facets is not None:
        add_job_facets(connection, row.id, now, job.facets, version=version_id)
    checked_namespace(row.namespace)
    checked_name(row.name)


def _use(written: WrittenDataset) -> Use:
    return Use(written.id, written.name)


def _write_dataset_event(connection: Connection, event: Event, dataset: Dataset) -> None:
    now = event.time.instant
    ensure_namespaces(connection, (tidy_namespace(dataset.namespace),), now)
    occasion = Occasion(now, None, is_input=False)
    for written in write_datasets(connection, (dataset,), occasion):
        make_dataset_version_current(connection, written.id, written.version_id, None)
