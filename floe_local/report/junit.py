"""Reports as JUnit XML, for CI systems."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

from floe_local.conformance.report import Outcome
from floe_local.prove.report import Verdict
from floe_local.report.verdict import finding_text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from floe_local.conformance.report import CheckResult, ConformanceReport, PluginReport
    from floe_local.observe.rules.model import RuleFinding
    from floe_local.observe.verdict import PipelineVerdict
    from floe_local.prove.report import Bulk, Check, Report

# What XML 1.0 cannot hold, not even escaped.
_UNPRINTABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\ud800-\udfff\ufffe\uffff]")


def smoke_junit(report: Report) -> str:
    """Return the report as a JUnit document: a test case for each check and account."""
    cases = [_check(check) for check in report.checks] + [_bulk(item) for item in report.bulk]
    if report.reason and not any(one.find("failure") is not None for one in cases):
        cases.append(_whole(report))
    return _document(f"floe-local smoke-test {report.stack}", cases, report.durations.total)


def conformance_junit(report: ConformanceReport) -> str:
    """Return the report as a JUnit document. Only a whole plugin's time is known."""
    cases = [
        _conformance_check(plugin, check) for plugin in report.plugins for check in plugin.checks
    ]
    return _document("floe-local plugins test", cases, sum(p.seconds for p in report.plugins))


def verdict_junit(verdict: PipelineVerdict, command: str, seconds: float = 0.0) -> str:
    """A verdict on a pipeline: a test case for each finding, and one for the whole."""
    cases = [_of_finding(finding, verdict) for finding in verdict.findings]
    whole = _case("verdict", command, seconds)
    if not verdict.ok:
        _note(whole, "failure", verdict.reason, "")
    return _document(f"floe-local {command}", [*cases, whole], seconds)


def _of_finding(finding: RuleFinding, verdict: PipelineVerdict) -> ET.Element:
    case = _case(finding.profile, finding.code, 0.0)
    if finding.severity in verdict.failing and finding.places:
        _note(case, "failure", finding.title, finding_text(finding))
    else:
        _note(case, "system-out", None, finding_text(finding))
    return case


def _conformance_check(plugin: PluginReport, check: CheckResult) -> ET.Element:
    made = _case(f"{plugin.kind}.{plugin.name}", check.check, 0.0)
    if check.outcome is Outcome.FAILED:
        _note(made, "failure", check.reason, f"hint: {check.hint}" if check.hint else "")
    elif check.outcome is Outcome.SKIPPED:
        _note(made, "skipped", check.reason, "")
    if check.warnings:
        _note(made, "system-out", None, "\n".join(check.warnings))
    return made


def _check(check: Check) -> ET.Element:
    seconds = max((hop.seconds or 0.0 for hop in check.hops), default=0.0)
    name = f"{check.signal} {check.protocol} {check.canary}"
    made = _case(check.backend, name, seconds)
    if check.verdict is Verdict.FAILED:
        _note(made, "failure", f"{check.hop}: {check.field or check.reason}", _story(check))
    elif check.verdict is Verdict.SKIPPED:
        _note(made, "skipped", check.reason, "")
    else:
        _note(made, "system-out", None, check.verdict.value)
    return made


def _bulk(account: Bulk) -> ET.Element:
    name = f"{account.sent} {account.signal} {account.protocol}"
    made = _case(account.backend, name, account.send_seconds + account.read_seconds)
    if not account.complete:
        missing = f"{account.sent - account.stored} of {account.sent} were not read back"
        _note(made, "failure", missing, "\n".join(account.missing))
    return made


def _whole(report: Report) -> ET.Element:
    made = _case(report.stack, "verdict", 0.0)
    _note(made, "failure", report.reason, "")
    return made


def _story(check: Check) -> str:
    lines = [check.reason, f"hint: {check.hint}" if check.hint else ""]
    lines += [f"{d.field}: expected {d.expected!r}, found {d.found!r}" for d in check.differences]
    return "\n".join(filter(None, lines))


def _document(name: str, cases: Sequence[ET.Element], seconds: float) -> str:
    """Return a JUnit document with one suite of test cases, counted."""
    suite = ET.Element(
        "testsuite",
        name=_clean(name),
        tests=str(len(cases)),
        failures=str(sum(one.find("failure") is not None for one in cases)),
        skipped=str(sum(one.find("skipped") is not None for one in cases)),
        errors="0",
        time=f"{seconds:.3f}",
    )
    suite.extend(cases)
    ET.indent(suite)
    return ET.tostring(suite, encoding="unicode", xml_declaration=True) + "\n"


def _case(classname: str, name: str, seconds: float) -> ET.Element:
    """Return a test case that passed; `_note` says that it did not."""
    return ET.Element(
        "testcase", classname=_clean(classname), name=_clean(name), time=f"{seconds:.3f}"
    )


def _note(case: ET.Element, tag: str, message: str | None, text: str) -> None:
    """Add to a case what came of it: a ``failure``, ``skipped``, or ``system-out``."""
    child = ET.SubElement(case, tag)
    if message is not None:
        child.set("message", _clean(message))
    child.text = _clean(text)


def _clean(text: str) -> str:
    return _UNPRINTABLE.sub(lambda match: f"\\x{ord(match[0]):02x}", text)
