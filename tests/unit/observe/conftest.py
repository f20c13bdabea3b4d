"""Sessions of tests: events, and a tap that is spoken to over real sockets."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from floe_local.observe.session.model import Event, ObservedSession
from floe_local.observe.tap.tap import Tap

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

RUN = "01941f29-7c00-7000-8000-000000000001"
PRODUCER = "https://example.com/job"
SCHEMA_URL = "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunEvent"
FACET = {"_producer": PRODUCER, "_schemaURL": "https://openlineage.io/spec/facets/1-0-0/X.json"}
SCHEMA = {"schema": {**FACET, "fields": [{"name": "id", "type": "INT"}]}}
ROWS = {"outputStatistics": {**FACET, "rowCount": 3}}


def event(kind: str = "COMPLETE", at: int = 1, run_id: str = RUN, **more: Any) -> dict[str, Any]:
    """A sound event: one input with a schema, one output with a schema and rows."""
    return {
        "eventType": kind,
        "eventTime": f"2026-01-01T00:00:{at:02}Z",
        "producer": PRODUCER,
        "schemaURL": SCHEMA_URL,
        "run": {"runId": run_id, "facets": {}},
        "job": {"namespace": "ns", "name": "job", "facets": {}},
        "inputs": [{"namespace": "postgres://db:5432", "name": "d.s.in", "facets": SCHEMA}],
        "outputs": [
            {
                "namespace": "postgres://db:5432",
                "name": "d.s.out",
                "facets": SCHEMA,
                "outputFacets": ROWS,
            }
        ],
        **more,
    }


def session_of(*contents: Any) -> ObservedSession:
    """A session of events, which came in this order."""
    return ObservedSession(
        events=tuple(Event(one, f"event {number}") for number, one in enumerate(contents, 1))
    )


@pytest.fixture
def tap(tmp_path: Path) -> Iterator[Tap]:
    """A tap with nothing behind it."""
    with Tap(folder=tmp_path) as tap:
        yield tap
