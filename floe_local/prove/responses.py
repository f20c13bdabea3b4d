"""The responses to each transport of a lineage client. Import late: it loads the client."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, cast

from openlineage.client.transport import CompositeTransport, Transport

if TYPE_CHECKING:
    from openlineage.client.client import Event
    from openlineage.client.event_v2 import RunEvent

_RAISES_UNLESS_TAKEN = frozenset({"amazon_datazone_api"})
"""Transports that hide the answer to each event, and raise where it is no success."""


class RunResponse(NamedTuple):
    """What was said to the events of one run.

    `answered`: each of them got a success over HTTP; `error`: why one of them failed, where a
    composite went on without it.
    """

    answered: bool
    error: Exception | None


class ErrorCapture:
    """Keeps the error that leaves its block, and lets it go on; an interrupt is none."""

    error: Exception | None = None

    def __enter__(self) -> None:
        """Start the block."""

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, Exception):
            self.error = error


class RecordingTransport(Transport):
    """A transport that keeps what it was answered: the client drops it, a composite errors too."""

    def __init__(self, inner: Transport) -> None:
        self._inner = inner
        self.kind, self.name, self.priority = inner.kind, inner.name, inner.priority
        self._successes: dict[str, list[bool]] = {}
        self._emitting: dict[str, ErrorCapture] = {}
        self._closing = ErrorCapture()

    def emit(self, event: Event) -> Any:
        """Emit, and keep how it was answered."""
        run_id = cast("RunEvent", event).run.runId
        successes = self._successes.setdefault(run_id, [])
        with self._emitting.setdefault(run_id, ErrorCapture()):
            answer = self._inner.emit(event)
        successes.append(self.kind in _RAISES_UNLESS_TAKEN or _is_success(answer))
        return answer

    def close(self, timeout: float = -1) -> bool:
        """Close, and keep what became of what was sent in the background."""
        with self._closing:
            done = self._inner.close(timeout)
        count: dict[str, int] = getattr(self._inner, "get_stats", dict)()
        failed, pending = count.get("failed", 0), count.get("pending", 0)
        if failed or pending or done is False:
            sent = failed + pending + count.get("success", 0)
            what = f"{failed + pending} of {sent} events were not answered with success"
            self._closing.error = ConnectionError(f"{what} by {self.kind} in the background")
        elif count:
            self._successes = {run_id: [True] for run_id in self._successes}
        return done

    def response(self, run_id: str) -> RunResponse:
        """Return what was said to a run. Ask after `close`."""
        successes = self._successes.get(run_id, [])
        error = self._emitting.get(run_id, self._closing).error or self._closing.error
        return RunResponse(bool(successes) and all(successes), error)


def record_responses(transport: Transport) -> tuple[Transport, tuple[RecordingTransport, ...]]:
    """Return the transport such that it is recorded, and all recorders: one for each leaf."""
    if not isinstance(transport, CompositeTransport):
        recording = RecordingTransport(transport)
        return recording, (recording,)
    parts = [record_responses(part) for part in transport.transports]
    transport.transports[:] = [part for part, _ in parts]
    return transport, tuple(leaf for _, leaves in parts for leaf in leaves)


def _is_success(answer: Any) -> bool:
    """Tell whether it is an HTTP answer to what was posted: a redirect is followed with a GET."""
    status = getattr(answer, "status_code", None)
    method = getattr(getattr(answer, "request", None), "method", "GET")
    return isinstance(status, int) and 200 <= status < 300 and method != "GET"  # noqa: PLR2004
