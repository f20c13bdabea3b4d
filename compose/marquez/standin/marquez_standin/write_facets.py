"""Facets of runs, jobs and datasets, one row each."""

from __future__ import annotations

from typing import TYPE_CHECKING

from marquez_standin.store import fetch_one, json_text

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime
    from uuid import UUID

    from marquez_standin.event import Dataset, Facets
    from marquez_standin.store import Connection

_IGNORED = "spark_unknown"
_ONCE_A_RUN = "spark.logicalplan"
_KINDS = dict.fromkeys(
    (
        "documentation",
        "description",
        "schema",
        "datasource",
        "lifecyclestatechange",
        "version",
        "columnlineage",
        "ownership",
    ),
    "DATASET",
) | {
    "dataqualitymetrics": "INPUT",
    "dataqualityassertions": "INPUT",
    "outputstatistics": "OUTPUT",
}


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


def add_dataset_facets(
    connection: Connection,
    dataset: Dataset,
    ids: tuple[UUID, UUID],
    run: UUID | None,
    now: datetime,
    *,
    is_input: bool,
) -> None:
    """Add what an event says of a dataset.

    Args:
        connection: The event's transaction.
        dataset: The dataset as the event names it.
        ids: The dataset's id, and that of the version that was read or written.
        run: The run, if there is one.
        now: The event's time.
        is_input: Whether the input facets count, or the output facets.
    """
    direction = "INPUT" if is_input else "OUTPUT"
    of_use = dataset.input_facets if is_input else dataset.output_facets
    rows = [
        (_KINDS.get(name.lower(), "UNKNOWN"), name, json_text(facet))
        for name, facet in (dataset.facets or {}).items()
    ] + [(direction, name, json_text(facet)) for name, facet in (of_use or {}).items()]
    if rows:
        _insert_dataset_facets(connection, ids, run, now, rows)


def _insert_dataset_facets(
    connection: Connection,
    ids: tuple[UUID, UUID],
    run: UUID | None,
    now: datetime,
    rows: Sequence[tuple[str, str, str]],
) -> None:
    kinds, names, bodies = (list(column) for column in zip(*rows, strict=True))
    connection.execute(
        "INSERT INTO dataset_facets (dataset_id, version_id, run_id, event_time, kind, name, body)"
        " SELECT %s, %s, %s, %s, f.kind, f.name, f.body::jsonb"
        " FROM unnest(%s::text[], %s::text[], %s::text[]) AS f (kind, name, body)",
        (*ids, run, now, kinds, names, bodies),
    )


def _columns(facets: Facets) -> tuple[list[str], list[str]]:
    return list(facets), [json_text(facet) for facet in facets.values()]
