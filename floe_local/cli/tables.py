"""Result models as rows of a table."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from floe_local.operations.rows import ServiceRow
    from floe_local.prove.report import Bulk, Check

Table = tuple[tuple[str, ...], list[tuple[object, ...]]]


def service_table(services: Sequence[ServiceRow]) -> Table:
    """Services with the origin of their image, state, and where to look."""
    rows: list[tuple[object, ...]] = [
        (
            s.service,
            f"{s.image} ({s.origin or 'unknown'})",
            _state(s),
            s.ui or next((url for name, url in s.urls.items() if name != "health"), ""),
        )
        for s in services
    ]
    return ("service", "image (origin)", "state", "url"), rows


def _state(service: ServiceRow) -> str:
    took = f" {service.seconds:.1f} s" if service.seconds is not None else ""
    detail = f": {service.detail}" if service.detail and service.state != "ready" else ""
    return f"{service.state}{took}{detail}"


def environment_lines(variables: Mapping[str, str]) -> str:
    """What to set in a pipeline's environment."""
    lines = [f"  {name}={shlex.quote(value)}" for name, value in variables.items()]
    return "\n".join(["", 'For a pipeline (eval "$(floe-local env)" sets them):', *lines])


def check_table(checks: Sequence[Check]) -> Table:
    """Checks with their verdict and the time at which each hop passed."""
    rows: list[tuple[object, ...]] = [
        (
            mark(check),
            check.backend,
            check.signal,
            check.protocol,
            check.canary,
            _verdict(check),
            "  ".join(f"{h.name} {h.seconds:.2f}" for h in check.hops if h.seconds is not None),
        )
        for check in checks
    ]
    return ("", "backend", "signal", "over", "canary", "verdict", "hops (s)"), rows


def _verdict(check: Check) -> str:
    if check.verdict == "accepted":
        return "accepted, not verified"
    return f"{check.verdict}: {check.reason}" if check.verdict == "skipped" else str(check.verdict)


def mark(check: Check) -> str:
    """One character for a verdict."""
    return {"failed": "✗", "skipped": "-"}.get(check.verdict, "✓")


def failure_lines(check: Check) -> str:
    """What is wrong with a failed check, and what to do."""
    lines = [f"✗ {check.backend} {check.signal} {check.canary}: broke at {check.hop or 'unknown'}"]
    if check.field:
        lines.append(f"    {check.field}: expected {check.expected!r}, found {check.found!r}")
    lines += [f"    {check.reason}"] if check.reason else []
    lines += [f"    hint: {check.hint}"] if check.hint else []
    return "\n".join(lines)


def bulk_table(accounts: Sequence[Bulk]) -> Table:
    """The accounts of many canaries."""
    rows: list[tuple[object, ...]] = [
        (
            "✓" if a.complete else "✗",
            a.backend,
            a.signal,
            a.sent,
            a.acknowledged,
            a.stored,
            f"{a.milliseconds_each:.1f}",
        )
        for a in accounts
    ]
    return ("", "backend", "signal", "sent", "acknowledged", "stored", "ms each"), rows
