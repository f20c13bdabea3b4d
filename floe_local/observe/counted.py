"""What lies between the Collector's receiver and its exporters, and what it counts on that way.

Its counters do not tell senders apart: what others send meanwhile counts as well.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

from floe_local.observe.session.lineage import mapping, mappings, text
from floe_local.plan.compiler.draft import type_of
from floe_local.plan.values import Signal
from floe_local.prove.read.collector import grown, is_backend, parse_metrics
from floe_local.signals.shared.model import telemetry

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from floe_local.observe.session.model import ObservedSession
    from floe_local.prove.read.collector import Series
    from floe_local.prove.read.http import Http
    from floe_local.prove.targets import BackendTarget

COUNTED = (Signal.TRACES, Signal.METRICS, Signal.LOGS)
NOUNS = {Signal.TRACES: "span", Signal.METRICS: "metric point", Signal.LOGS: "log record"}
_GUARD = "memory_limiter"
"""What it refuses, the client is told of: that was never acknowledged."""
_KEEPS_ALL = frozenset({_GUARD, "attributes", "resource", "resourcedetection", "span"})
_KEEPS_CONTENT = frozenset(
    {_GUARD, "filter", "probabilistic_sampler", "tail_sampling", "groupbytrace"}
)
_LISTED = {"attributes": ("attributes", "actions"), "resource": ("resource", "attributes")}
"""Type of a processor → the part of a span that it changes, and where its settings list how."""


@dataclass(frozen=True)
class CollectorPipeline:
    """A pipeline that OTLP enters: its processors in order, with settings, and its exporters."""

    signal: Signal
    processors: dict[str, dict[str, Any]]
    exporters: tuple[str, ...]


def pipelines_in(config: Mapping[str, Any]) -> tuple[CollectorPipeline, ...]:
    """The pipelines of a compiled Collector config that OTLP enters."""
    defined = mapping(config.get("processors"))
    pipelines = mapping(mapping(config.get("service")).get("pipelines"))
    return tuple(
        CollectorPipeline(
            signal=Signal(name.partition("/")[0]),
            processors={one: mapping(defined.get(one)) for one in pipeline.get("processors") or ()},
            exporters=tuple(pipeline.get("exporters") or ()),
        )
        for name, pipeline in pipelines.items()
        if any(type_of(one) == "otlp" for one in pipeline.get("receivers") or ())
    )


def who_changes(processors: Mapping[str, dict[str, Any]], part: str) -> str:
    """The processor whose settings say that it changes a part of an item; empty: none does.

    Args:
        processors: by id, with their settings.
        part: as a difference names it: ``attributes.user.id``, ``name``.
    """
    return next((one for one in processors if _changes(one, processors[one], part)), "")


def _changes(processor: str, settings: dict[str, Any], part: str) -> bool:
    kind = type_of(processor)
    if kind in _KEEPS_CONTENT:
        return False
    if kind not in _LISTED:
        return True  # a language of its own: it may change anything
    prefix, key = _LISTED[kind]
    name = part.removeprefix(f"{prefix}.")
    return name != part and any(_acts_on(one, name) for one in mappings(settings.get(key)))


def _acts_on(action: dict[str, Any], name: str) -> bool:
    if action.get("action") == "insert":  # what is there stays
        return False
    pattern = text(action.get("pattern"))
    named = action.get("key") == name or (pattern and re.search(pattern, name))
    return bool(named)


class Loss(NamedTuple):
    """What did not pass a processor; `left_out` is None where it does not count that."""

    processor: str
    left_out: int | None


@dataclass(frozen=True)
class Count:
    """What became of a session's items of one signal, on the way to one exporter of a backend."""

    backend: str
    signal: Signal
    exporter: str
    acknowledged: int
    sent: int
    failed: int = 0
    losses: tuple[Loss, ...] = ()

    @property
    def left_out(self) -> int:
        """How many items processors say that they left out."""
        return sum(loss.left_out or 0 for loss in self.losses)

    @property
    def silent(self) -> tuple[str, ...]:
        """The processors that may leave items out, and do not count them."""
        return tuple(loss.processor for loss in self.losses if loss.left_out is None)

    @property
    def unexplained(self) -> int:
        """How many items were neither sent nor left out by a processor."""
        rest = max(0, self.acknowledged - self.left_out - self.sent)
        return min(rest, self.failed) if self.silent else rest

    @property
    def explained(self) -> int:
        """How many items a backend may lack, because of processors."""
        lacking = max(0, self.acknowledged - self.sent - self.failed)
        return lacking if self.silent else self.left_out


