"""Send planned traces through the real OTel SDK. Import this module late: it is heavy."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from opentelemetry import trace as api
from opentelemetry.context import _SUPPRESS_INSTRUMENTATION_KEY, attach, detach, set_value
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, SpanLimits, SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.id_generator import IdGenerator
from opentelemetry.sdk.trace.sampling import Decision, Sampler, SamplingResult

from floe_local.signals.shared.otlp_json import (
    RESOURCE_SCHEMA_URL,
    SCOPE,
    SCOPE_ATTRIBUTES,
    SCOPE_SCHEMA_URL,
    SCOPE_VERSION,
    trace_resource_of,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from floe_local.signals.shared.model import EventPlan, LinkPlan, SpanPlan, TracePlan

_HEX = 16
_BATCH = 512  # spans in a request, as the SDK's own batches have
_STATUS = {"ok": api.StatusCode.OK, "error": api.StatusCode.ERROR}


class PlannedIds(IdGenerator):
    """Gives the SDK the ids of the plan, so that each span can be read back by its id."""

    def __init__(self) -> None:
        self.trace_id = 0
        self.span_id = 0

    def generate_trace_id(self) -> int:
        """Return the planned trace id."""
        return self.trace_id

    def generate_span_id(self) -> int:
        """Return the planned span id."""
        return self.span_id


class PlannedState(Sampler):
    """Samples every span, and gives it the trace state of the plan: that is a sampler's to set."""

    def __init__(self) -> None:
        self.trace_state = ""

    def should_sample(
        self,
        _parent_context: Any,
        _trace_id: int,
        _name: str,
        _kind: Any = None,
        attributes: Any = None,
        *_links_and_state: Any,
    ) -> SamplingResult:
        """Return yes, with the planned trace state."""
        state = api.TraceState.from_header([self.trace_state]) if self.trace_state else None
        return SamplingResult(Decision.RECORD_AND_SAMPLE, attributes, state)

    def get_description(self) -> str:
        """Return what it is called."""
        return "PlannedState"


class EndedSpans(SpanProcessor):
    """Keeps the spans that ended."""

    def __init__(self) -> None:
        self._spans: list[ReadableSpan] = []

    def on_end(self, span: ReadableSpan) -> None:
        """Keep a span."""
        self._spans.append(span)

    def take(self) -> list[ReadableSpan]:
        """Return the spans that ended since the last call."""
        spans, self._spans = self._spans, []
        return spans


class _Limits(NamedTuple):
    """The SDK's limits under which it drops what a plan says; UNSET where nothing is dropped."""

    attributes: int
    events: int
    links: int
    event_attributes: int
    link_attributes: int


_NO_LIMITS = _Limits(*[SpanLimits.UNSET] * 5)


