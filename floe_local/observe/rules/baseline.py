"""What is known already: findings that a file names, and that fail nothing."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from floe_local.observe.rules.model import Occurrence, RuleFinding

_CHANGES = re.compile(
    r"\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b|\b[0-9a-f]{16,32}\b"
    r"|\b\d+(\.\d+)?\b",
    re.IGNORECASE,
)
"""What differs from run to run: ids and numbers."""

HEADER = "# floe-local baseline: findings that are known; a line each, without ids and numbers."


def baseline_of(findings: Iterable[RuleFinding]) -> str:
    """Return the text of a baseline file that names all of these."""
    lines = {_line(finding, place) for finding in findings for place in finding.places}
    return "\n".join([HEADER, *sorted(lines)]) + "\n"


def without_known(findings: Iterable[RuleFinding], baseline: str) -> list[RuleFinding]:
    """Take out the places that a baseline file names; how many is in `known`."""
    known = set(baseline.splitlines())
    return [
        replace(finding, places=new, known=finding.count - len(new))
        for finding in findings
        for new in [tuple(p for p in finding.places if _line(finding, p) not in known)]
    ]


def _line(finding: RuleFinding, place: Occurrence) -> str:
    return f"{finding.profile} {finding.code} {_CHANGES.sub('*', place.text)}"