@dataclass(frozen=True)
class Acknowledged:
    """How many items of each signal were acknowledged."""

    items: dict[Signal, int] = field(default_factory=lambda: dict.fromkeys(COUNTED, 0))

    def plus(self, session: ObservedSession) -> Acknowledged:
        """These, and those of a part of a session."""
        taken = {request.number for request in session.requests if request.acknowledged}
        more = {
            Signal.TRACES: sum(one.request in taken for one in session.spans),
            Signal.METRICS: sum(one.points for one in session.metrics if one.request in taken),
            Signal.LOGS: sum(one.request in taken for one in session.logs),
        }
        return Acknowledged({signal: self.items[signal] + more[signal] for signal in COUNTED})


def count(
    routes: Iterable[CollectorPipeline],
    targets: Iterable[BackendTarget],
    acknowledged: Acknowledged,
    before: Series,
    now: Series,
) -> tuple[Count, ...]:
    """Count what came through the Collector, for each exporter that carries to a backend."""
    by_exporter: dict[tuple[Signal, str], list[CollectorPipeline]] = {}
    for route in routes:
        for exporter in filter(is_backend, route.exporters):
            by_exporter.setdefault((route.signal, exporter), []).append(route)
    return tuple(
        Count(
            backend=target.name,
            signal=signal,
            exporter=exporter,
            acknowledged=acknowledged.items[signal],
            sent=_of_exporter(before, now, signal, exporter, "sent"),
            failed=sum(
                _of_exporter(before, now, signal, exporter, what)
                for what in ("send_failed", "enqueue_failed")
            ),
            losses=_losses(before, now, by_exporter[signal, exporter]),
        )
        for target in targets
        for signal in COUNTED
        for exporter in target.exporters.get(signal, ())
        if acknowledged.items[signal] and (signal, exporter) in by_exporter
    )


def _of_exporter(before: Series, now: Series, signal: Signal, exporter: str, what: str) -> int:
    unit = telemetry(signal).UNIT
    return int(grown(before, now, f"otelcol_exporter_{what}_{unit}", exporter=exporter))


def _losses(before: Series, now: Series, routes: Iterable[CollectorPipeline]) -> tuple[Loss, ...]:
    """What each processor on the way to an exporter left out; nothing of those that left none."""
    counted = {labels.get("processor") for name, labels, _ in now if name == _INCOMING}
    found = {}
    for route in routes:
        for processor in route.processors:
            if type_of(processor) == _GUARD:
                continue
            if processor not in counted and type_of(processor) not in _KEEPS_ALL:
                found[processor] = Loss(processor, None)
                continue
            labels = {"processor": processor, "otel_signal": str(route.signal)}
            came, went = (grown(before, now, name, **labels) for name in (_INCOMING, _OUTGOING))
            if came > went:
                found[processor] = Loss(processor, int(came - went))
    return tuple(found.values())


_INCOMING, _OUTGOING = "otelcol_processor_incoming_items", "otelcol_processor_outgoing_items"


class CollectorCounts:
    """The Collector's counters since this was made.

    Args:
        http: what asks.
        url: of its metrics page; None: it is not known, and nothing is counted.
        routes: what its config says.
        targets: the backends that its exporters carry to.
    """

    def __init__(
        self,
        http: Http,
        url: str | None,
        routes: tuple[CollectorPipeline, ...],
        targets: tuple[BackendTarget, ...],
    ) -> None:
        self._http, self._url = http, url
        self.routes, self._targets = routes, targets
        self._before = self._page()

    def read(self, acknowledged: Acknowledged) -> tuple[Count, ...]:
        """Count what was acknowledged; nothing, where the counters cannot be read."""
        now = None if self._before is None else self._page()
        if self._before is None or now is None:
            return ()
        return count(self.routes, self._targets, acknowledged, self._before, now)

    def _page(self) -> Series | None:
        answer = self._http.ask("GET", self._url) if self._url else None
        if answer is None or not answer.ok:
            return None
        return parse_metrics(answer.body.decode(errors="replace"))