class TraceSender:
    """Sends traces through one exporter; for one thread at a time.

    Each service of a trace has a TracerProvider and a resource of its own, as services
    have. Spans are exported in batches, as soon as all of a trace have ended.
    """

    def __init__(self, exporter: Any) -> None:
        self._exporter = exporter
        self._ids = PlannedIds()
        self._state = PlannedState()
        self._ended = EndedSpans()
        self._tracers: dict[tuple[str, str, _Limits], api.Tracer] = {}

    def send(self, trace: TracePlan) -> None:
        """Start the spans in the order of the plan, and end them from the last to the first."""
        started = [self._start(span, trace) for span in trace.spans]
        for span, plan in zip(reversed(started), reversed(trace.spans), strict=True):
            span.end(plan.end)
        self._export(self._ended.take())

    def _export(self, spans: list[ReadableSpan]) -> None:
        # A program that traces its own HTTP requests does not trace these.
        token = attach(set_value(_SUPPRESS_INSTRUMENTATION_KEY, value=True))
        try:
            for first in range(0, len(spans), _BATCH):
                self._exporter.export(spans[first : first + _BATCH])
        finally:
            detach(token)

    def _start(self, plan: SpanPlan, trace: TracePlan) -> api.Span:
        self._ids.trace_id = int(trace.trace_id, _HEX)
        self._ids.span_id = int(plan.span_id, _HEX)
        self._state.trace_state = plan.trace_state
        span = self._tracer(plan, trace.canary).start_span(
            plan.name,
            context=_parent(trace.trace_id, plan),
            kind=api.SpanKind[plan.kind.upper()],
            attributes=_overfull(plan.attributes, plan.dropped_attributes),
            links=_links(plan),
            start_time=plan.start,
        )
        for number in range(plan.dropped_events):
            span.add_event(f"dropped {number}", timestamp=plan.start)
        for event in plan.events:
            _add(span, event)
        if plan.status != "unset":
            span.set_status(api.Status(_STATUS[plan.status], plan.message or None))
        return span

    def _tracer(self, span: SpanPlan, canary: str) -> api.Tracer:
        key = span.service, canary, _limits(span)
        if key not in self._tracers:
            self._tracers[key] = self._new_tracer(*key)
        return self._tracers[key]

    def _new_tracer(self, service: str, canary: str, limits: _Limits) -> api.Tracer:
        provider = TracerProvider(
            sampler=self._state,
            resource=Resource(trace_resource_of(service, canary), RESOURCE_SCHEMA_URL),
            shutdown_on_exit=False,
            id_generator=self._ids,
            span_limits=SpanLimits(
                max_span_attributes=limits.attributes,
                max_events=limits.events,
                max_links=limits.links,
                max_event_attributes=limits.event_attributes,
                max_link_attributes=limits.link_attributes,
                max_attribute_length=SpanLimits.UNSET,
                max_span_attribute_length=SpanLimits.UNSET,
            ),
        )
        provider.add_span_processor(self._ended)
        return provider.get_tracer(SCOPE, SCOPE_VERSION, SCOPE_SCHEMA_URL, SCOPE_ATTRIBUTES)


def _limits(span: SpanPlan) -> _Limits:
    """Return the limits that make the SDK drop what the plan says, and no more."""
    if not (span.dropped_attributes or span.events or span.links):
        return _NO_LIMITS

    def limit(kept: int, dropped: int) -> int:
        return kept if dropped else SpanLimits.UNSET

    def of_attributes(owners: tuple[EventPlan, ...] | tuple[LinkPlan, ...]) -> int:
        return max(
            (limit(len(owner.attributes), owner.dropped_attributes) for owner in owners),
            default=SpanLimits.UNSET,
        )

    return _Limits(
        attributes=limit(len(span.attributes), span.dropped_attributes),
        events=limit(len(span.events), span.dropped_events),
        links=limit(len(span.links), span.dropped_links),
        event_attributes=of_attributes(span.events),
        link_attributes=of_attributes(span.links),
    )


def _overfull(attributes: Mapping[str, Any], dropped: int) -> dict[str, Any]:
    """Return attributes with some before them: the SDK drops the oldest."""
    return {**{f"dropped.{number}": number for number in range(dropped)}, **attributes}


def context_of(trace_id: str, span_id: str, *, remote: bool = True) -> api.SpanContext:
    """Return the context of a span; `remote`: one that lives in another service."""
    return api.SpanContext(
        trace_id=int(trace_id, _HEX),
        span_id=int(span_id, _HEX),
        is_remote=remote,
        trace_flags=api.TraceFlags(api.TraceFlags.SAMPLED),
    )


def _parent(trace_id: str, span: SpanPlan) -> Any:
    if span.parent_id is None:
        return api.set_span_in_context(api.INVALID_SPAN)
    parent = context_of(trace_id, span.parent_id, remote=span.remote)
    return api.set_span_in_context(api.NonRecordingSpan(parent))


def _links(span: SpanPlan) -> list[api.Link]:
    """Return the links, the first of them as often as one is to be dropped."""
    return [_link(link) for link in (*span.links[:1] * span.dropped_links, *span.links)]


def _link(link: LinkPlan) -> api.Link:
    context = context_of(link.trace_id, link.span_id, remote=link.remote)
    return api.Link(context, _overfull(link.attributes, link.dropped_attributes))


def _add(span: api.Span, event: EventPlan) -> None:
    if event.exception is None:
        attributes = _overfull(event.attributes, event.dropped_attributes)
        span.add_event(event.name, attributes, event.time)
    else:
        span.record_exception(ValueError(event.exception), timestamp=event.time)
