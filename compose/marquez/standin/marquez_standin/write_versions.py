"""Versions of jobs: which datasets a job reads and writes now."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal
from uuid import UUID, uuid4

from marquez_standin import identity
from marquez_standin.names import checked_name, checked_namespace
from marquez_standin.store import fetch_all, fetch_one

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from marquez_standin.store import Connection
    from marquez_standin.write_jobs import JobRow

Direction = Literal["INPUT", "OUTPUT"]

_READ = """
SELECT v.dataset_id, v.namespace, v.name
FROM run_inputs i JOIN dataset_versions v ON v.id = i.version_id
WHERE i.run_id = %s
"""
_WRITTEN = "SELECT dataset_id, namespace, name FROM dataset_versions WHERE run_id = %s"

_UPSERT = """
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
    row = fetch_one(connection, _UPSERT, uuid4(), used.version, job.id, job.location, now, now)
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
