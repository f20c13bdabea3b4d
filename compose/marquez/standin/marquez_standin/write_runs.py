"""Runs as events report them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from marquez_standin.store import json_text

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID

    from marquez_standin.event import Run
    from marquez_standin.store import Connection
    from marquez_standin.times import EventTime


# What a run was first given (its job, its arguments) stays, whatever later events say.
_UPSERT = """
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
        _UPSERT.encode(),
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
