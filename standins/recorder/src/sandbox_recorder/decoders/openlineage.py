"""OpenLineage events."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from sandbox_recorder.decoders.found import found, read_json
from sandbox_recorder.refusals import Refused

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sandbox_recorder.decoders.found import Found


class Events:
    """Reads one event, or a list of them; what is packed is an event as it was sent."""

    def decode(self, body: bytes, _content_type: str) -> Iterator[Found]:
        """One item for each event, found by its run id and the names in it."""
        given = read_json(body)
        for event in given if isinstance(given, list) else [given]:
            if not isinstance(event, dict):
                raise Refused(400, "the body is no OpenLineage event")
            names = (_part(event, "job", "name"), _part(event, "dataset", "name"))
            yield found([_part(event, "run", "runId"), *names], event)

    def item(self, packed: bytes) -> dict[str, Any]:
        """The event, with the words that it is asked for by."""
        event = json.loads(packed)
        return {
            **event,
            "run_id": _part(event, "run", "runId"),
            "job_name": _part(event, "job", "name"),
            "event": event.get("eventType"),
        }


def _part(event: dict[str, Any], *path: str) -> Any:
    value: Any = event
    for name in path:
        value = value.get(name) if isinstance(value, dict) else None
    return value
