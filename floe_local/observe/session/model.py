"""What a session holds.

Dataclasses with slots, and no pydantic models: `floe-local run` must start fast, and a session
may hold a hundred thousand spans.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

VERSION = 1
MOST_VALUES = 101
"""How many values of a metric's attribute a session holds: who has more has too many."""


@dataclass(frozen=True, slots=True)
class TakenRequest:
    """One request to the tap, with its answer.

    Attributes:
        number: counts from 1; what came with it refers to it.
        at: when its first byte came (Unix seconds).
        channel: ``otlp-grpc``, ``otlp-http`` or ``openlineage``.
        path: the HTTP path.
        size: bytes of the body, as it travelled.
        status: the answer, such as ``HTTP 200`` or ``gRPC 14``; empty: there was none.
        acknowledged: the answer says that all of it was taken.
        rejected: how many of its items the answer refuses (OTLP's partial success).
        message: what the answer says besides.
        problem: why the body cannot be read; empty: it can.
        seconds: until the answer was complete; None: it never was.
    """

    number: int
    at: float
    channel: str
    path: str = ""
    size: int = 0
    status: str = ""
    acknowledged: bool = False
    rejected: int = 0
    message: str = ""
    problem: str = ""
    seconds: float | None = None


@dataclass(frozen=True, slots=True)
class Event:
    """One OpenLineage event, as it was sent. `request` is None where a file holds it.

    `content` is whatever JSON value came: that it is an event is for the rules to say.
    """

    content: Any
    place: str
    request: int | None = None
    at: float | None = None


@dataclass(frozen=True, slots=True)
class Span:
    """One span; the fields from `trace_id` on are those of `prove`'s comparable form."""

    span_id: str
    place: str
    request: int | None
    trace_id: str
    parent_id: str
    name: str
    kind: str
    status: dict[str, str]
    start: int
    end: int
    trace_state: str
    flags: int
    attributes: dict[str, Any]
    dropped_attributes: int
    events: dict[str, dict[str, Any]]
    event_times: dict[str, int]
    event_dropped_attributes: dict[str, int]
    dropped_events: int
    links: dict[str, dict[str, Any]]
    link_trace_states: dict[str, str]
    link_flags: dict[str, int]
    link_dropped_attributes: dict[str, int]
    dropped_links: int
    resource: dict[str, Any]
    resource_dropped_attributes: int
    resource_schema_url: str
    scope: str
    scope_version: str
    scope_attributes: dict[str, Any]
    scope_dropped_attributes: int
    scope_schema_url: str

    @property
    def service(self) -> str:
        """The name of the service that sent it; empty: it has none."""
        return str(self.resource.get("service.name") or "")

    @property
    def comparable(self) -> dict[str, Any]:
        """The span in `prove`'s comparable form."""
        return {name: getattr(self, name) for name in COMPARABLE}


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric of one request, with the number of its data points.

    `values` are the distinct values that each attribute has in them, at most `MOST_VALUES`.
    """

    name: str
    kind: str
    unit: str
    points: int
    resource: dict[str, Any]
    place: str
    request: int | None = None
    values: dict[str, list[Any]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class LogRecord:
    """One log record."""

    body: Any
    severity: str
    trace_id: str
    span_id: str
    attributes: dict[str, Any]
    resource: dict[str, Any]
    place: str
    request: int | None = None


@dataclass(frozen=True, slots=True)
class TapFault:
    """What the taking of a session itself met: a stable code, and what happened."""

    code: str
    text: str
    place: str = ""


@dataclass(frozen=True, slots=True)
class About:
    """Where a session comes from.

    Attributes:
        source: ``run``, ``listen``, ``check`` or ``capture``.
        command: the command that ran, if one did.
        session_id: what the command's resources were marked with.
        namespace: the OpenLineage namespace that was given to the command.
        own_run: ``namespace/job/run id`` that was given as the parent of all runs.
        started: Unix seconds.
        ended: Unix seconds; None: it is open still.
        exit_code: the command's.
    """

    source: str = "check"
    command: tuple[str, ...] = ()
    session_id: str = ""
    namespace: str = ""
    own_run: str = ""
    started: float = 0.0
    ended: float | None = None
    exit_code: int | None = None


@dataclass(frozen=True, slots=True)
class ObservedSession:
    """All that was taken, in the order in which it came."""

    about: About = About()
    requests: tuple[TakenRequest, ...] = ()
    spans: tuple[Span, ...] = ()
    metrics: tuple[Metric, ...] = ()
    logs: tuple[LogRecord, ...] = ()
    events: tuple[Event, ...] = ()
    faults: tuple[TapFault, ...] = ()

    @property
    def empty(self) -> bool:
        """Whether nothing came that could be read."""
        return not (self.spans or self.metrics or self.logs or self.events)


Item = TakenRequest | Event | Span | Metric | LogRecord | TapFault
ITEMS = ("requests", "spans", "metrics", "logs", "events", "faults")
"""The fields of a session that hold items."""


def own_span(session_id: str) -> str:
    """The id of the span that stands for a session itself, in a trace of the session's id."""
    return session_id[:16]


def joined(parts: Iterable[ObservedSession], about: About | None = None) -> ObservedSession:
    """All items of all sessions; without `about`, that of the first that has one."""
    all_parts = list(parts)
    items = {name: tuple(i for part in all_parts for i in getattr(part, name)) for name in ITEMS}
    known = about or next((p.about for p in all_parts if p.about != About()), About())
    return ObservedSession(about=known, **items)


COMPARABLE = tuple(f.name for f in fields(Span) if f.name not in {"span_id", "place", "request"})
