"""What the conformance checks of a plugin came to."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

from pydantic import computed_field

from floe_local.plan.values import Frozen, Kind

if TYPE_CHECKING:
    from collections.abc import Iterable


class Outcome(StrEnum):
    """What one check came to. A check that could not be made is not a pass."""

    PASSED = "passed"
    FAILED = "failed"
    SKIPPED = "skipped"


class Fault(Frozen):
    """Why a check failed, and what its author can do."""

    reason: str
    hint: str = ""


class Advice(Frozen):
    """What works, and could be better; no failure."""

    text: str


class SkipReason(Frozen):
    """Why a check was not made."""

    reason: str


Finding = Fault | Advice | SkipReason


class CheckResult(Frozen):
    """One check. `reason` names plugin, distribution and field."""

    check: str
    outcome: Outcome
    reason: str = ""
    hint: str = ""
    warnings: tuple[str, ...] = ()


class PluginReport(Frozen):
    """All checks of one plugin."""

    kind: Kind
    name: str
    distribution: str = ""
    version: str = ""
    target: str = ""
    seconds: float = 0.0
    checks: tuple[CheckResult, ...] = ()

    @computed_field  # type: ignore[prop-decorator]
    @property
    def ok(self) -> bool:
        """None failed, and at least one passed."""
        outcomes = {check.outcome for check in self.checks}
        return Outcome.FAILED not in outcomes and Outcome.PASSED in outcomes

    def result(self, check: str) -> CheckResult:
        """The result of the check of that name.

        Raises:
            KeyError: there is none.
        """
        found = {one.check: one for one in self.checks}
        return found[check]


class ConformanceReport(Frozen):
    """The reports of all plugins that were tested."""

    plugins: tuple[PluginReport, ...] = ()

    @property
    def ok(self) -> bool:
        """Every plugin passed."""
        return bool(self.plugins) and all(plugin.ok for plugin in self.plugins)


def result_of(check: str, who: str, findings: Iterable[Finding]) -> CheckResult:
    """The result of a check, from what it found; `who` goes before each reason."""
    found = tuple(findings)
    notes = tuple(f.text for f in found if isinstance(f, Advice))
    faults = [f for f in found if isinstance(f, Fault)]
    skipped = [f for f in found if isinstance(f, SkipReason)]
    if faults:
        reason = "; ".join(_about(who, fault.reason) for fault in faults)
        hint = " ".join(dict.fromkeys(fault.hint for fault in faults if fault.hint))
        outcome = Outcome.FAILED
        return CheckResult(check=check, outcome=outcome, reason=reason, hint=hint, warnings=notes)
    if skipped:
        reason = "; ".join(one.reason for one in skipped)
        return CheckResult(check=check, outcome=Outcome.SKIPPED, reason=reason, warnings=notes)
    return CheckResult(check=check, outcome=Outcome.PASSED, warnings=notes)


def _about(who: str, reason: str) -> str:
    return reason if who in reason else f"{who}: {reason}"
