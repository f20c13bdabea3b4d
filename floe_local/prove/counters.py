"""Watch the Collector's counters while canaries travel."""

from __future__ import annotations

from time import monotonic
from typing import TYPE_CHECKING, NamedTuple

from floe_local.plan.values import Kind
from floe_local.prove.hops import Expected, Series, accepted, exported, parsed
from floe_local.prove.report import Hop, HopName, HopState

if TYPE_CHECKING:
    from collections.abc import Iterable
    from threading import Event

    from floe_local.prove.delivery import Delivery
    from floe_local.prove.http import Http

_FIRST_SECONDS = 0.05
_LONGEST_SECONDS = 0.5
_GROWTH = 1.5

Hops = dict[Expected, tuple[Hop, Hop]]


class Counters(NamedTuple):
    """The Collector's metrics page, and what was on it before; None: it cannot be read."""

    http: Http
    url: str | None
    before: Series | None
    problem: str = ""


def baseline(http: Http, url: str | None) -> Counters:
    """Read the counters before anything is sent."""
    if url is None:
        return Counters(http, None, None, "the address of the Collector's metrics is not known")
    answer = http.ask("GET", url)
    if not answer.ok:
        problem = answer.error or f"HTTP {answer.status}"
        return Counters(http, url, None, f"the Collector's metrics cannot be read: {problem}")
    return Counters(http, url, parsed(answer.body.decode(errors="replace")))


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
    seen: Hops = {item: (_unknown(counters, 0), _unknown(counters, 1)) for item in items}
    pause = _FIRST_SECONDS
    while counters.url is not None and counters.before is not None and items:
        last = stop.is_set() or monotonic() + pause > deadline
        seen = _look(counters, counters.before, seen, start)
        if last or all(hop.state is not HopState.FAILED for pair in seen.values() for hop in pair):
            break
        stop.wait(pause)
        pause = min(pause * _GROWTH, _LONGEST_SECONDS)
    return seen


def _look(counters: Counters, before: Series, seen: Hops, start: float) -> Hops:
    answer = counters.http.ask("GET", counters.url or "")
    if not answer.ok:
        return seen
    now, seconds = parsed(answer.body.decode(errors="replace")), monotonic() - start
    return {
        item: (
            _later(pair[0], accepted(before, now, item), seconds),
            _later(pair[1], exported(before, now, item), seconds),
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
