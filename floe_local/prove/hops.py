"""The Collector's own counters: what it accepted, and what each exporter sent."""

from __future__ import annotations

import re
from typing import Any

from floe_local.plan.artifacts import ENDS_IN_COLLECTOR
from floe_local.plan.values import Frozen, Signal
from floe_local.prove.report import Hop, HopName, HopState

_LINE = re.compile(r"^([a-zA-Z_:][\w:]*)(?:\{(.*)\})?\s+([-+]?[\d.]+(?:[eE][-+]?\d+)?)(?:\s|$)")
_LABEL = re.compile(r'([a-zA-Z_]\w*)="((?:[^"\\]|\\.)*)"')
_UNITS = {Signal.TRACES: "spans", Signal.METRICS: "metric_points", Signal.LOGS: "log_records"}

Series = tuple[tuple[str, dict[str, str], float], ...]


class Expected(Frozen):
    """How many items of a signal went in by a protocol, and which exporters carry them on.

    `accepted` is by this protocol, `exported` all that each exporter has to send.
    """

    signal: Signal
    protocol: str
    accepted: int
    exported: int
    exporters: tuple[str, ...]


def parsed(page: str) -> Series:
    """Parse the Prometheus text format into (name, labels, value), names without ``_total``."""
    found = (_LINE.match(line) for line in page.splitlines() if not line.startswith("#"))
    return tuple(
        (match[1].removesuffix("_total"), dict(_LABEL.findall(match[2] or "")), float(match[3]))
        for match in found
        if match and match[1].startswith(("otelcol_", "http_server_"))
    )


def total(series: Series, name: str, **labels: str) -> float:
    """Sum a counter over its series that carry these labels; a label none has is ignored."""
    own = [(found, value) for known, found, value in series if known == name]
    for label, wanted in labels.items():
        if any(label in found for found, _ in own):
            own = [(found, value) for found, value in own if found.get(label) == wanted]
    return sum(value for _, value in own)


def is_backend(exporter: str) -> bool:
    """Tell whether an exporter id carries to a backend: debug, nop and file never do."""
    return exporter.split("/", 1)[0] not in ENDS_IN_COLLECTOR


def accepted(before: Series, now: Series, expected: Expected) -> Hop:
    """Judge whether the Collector accepted what was sent."""
    unit = _UNITS[expected.signal]
    got = _grown(before, now, f"otelcol_receiver_accepted_{unit}", transport=expected.protocol)
    refused = _grown(before, now, f"otelcol_receiver_refused_{unit}", transport=expected.protocol)
    detail = f"accepted {got:.0f} of {expected.accepted}, refused {refused:.0f}"
    state = HopState.PASSED if got >= expected.accepted else HopState.FAILED
    return Hop(name=HopName.COLLECTOR_ACCEPTED, state=state, detail=detail)


def exported(before: Series, now: Series, expected: Expected) -> Hop:
    """Judge whether each exporter sent what was accepted. No exporter known: unknown."""
    exporters = tuple(filter(is_backend, expected.exporters))
    if not exporters:
        return Hop(
            name=HopName.COLLECTOR_EXPORTED,
            state=HopState.UNKNOWN,
            detail="no exporter carries this signal to the backend",
        )
    counts = {name: _exporter(before, now, name, expected) for name in exporters}
    short = [name for name, count in counts.items() if count["sent"] < expected.exported]
    detail = "; ".join(f"{name}: {_told(count)}" for name, count in counts.items())
    return Hop(
        name=HopName.COLLECTOR_EXPORTED,
        state=HopState.FAILED if short else HopState.PASSED,
        detail=f"{detail}; expected {expected.exported}",
    )


def _exporter(before: Series, now: Series, name: str, expected: Expected) -> dict[str, float]:
    unit = _UNITS[expected.signal]
    return {
        what: _grown(before, now, f"otelcol_exporter_{what}_{unit}", exporter=name)
        for what in ("sent", "send_failed", "enqueue_failed")
    }


def _told(count: dict[str, Any]) -> str:
    return ", ".join(f"{what} {value:.0f}" for what, value in count.items())


def _grown(before: Series, now: Series, name: str, **labels: str) -> float:
    was, is_ = total(before, name, **labels), total(now, name, **labels)
    return is_ - was if is_ >= was else is_  # a restarted Collector counts from zero
