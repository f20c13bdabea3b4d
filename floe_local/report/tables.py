"""Result models as rows of a table."""

from __future__ import annotations

from typing import TYPE_CHECKING

from floe_local.operations.show import assignment
from floe_local.report import Tinted, styled

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from floe_local.conformance.report import CheckResult
    from floe_local.operations.sandbox import Failing, Failure, Received, Recorded
    from floe_local.operations.stacks import ServiceRow
    from floe_local.prove.report import Bulk, Check

Table = tuple[tuple[str, ...], list[tuple[object, ...]]]

_HOPS = {
    "client": "client",
    "collector-accepted": "accepted",
    "collector-exported": "exported",
    "backend-stored": "stored",
}
"""The hops of a canary → their column."""

_MARKS = {"passed": "✓", "failed": "✗", "skipped": "-"}
"""One character for a conformance check's outcome."""


def service_table(services: Sequence[ServiceRow]) -> Table:
    """Services with their state, where to look, and what they run."""
    rows: list[tuple[object, ...]] = [
        (
            s.service,
            Tinted(_state(s)),
            s.ui or next((url for name, url in s.urls.items() if name != "health"), ""),
            s.origin or "unknown",
            s.image,
        )
        for s in services
    ]
    return ("service", "state", "url", "origin", "image"), rows


def _state(service: ServiceRow) -> str:
    took = f" {service.seconds:.1f} s" if service.seconds is not None else ""
    detail = f": {service.detail}" if service.detail and service.state != "ready" else ""
    return f"{service.state}{took}{detail}"


def forced_failure_lines(failures: Sequence[Failing]) -> list[str]:
    """What the sandbox is set to answer in place of a backend, and how to end it."""
    return [
        f"{one.backend}: the sandbox answers {one.failure.status} "
        f"{_to_which(one.failure)}; `floe-local sandbox fail {one.backend} --off` ends it"
        for one in failures
        if one.failure
    ]


def _to_which(failure: Failure) -> str:
    where = f" at {failure.path}" if failure.path else ""
    if failure.times is None:
        return f"to every request{where}"
    return f"to the next {failure.times} requests{where}" if failure.times > 1 else f"once{where}"


def environment_lines(variables: Mapping[str, str]) -> str:
    """What to set in a pipeline's environment."""
    lines = [f"  {assignment(name, value)}" for name, value in variables.items()]
    return "\n".join(["", 'For a pipeline (eval "$(floe-local env)" sets them):', *lines])


def check_table(checks: Sequence[Check]) -> Table:
    """Checks with their verdict, and when each hop had passed: seconds from the start."""
    rows: list[tuple[object, ...]] = [
        (
            Tinted(mark(check), styled(check.verdict)),
            check.backend,
            _canary(check),
            Tinted(_verdict(check)),
            *_times(check),
        )
        for check in checks
    ]
    return ("", "backend", "canary", "verdict", *_HOPS.values()), rows


def _canary(check: Check) -> str:
    """A canary by its name; where that is its signal's, with what it went over."""
    own = check.canary.removeprefix(check.signal).removeprefix("-")
    return f"{check.signal} {own or check.protocol}"


def _times(check: Check) -> tuple[str, ...]:
    seconds = {str(hop.name): hop.seconds for hop in check.hops}
    passed = (seconds.get(name) for name in _HOPS)
    return tuple("" if s is None else f"{s:.2f}" for s in passed)


def _verdict(check: Check) -> str:
    return "accepted, not verified" if check.verdict == "accepted" else str(check.verdict)


def reason_lines(checks: Sequence[Check]) -> list[str]:
    """Why canaries were skipped, or not read back; once for all protocols."""
    lines = (
        f"{mark(check)} {check.backend} {check.signal}: {check.reason}"
        for check in checks
        if check.verdict in {"skipped", "accepted"}
    )
    return list(dict.fromkeys(lines))


def not_compared_lines(checks: Sequence[Check]) -> list[str]:
    """What each backend does not keep, by its blueprint, once for all its checks."""
    lines = (
        f"{check.backend}: not compared: {', '.join(lost.fields)}, which it does not keep"
        + (f" ({lost.storage})" if lost.storage else "")
        for check in checks
        if (lost := check.not_compared).fields
    )
    return list(dict.fromkeys(lines))


def what_passed(checks: Sequence[Check]) -> str:
    """What may be said of a run that is a pass: what was not read back is not called received."""
    verdicts = [str(check.verdict) for check in checks]
    accepted, skipped = verdicts.count("accepted"), verdicts.count("skipped")
    received = len(verdicts) - accepted - skipped
    if received == len(verdicts):
        return "every canary was received"
    counts = {"received": received, "accepted, not verified": accepted, "skipped": skipped}
    listed = ", ".join(f"{count} {what}" for what, count in counts.items() if count)
    return f"of {len(verdicts)} checks {listed}"


def mark(check: Check) -> str:
    """One character for a verdict."""
    return {"failed": "✗", "skipped": "-"}.get(check.verdict, "✓")


def failure_lines(check: Check) -> str:
    """What is wrong with a failed check, and what to do."""
    lines = [f"✗ {check.backend} {_canary(check)}: broke at {check.hop or 'unknown'}"]
    if check.field:
        lines.append(f"    {check.field}: expected {check.expected!r}, found {check.found!r}")
    lines += [f"    {check.reason}"] if check.reason else []
    lines += [f"    hint: {check.hint}"] if check.hint else []
    return "\n".join(lines)


def conformance_table(checks: Sequence[CheckResult]) -> Table:
    """Conformance checks with what they came to; a failure's reason follows below the table."""
    rows: list[tuple[object, ...]] = [
        (
            Tinted(_MARKS[c.outcome]),
            c.check,
            Tinted(c.outcome),
            "" if c.outcome == "failed" else c.reason,
        )
        for c in checks
    ]
    return ("", "check", "outcome", ""), rows


def conformance_lines(checks: Sequence[CheckResult]) -> list[str]:
    """Warnings, and what is wrong with each failed check, and what to do."""
    lines = [f"- {c.check}: warning: {text}" for c in checks for text in c.warnings]
    for check in checks:
        if check.outcome == "failed":
            lines += ["", f"✗ {check.check}: {check.reason}"]
            lines += [f"    hint: {check.hint}"] if check.hint else []
    return lines


def bulk_table(accounts: Sequence[Bulk]) -> Table:
    """The accounts of many canaries."""
    rows: list[tuple[object, ...]] = [
        (
            Tinted("✓" if a.complete else "✗"),
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


def count_lines(recorded: Recorded) -> str:
    """How much a recorder received."""
    counts = recorded.counts
    items = ", ".join(f"{n} {signal}" for signal, n in (counts.get("items") or {}).items())
    numbers = [f"{counts.get(key, 0)} {key}" for key in ("requests", "refused", "ignored")]
    return f"{recorded.backend}: {', '.join(numbers)}; kept: {items or 'nothing'}"


def request_table(requests: Sequence[Received]) -> Table:
    """Requests with the answer that they got, and why."""
    rows: list[tuple[object, ...]] = [
        (
            one.number,
            one.status,
            f"{one.method} {one.path}",
            one.signal or "",
            one.items,
            one.bytes,
            one.credential or "",
            one.reason or "",
        )
        for one in requests
    ]
    return ("#", "status", "request", "signal", "items", "bytes", "credential", "reason"), rows
