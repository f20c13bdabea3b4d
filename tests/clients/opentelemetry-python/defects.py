"""OpenTelemetry's SDK for Python, used well (`sound`), and as it should not be: `defects.py NAME`."""

import sys
from time import time_ns

from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.id_generator import IdGenerator
from opentelemetry.trace import NonRecordingSpan, SpanContext, Status, StatusCode, TraceFlags

NAMED = {"service.name": "orders", "service.version": "1.2.0"}
SECOND = 10**9


class SameIds(IdGenerator):
    """Every span has the id of the first."""

    def generate_span_id(self):
        return 7

    def generate_trace_id(self):
        return 7


def plain(tracer):
    """A request, what it asks the database, and a failure that says why."""
    with tracer.start_as_current_span("GET /orders", attributes={"http.request.method": "GET"}):
        with tracer.start_as_current_span("query", attributes={"db.system.name": "postgresql"}):
            pass
        failed = tracer.start_span("send")
        failed.set_status(Status(StatusCode.ERROR, "no route to host"))
        failed.end()


def times(tracer):
    now = time_ns()
    tracer.start_span("backward", start_time=now).end(now - SECOND)
    tracer.start_span("long ago", start_time=SECOND).end(2 * SECOND)


def lost_parent(tracer):
    """The parent never ends, so that it is never sent."""
    parent = tracer.start_span("request")
    tracer.start_span("query", trace.set_span_in_context(parent)).end()


def remote_parent(tracer):
    context = SpanContext(1, 2, is_remote=True, trace_flags=TraceFlags(1))
    tracer.start_span("step", trace.set_span_in_context(NonRecordingSpan(context))).end()


def nameless(tracer):
    tracer.start_span("").end()


def retired(tracer):
    tracer.start_span("GET", attributes={"http.method": "GET", "http.status_code": 200}).end()


def without_reason(tracer):
    span = tracer.start_span("send")
    span.set_status(Status(StatusCode.ERROR))
    span.end()


def credential(tracer):
    tracer.start_span("connect", attributes={"db.password": "correct horse battery"}).end()
    span = tracer.start_span("call")
    span.add_event("request", {"url": "https://user:correct-horse@example.com/"})
    span.end()


WAYS = {
    "sound": plain,
    "service-name": plain,
    "span-ids": plain,
    "span-times": times,
    "span-parent": lost_parent,
    "remote-parent": remote_parent,
    "span-name": nameless,
    "retired-name": retired,
    "error-reason": without_reason,
    "credential": credential,
}

if __name__ == "__main__":
    way = sys.argv[1]
    resource = Resource.create({} if way == "service-name" else NAMED)
    ids = {"id_generator": SameIds()} if way == "span-ids" else {}
    provider = TracerProvider(resource=resource, **ids)
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    WAYS[way](provider.get_tracer("orders"))
    provider.shutdown()
