"""What is going on, as values: whoever prints decides how."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping

from floe_local.plan.values import Frozen


class Progress(Frozen):
    """One thing that happens to an image, a service or the stack, which `subject` names.

    `phase` is what is going on, such as ``pulling``, ``built``, ``starting`` or ``ready``;
    `detail` the step, or the tool's last line; `elapsed_s` the seconds since it began.
    """

    subject: str
    phase: str
    detail: str = ""
    elapsed_s: float = 0.0


FAILED = "failed"
ENDINGS = frozenset(
    {"ready", "built", "pulled", "down", "present", "saved", "loaded", "sent", "received", "done"}
)
"""The phases after which nothing more happens to a subject, where all went well."""


class Row(Frozen):
    """Where a subject has come to: its last phase and detail, and since when, in seconds.

    `began` is on the monotonic clock; `elapsed_s` is how long it had taken by the last event.
    """

    subject: str
    phase: str
    detail: str = ""
    began: float
    elapsed_s: float = 0.0

    @property
    def ended(self) -> bool:
        """Whether nothing more happens to it."""
        return self.phase in {*ENDINGS, FAILED, "planned", "left-out"}

    def seconds(self, now: float) -> float:
        """How long it took, or has taken until `now` on the monotonic clock."""
        return self.elapsed_s if self.ended else now - self.began


class Board(Frozen):
    """All that goes on, by subject, in the order in which it began."""

    rows: Mapping[str, Row] = {}

    def after(self, event: Progress, now: float) -> Board:
        """The board once an event has come, at `now` on the monotonic clock."""
        before = self.rows.get(event.subject)
        goes_on = before is not None and not event.elapsed_s and before.phase == event.phase
        row = Row(
            subject=event.subject,
            phase=event.phase,
            detail=event.detail,
            began=before.began if before and goes_on else now - event.elapsed_s,
            elapsed_s=event.elapsed_s,
        )
        return Board(rows={**self.rows, event.subject: row})


OnProgress = Callable[[Progress], None]


def silent(_: Progress) -> None:
    """Report to nobody."""


def timed(report: OnProgress, subject: str) -> Callable[[str, str], None]:
    """A function (phase, detail) that reports on the subject with the time since now."""
    start = time.monotonic()

    def tell(phase: str, detail: str = "") -> None:
        elapsed = time.monotonic() - start
        report(Progress(subject=subject, phase=phase, detail=detail, elapsed_s=elapsed))

    return tell
