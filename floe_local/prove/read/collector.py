"""The Collector's own counters: what it accepted, and what each exporter sent."""

from __future__ import annotations

import re
from time import monotonic
from typing import TYPE_CHECKING, Any, NamedTuple

from floe_local.plan.artifacts import ENDS_IN_COLLECTOR
from floe_local.plan.values import Frozen, Kind, Signal
from floe_local.prove.report import Hop, HopName, HopState
from floe_local.signals.shared.model import telemetry
from floe_local.until import growing, until

if TYPE_CHECKING:
    from collections.abc import Iterable
    from threading import Event

    from floe_local.prove.delivery import Delivery
    from floe_local.prove.read.http import Http

_LINE = re.compile(r"^([a-zA-Z_:][\w:]*)(?:\{(.*)\})?\s+([-+]?[\d.]+(?:[eE][-+]?\d+)?)(?:\s|$)")
_LABEL = re.compile(r'([a-zA-Z_]\w*)="((?:[^"\\]|\\.)*)"')


Series = tuple[tuple[str, dict[str, str], float], ...]


class Expected(Frozen):
    """How many items of a signal went in by a protocol, and which exporters carry them on.

    `accepted_hop` is by this protocol, `exported_hop` all that each exporter has to send.
    """

    signal: Signal
    protocol: str
    accepted: int
    exported: int
    exporters: tuple[str, ...]


def parse_metrics(page: str) -> Series:
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
    for label, text in labels.items():
        if any(label in found for found, _ in own):
            own = [(found, value) for found, value in own if found.get(label) == text]
    return sum(value for _, value in own)


def is_backend(exporter: str) -> bool:
    """Tell whether an exporter id carries to a backend: debug, nop and file never do."""
    return exporter.split("/", 1)[0] not in ENDS_IN_COLLECTOR


def accepted_hop(before: Series, now: Series, expected: Expected) -> Hop:
    """Judge whether the Collector accepted what was sent."""
    unit = telemetry(expected.signal).UNIT
    got = grown(before, now, f"otelcol_receiver_accepted_{unit}", transport=expected.protocol)
    refused = grown(before, now, f"otelcol_receiver_refused_{unit}", transport=expected.protocol)
    detail = f"accepted {got:.0f} of {expected.accepted}, refused {refused:.0f}"
    state = HopState.PASSED if got >= expected.accepted else HopState.FAILED
    return Hop(name=HopName.COLLECTOR_ACCEPTED, state=state, detail=detail)


def exported_hop(before: Series, now: Series, expected: Expected) -> Hop:
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
    detail = "; ".join(f"{name}: {_joined(count)}" for name, count in counts.items())
    return Hop(
        name=HopName.COLLECTOR_EXPORTED,
        state=HopState.FAILED if short else HopState.PASSED,
        detail=f"{detail}; expected {expected.exported}",
    )


def _exporter(before: Series, now: Series, name: str, expected: Expected) -> dict[str, float]:
    unit = telemetry(expected.signal).UNIT
    return {
        what: grown(before, now, f"otelcol_exporter_{what}_{unit}", exporter=name)
        for what in ("sent", "send_failed", "enqueue_failed")
    }


def _joined(count: dict[str, Any]) -> str:
    return ", ".join(f"{what} {value:.0f}" for what, value in count.items())


def grown(before: Series, now: Series, name: str, **labels: str) -> float:
    """By how much a counter grew; a restarted Collector counts from zero."""
    was, is_ = total(before, name, **labels), total(now, name, **labels)
    return is_ - was if is_ >= was else is_


Hops = dict[Expected, tuple[Hop, Hop]]


class Counters(NamedTuple):
    """The Collector's metrics page, and what was on it before; None: it cannot be read."""

    http: Http
    url: str | None
    before: Series | None
    problem: str = ""


def read_baseline(http: Http, url: str | None) -> Counters:
    """Read the counters before anything is sent."""
    if url is None:
        return Counters(http, None, None, "the address of the Collector's metrics is not known")
    answer = http.ask("GET", url)
    if not answer.ok:
        problem = answer.error or f"HTTP {answer.status}"
        return Counters(http, url, None, f"the Collector's metrics cannot be read: {problem}")
    return Counters(http, url, parse_metrics(answer.body.decode(errors="replace")))


def expected_count(delivery: Delivery, deliveries: Iterable[Delivery]) -> Expected | None:
    """Return what the Collector has to count of a delivery; None: it never had it.

    Counters do not tell clients apart: what was sent of the same signal counts as well.
    """
    if delivery.target.kind is Kind.LINEAGE or not delivery.is_acknowledged:
        return None
    sent = [
        other.sending
        for other in deliveries
        if other.target is delivery.target
        and other.signal is delivery.signal
        and other.is_acknowledged
    ]
    protocol = delivery.sending.protocol
    return Expected(
        signal=delivery.signal,
        protocol=protocol,
        accepted=sum(sending.count for sending in sent if sending.protocol == protocol),
        exported=sum(sending.count for sending in sent),
        exporters=delivery.target.exporters.get(delivery.signal, ()),
    )


def watch_counters(
    counters: Counters, expected: Iterable[Expected], *, start: float, deadline: float, stop: Event
) -> Hops:
    """Watch until each hop has passed, `stop` is set, or the deadline has passed.

    Once `stop` is set, one more look is taken. Seconds count from `start`.
    """
    items = tuple(expected)
    hops: Hops = {item: (_unknown(counters, 0), _unknown(counters, 1)) for item in items}
    before = counters.before
    if counters.url is None or before is None or not items:
        return hops

    def have_passed() -> bool:
        nonlocal hops
        hops = _look(counters, before, hops, start)
        return all(hop.state is not HopState.FAILED for pair in hops.values() for hop in pair)

    if not until(have_passed, deadline - monotonic(), growing(), wait=stop.wait) and stop.is_set():
        have_passed()
    return hops


def _look(counters: Counters, before: Series, seen: Hops, start: float) -> Hops:
    answer = counters.http.ask("GET", counters.url or "")
    if not answer.ok:
        return seen
    now, seconds = parse_metrics(answer.body.decode(errors="replace")), monotonic() - start
    return {
        item: (
            _later(pair[0], accepted_hop(before, now, item), seconds),
            _later(pair[1], exported_hop(before, now, item), seconds),
        )
        for item, pair in seen.items()
    }


def _later(was: Hop, is_: Hop, seconds: float) -> Hop:
    """Keep the time at which a hop was first seen to pass."""
    if was.state is HopState.PASSED:
        return was
    return is_.model_copy(update={"seconds": seconds}) if is_.state is HopState.PASSED else is_


def _unknown(counters: Counters, index: int) -> Hop:
    name = (HopName.COLLECTOR_ACCEPTED, HopName.COLLECTOR_EXPORTED)[index]
    detail = counters.problem or "the counters were not read"
    return Hop(name=name, state=HopState.UNKNOWN, detail=detail)
