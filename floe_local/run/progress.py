"""What is going on, as values: whoever prints decides how."""

from __future__ import annotations

import time
from collections.abc import Callable

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


Report = Callable[[Progress], None]


def silent(_: Progress) -> None:
    """Report to nobody."""


def timed(report: Report, subject: str) -> Callable[[str, str], None]:
    """A function (phase, detail) that reports on the subject with the time since now."""
    start = time.monotonic()

    def tell(phase: str, detail: str = "") -> None:
        elapsed = time.monotonic() - start
        report(Progress(subject=subject, phase=phase, detail=detail, elapsed_s=elapsed))

    return tell
