"""What a module of a signal has, and a trace, to which other signals refer. Light to import: the processes that send load such modules.

Their plans are dataclasses, and no pydantic models, for the same reason.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from importlib import import_module
from time import time_ns
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, Protocol, cast

if TYPE_CHECKING:
    from collections.abc import Mapping

OtlpTransport = Literal["grpc", "http"]
"""How the Collector gets telemetry."""

PREFIX = "floe-canary"
NEVER_SENT = "never-sent"
WHOLE: Literal["whole"] = "whole"
"""The case of a plan that is there for its signal, and not for one thing alone."""

TEXT = "h\u00e9llo \u2713 \u6570\u636e \U0001f9ca"
"""What a name or a value may hold beyond ASCII."""

KEEP = {"sampling.priority": 1}
"""The attribute by which samplers know that a span is to be kept."""


SpanKind = Literal["internal", "server", "client", "producer", "consumer"]
SpanStatus = Literal["unset", "ok", "error"]
TraceCase = Literal["whole", "hour-apart", "large-span", "many-spans"]
"""What a trace is there to prove; see `plan`."""


@dataclass(frozen=True, kw_only=True)
class _Recorded:
    """What the SDK records; `dropped_attributes` is how many more it is given than its limit lets it keep."""

    attributes: dict[str, Any] = field(default_factory=dict)
    dropped_attributes: int = 0


@dataclass(frozen=True, kw_only=True)
class EventPlan(_Recorded):
    """A span event, at `time` (Unix, ns); `exception` records a real exception with that message."""

    name: str
    time: int = field(default_factory=time_ns)
    exception: str | None = None


@dataclass(frozen=True, kw_only=True)
class LinkPlan(_Recorded):
    """A link to another span, by hexadecimal ids; `remote`: of another service."""

    trace_id: str
    span_id: str
    remote: bool = True


@dataclass(frozen=True, kw_only=True)
class SpanPlan(_Recorded):
    """One span; ids are hexadecimal, `parent_id` is None for the root, times are Unix ns.

    `remote`: the parent lives in another service. `dropped_…`: how many more the SDK is
    given than its limits let it keep.
    """

    span_id: str
    parent_id: str | None
    service: str
    name: str
    kind: SpanKind
    start: int = field(default_factory=time_ns)
    end: int = field(default_factory=time_ns)
    status: SpanStatus = "unset"
    message: str = ""
    trace_state: str = ""
    remote: bool = False
    events: tuple[EventPlan, ...] = ()
    links: tuple[LinkPlan, ...] = ()
    dropped_events: int = 0
    dropped_links: int = 0


@dataclass(frozen=True, kw_only=True)
class TracePlan:
    """One trace, its spans in the order in which they start."""

    canary: str
    protocol: OtlpTransport
    case: TraceCase = WHOLE
    trace_id: str
    spans: tuple[SpanPlan, ...]

    @property
    def count(self) -> int:
        """Its spans."""
        return len(self.spans)


class ExpectedItem(NamedTuple):
    """One thing that a backend is expected to hold.

    `each` is what a probe calls it, `values` what a blueprint's placeholders stand for, `trace`
    what a decoded answer is compared with.
    """

    each: str
    values: dict[str, Any]
    trace: TracePlan | None = None


class StoredNames(Protocol):
    """How a backend renames what it stores, as its blueprint says."""

    @property
    def run_states(self) -> Mapping[str, str]:
        """Type of a run's last event → the state that the backend shows."""

    def stored_job(self, job: str, parent_job: str) -> str:
        """Return the stored name of a job that has a parent."""


class Plan(Protocol):
    """What is sent at once, as a value. `count`: how many items it is for the Collector."""

    @property
    def count(self) -> int:
        """How many spans, points, records or runs."""


class TelemetryPlan(Plan, Protocol):
    """What goes through the Collector; traces that are there for one thing have it as `case`."""

    @property
    def protocol(self) -> OtlpTransport:
        """How it is sent."""

    @property
    def case(self) -> str:
        """`WHOLE`, or what it proves."""


class SignalModule(Protocol):
    """What the module of any signal has: what to send, and what to expect of a backend then.

    A new signal is such a module: its name is the signal's word.
    """

    PLACEHOLDERS: dict[str, frozenset[str]]
    """What a blueprint's probe may be made for (`each`), and what its texts may then refer to.

    They are the keys of `ExpectedItem.values`.
    """

    MEANINGS: dict[str, str]
    """What placeholders of its own stand for, for docs/blueprints.md; see `MEANINGS` of all."""

    def plan(self, canary: str, traces: tuple[TracePlan, ...], /) -> tuple[Any, ...]:
        """Plan what is sent.

        Args:
            canary: the smoke test's id.
            traces: one for each protocol, which are sent where traces are; a plan for the same
                protocol may refer to its spans.
        """

    def never_sent(self, canary: str, /) -> Any:
        """Plan one that no backend may hold."""

    def expected(self, plan: Any, namespace: str, naming: StoredNames, /) -> list[ExpectedItem]:
        """Return everything that a backend has to hold of what was planned."""


class TelemetrySignal(SignalModule, Protocol):
    """What the module of a signal that goes through the Collector has besides."""

    UNIT: str
    """What the Collector counts: ``spans`` in ``otelcol_exporter_sent_spans``."""

    EXPORTER: tuple[str, str]
    """Module and class of the SDK's OTLP exporters, in the package of a protocol."""

    def send(self, plans: Any, exporter: Any, /) -> None:
        """Send plans with the SDK through one of its exporters. Imports the SDK."""


MEANINGS = {
    "trace_id": "32 hexadecimal digits",
    "span_id": "16 hexadecimal digits",
    "canary": "the id of what a smoke test sends, an attribute of it",
    "protocol": "how it was sent: `grpc` or `http`",
    "service": "`service.name`",
}
"""What placeholders of several signals stand for."""


def module_of(signal: str) -> SignalModule:
    """Return the module of a signal, by its word."""
    return cast("SignalModule", import_module(f"floe_local.signals.{signal}"))


def telemetry(signal: str) -> TelemetrySignal:
    """Return the module of a signal that goes through the Collector."""
    return cast("TelemetrySignal", module_of(signal))
