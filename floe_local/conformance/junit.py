"""A conformance report as JUnit XML: a test case for each check."""

from __future__ import annotations

from typing import TYPE_CHECKING

from floe_local.conformance.report import Outcome
from floe_local.prove.junit import case, document, note

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

    from floe_local.conformance.report import CheckResult, ConformanceReport, PluginReport


def to_junit(report: ConformanceReport) -> str:
    """Return the report as a JUnit document. Only a whole plugin's time is known."""
    cases = [_case(plugin, check) for plugin in report.plugins for check in plugin.checks]
    return document("floe-local plugins test", cases, sum(p.seconds for p in report.plugins))


def _case(plugin: PluginReport, check: CheckResult) -> Element:
    made = case(f"{plugin.kind}.{plugin.name}", check.check, 0.0)
    if check.outcome is Outcome.FAILED:
        note(made, "failure", check.reason, f"hint: {check.hint}" if check.hint else "")
    elif check.outcome is Outcome.SKIPPED:
        note(made, "skipped", check.reason, "")
    if check.warnings:
        note(made, "system-out", None, "\n".join(check.warnings))
    return made
