"""A report as JUnit XML, for CI systems."""

from __future__ import annotations

import re
from xml.etree import ElementTree as ET

from floe_local.prove.report import Bulk, Check, Report, Verdict

# What XML 1.0 cannot hold, not even escaped.
_UNPRINTABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\ud800-\udfff\ufffe\uffff]")


def to_junit(report: Report) -> str:
    """Return the report as a JUnit document: a test case for each check and account."""
    cases = [_check(check) for check in report.checks] + [_bulk(item) for item in report.bulk]
    if report.reason and not any(case.find("failure") is not None for case in cases):
        cases.append(_whole(report))
    suite = ET.Element(
        "testsuite",
        name=_clean(f"floe-local smoke-test {report.stack}"),
        tests=str(len(cases)),
        failures=str(sum(case.find("failure") is not None for case in cases)),
        skipped=str(sum(case.find("skipped") is not None for case in cases)),
        errors="0",
        time=f"{report.durations.total:.3f}",
    )
    suite.extend(cases)
    ET.indent(suite)
    return ET.tostring(suite, encoding="unicode", xml_declaration=True) + "\n"


def _check(check: Check) -> ET.Element:
    seconds = max((hop.seconds or 0.0 for hop in check.hops), default=0.0)
    name = f"{check.signal} {check.protocol} {check.canary}"
    case = _case(check.backend, name, seconds)
    if check.verdict is Verdict.FAILED:
        _note(case, "failure", f"{check.hop}: {check.field or check.reason}", _story(check))
    elif check.verdict is Verdict.SKIPPED:
        _note(case, "skipped", check.reason, "")
    else:
        _note(case, "system-out", None, check.verdict.value)
    return case


def _bulk(account: Bulk) -> ET.Element:
    name = f"{account.sent} {account.signal} {account.protocol}"
    case = _case(account.backend, name, account.send_seconds + account.read_seconds)
    if not account.complete:
        missing = f"{account.sent - account.stored} of {account.sent} were not read back"
        _note(case, "failure", missing, "\n".join(account.missing))
    return case


def _whole(report: Report) -> ET.Element:
    case = _case(report.stack, "verdict", 0.0)
    _note(case, "failure", report.reason, "")
    return case


def _case(backend: str, name: str, seconds: float) -> ET.Element:
    return ET.Element(
        "testcase", classname=_clean(backend), name=_clean(name), time=f"{seconds:.3f}"
    )


def _note(case: ET.Element, tag: str, message: str | None, text: str) -> None:
    note = ET.SubElement(case, tag)
    if message is not None:
        note.set("message", _clean(message))
    note.text = _clean(text)


def _story(check: Check) -> str:
    lines = [check.reason, f"hint: {check.hint}" if check.hint else ""]
    lines += [f"{d.field}: expected {d.expected!r}, found {d.found!r}" for d in check.differences]
    return "\n".join(filter(None, lines))


def _clean(text: str) -> str:
    return _UNPRINTABLE.sub(lambda match: f"\\x{ord(match[0]):02x}", text)
