"""Send planned traces through the real OTel SDK. Import this module late: it is heavy."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from opentelemetry import trace as api
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import SpanLimits, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.id_generator import IdGenerator
from opentelemetry.sdk.trace.sampling import ALWAYS_ON

from floe_local.prove.otlp_json import SCOPE, resource_of

if TYPE_CHECKING:
    from floe_local.prove.canaries import EventPlan, LinkPlan, SpanPlan, TracePlan

_HEX = 16
_STATUS = {"ok": api.StatusCode.OK, "error": api.StatusCode.ERROR}


class PlannedIds(IdGenerator):
    """Gives the SDK the ids of the plan, so that each span can be asked for by id."""

    def __init__(self) -> None:
        self.trace_id = 0
        self.span_id = 0

    def generate_trace_id(self) -> int:
        """Return the planned trace id."""
        return self.trace_id

    def generate_span_id(self) -> int:
        """Return the planned span id."""
        return self.span_id


class TraceSender:
    """Sends traces through one exporter; for one thread at a time.

    Each service of a trace has a TracerProvider and a resource of its own, as services
    have. A span is exported, and acknowledged, as soon as it ends.
    """

    def __init__(self, exporter: Any) -> None:
        self._ids = PlannedIds()
        self._processor = SimpleSpanProcessor(exporter)
        self._tracers: dict[tuple[str, str], api.Tracer] = {}

    def send(self, trace: TracePlan) -> None:
        """Start the spans in the order of the plan, and end them from the last to the first."""
        started = [self._start(span, trace) for span in trace.spans]
        for span in reversed(started):
            span.end()

    def _start(self, plan: SpanPlan, trace: TracePlan) -> api.Span:
        self._ids.trace_id = int(trace.trace_id, _HEX)
        self._ids.span_id = int(plan.span_id, _HEX)
        span = self._tracer(plan.service, trace.canary).start_span(
            plan.name,
            context=_parent(trace.trace_id, plan.parent_id),
            kind=api.SpanKind[plan.kind.upper()],
            attributes=plan.attributes,
            links=[_link(link) for link in plan.links],
        )
        for event in plan.events:
            _add(span, event)
        if plan.status != "unset":
            span.set_status(api.Status(_STATUS[plan.status], plan.message or None))
        return span

    def _tracer(self, service: str, canary: str) -> api.Tracer:
        if (service, canary) not in self._tracers:
            provider = TracerProvider(
                sampler=ALWAYS_ON,
                resource=Resource(resource_of(service, canary)),
                shutdown_on_exit=False,
                id_generator=self._ids,
                span_limits=SpanLimits(),
            )
            provider.add_span_processor(self._processor)
            self._tracers[service, canary] = provider.get_tracer(SCOPE, "1.0.0")
        return self._tracers[service, canary]


def context_of(trace_id: str, span_id: str) -> api.SpanContext:
    """Return the context of a span that lives in another service."""
    return api.SpanContext(
        trace_id=int(trace_id, _HEX),
        span_id=int(span_id, _HEX),
        is_remote=True,
        trace_flags=api.TraceFlags(api.TraceFlags.SAMPLED),
    )


def _parent(trace_id: str, parent_id: str | None) -> Any:
    if parent_id is None:
        return api.set_span_in_context(api.INVALID_SPAN)
    return api.set_span_in_context(api.NonRecordingSpan(context_of(trace_id, parent_id)))


def _link(link: LinkPlan) -> api.Link:
    return api.Link(context_of(link.trace_id, link.span_id), link.attributes)


def _add(span: api.Span, event: EventPlan) -> None:
    if event.exception is None:
        span.add_event(event.name, event.attributes)
    else:
        span.record_exception(ValueError(event.exception))
