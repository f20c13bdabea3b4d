"""OpenLineage events."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sandbox_recorder.decoders.found import Found, as_keys, read_json
from sandbox_recorder.refusals import Refused

if TYPE_CHECKING:
    from collections.abc import Iterator


class Events:
    """Reads one event, or a list of them; a document is an event as it was sent."""

    def decode(self, body: bytes, _content_type: str) -> Iterator[Found]:
        """One document for each event, found by its run id and the names in it."""
        given = read_json(body)
        for event in given if isinstance(given, list) else [given]:
            if not isinstance(event, dict):
                raise Refused(400, "the body is no OpenLineage event")
            names = (_part(event, "job", "name"), _part(event, "dataset", "name"))
            yield Found(as_keys([_part(event, "run", "runId"), *names]), event)

    def item(self, document: dict[str, Any]) -> dict[str, Any]:
        """The event, with the words that it is asked for by."""
        return {
            **document,
            "run_id": _part(document, "run", "runId"),
            "job_name": _part(document, "job", "name"),
            "event": document.get("eventType"),
        }


def _part(event: dict[str, Any], *path: str) -> Any:
    value: Any = event
    for name in path:
        value = value.get(name) if isinstance(value, dict) else None
    return value
