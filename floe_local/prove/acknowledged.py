"""What the first station said to what was sent."""

from __future__ import annotations

from time import monotonic
from typing import TYPE_CHECKING, Any

from floe_local.plan.values import Frozen, Signal

if TYPE_CHECKING:
    from floe_local.prove.isolation import Messages


class Ack(Frozen):
    """The answer to everything that one client sent of one signal.

    `backend` is who answered, empty for the Collector. `key` is the protocol, for lineage
    the scenario. `at` is the monotonic clock when the last answer came, `seconds` the time
    since the first canary was sent. `answered`: a lineage backend said yes over HTTP. `detail`
    is what failed (where `ok`: in a part of the client that may fail), `advice` what to do.
    """

    backend: str = ""
    signal: Signal
    key: str
    ok: bool
    at: float
    seconds: float
    answered: bool = False
    detail: str = ""
    advice: str = ""


class Stopwatch:
    """Seconds since it was made. `loaded` is the last time that an SDK was ready."""

    def __init__(self) -> None:
        self.start = self.loaded = monotonic()

    def ready(self) -> None:
        """Note that an SDK has been imported."""
        self.loaded = max(self.loaded, monotonic())

    def ack(self, signal: Signal, key: str, failures: list[str], backend: str = "") -> Ack:
        """Return the acknowledgement of what has been sent up to now."""
        now = monotonic()
        return Ack(
            backend=backend,
            signal=signal,
            key=key,
            ok=not failures,
            at=now,
            seconds=now - self.start,
            detail=failures[0] if failures else "",
        )


class Watched:
    """An SDK exporter whose results are kept: the SDK's processors drop them.

    After a failure nothing more is tried: each try would wait for its own timeout.
    """

    def __init__(self, exporter: Any, messages: Messages) -> None:
        self._exporter = exporter
        self._messages = messages
        self._failures: list[str] = []
        self._last: Any = None

    def __getattr__(self, name: str) -> Any:
        return getattr(self._exporter, name)

    def export(self, *batch: Any, **options: Any) -> Any:
        """Export, and keep why it failed if it did."""
        if self._failures:
            self._failures.append(self._failures[0])
            return self._last
        self._last = self._exporter.export(*batch, **options)
        if self._last.name != "SUCCESS":
            self._failures.append(self._messages.take() or "the export failed")
        return self._last

    def take(self) -> list[str]:
        """Return the failures since the last call."""
        failures, self._failures = self._failures, []
        return failures
