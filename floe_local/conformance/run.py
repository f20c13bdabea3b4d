"""All conformance checks of a plugin: evidence gathered, then judged."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from floe_local.conformance.checks import checked
from floe_local.conformance.compiling import checked_by_collector, compiled
from floe_local.conformance.evidence import gather
from floe_local.conformance.report import PluginReport

if TYPE_CHECKING:
    from floe_local.conformance.evidence import Subject

LIMIT_S = 10.0
"""Seconds for each of the plugin's child processes: for all its methods together."""


def conformance(
    subject: Subject, *, limit_s: float = LIMIT_S, collector: bool = True
) -> PluginReport:
    """Check one plugin. It runs in child processes only.

    Args:
        subject: which.
        limit_s: seconds that each child has.
        collector: whether the real Collector may be asked, where one is at hand.
    """
    start = time.monotonic()
    evidence = compiled(gather(subject, limit_s))
    if collector:
        evidence = checked_by_collector(evidence)
    entry = subject.entry
    return PluginReport(
        kind=subject.kind,
        name=entry.name,
        distribution=entry.distribution,
        version=entry.version,
        target=entry.target,
        seconds=round(time.monotonic() - start, 3),
        checks=checked(evidence),
    )
