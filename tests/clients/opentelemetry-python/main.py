"""A script that knows OpenTelemetry's API only: `opentelemetry-instrument python main.py`."""

import json

from opentelemetry import trace

NAME = "a span of Python"

if __name__ == "__main__":
    with trace.get_tracer("clients").start_as_current_span(NAME) as span:
        trace_id = format(span.get_span_context().trace_id, "032x")
    print(json.dumps({"spans": [{"trace_id": trace_id, "name": NAME}]}))
