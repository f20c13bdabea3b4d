"""A pipeline: sends so many spans, and such events, by what its environment says."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import urllib.error
import urllib.request
from urllib.parse import urlsplit

options = dict(argument.split("=", 1) for argument in sys.argv[1:])


def send_spans(count: int) -> None:
    """Send a root span and so many below it, by the SDK."""
    if os.environ["OTEL_EXPORTER_OTLP_PROTOCOL"] == "grpc":
        from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import (  # noqa: PLC0415
            OTLPSpanExporter,
        )
    else:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import (  # type: ignore[assignment]  # noqa: PLC0415
            OTLPSpanExporter,
        )
    from opentelemetry.sdk.resources import Resource  # noqa: PLC0415
    from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415
    from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415

    depth = int(options.get("depth", "0"))
    name = f"job-{depth}" if depth else "job"
    from opentelemetry.trace.propagation.tracecontext import (  # noqa: PLC0415
        TraceContextTextMapPropagator,
    )

    provider = TracerProvider(resource=Resource.create({"service.name": name}))
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(timeout=3)))
    tracer = provider.get_tracer("job")
    context = TraceContextTextMapPropagator().extract(options)
    with tracer.start_as_current_span("root", context=context):
        if depth > 1:
            below = {**options, "depth": str(depth - 1)}
            TraceContextTextMapPropagator().inject(below)
            words = [f"{key}={value}" for key, value in below.items()]
            subprocess.run([sys.executable, __file__, *words], check=True)
        for number in range(count):
            with tracer.start_as_current_span(f"step {number}", attributes={"number": number}):
                pass
    for number in range(int(options.get("traces", "0"))):
        tracer.start_span("alone", attributes={"number": number}).end()
    provider.shutdown()


def send_points_and_records(count: int) -> None:
    """Send so many points of a metric, and as many log records in spans of their own."""
    from opentelemetry.exporter.otlp.proto.grpc._log_exporter import (  # noqa: PLC0415
        OTLPLogExporter,
    )
    from opentelemetry.exporter.otlp.proto.grpc.metric_exporter import (  # noqa: PLC0415
        OTLPMetricExporter,
    )
    from opentelemetry.sdk._logs import LoggerProvider  # noqa: PLC0415
    from opentelemetry.sdk._logs.export import SimpleLogRecordProcessor  # noqa: PLC0415
    from opentelemetry.sdk.metrics import MeterProvider  # noqa: PLC0415
    from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader  # noqa: PLC0415
    from opentelemetry.sdk.resources import Resource  # noqa: PLC0415
    from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415

    resource = Resource.create({"service.name": "job"})
    meters = MeterProvider([PeriodicExportingMetricReader(OTLPMetricExporter())], resource)
    counter = meters.get_meter("job").create_counter("rows")
    logs = LoggerProvider(resource)
    logs.add_log_record_processor(SimpleLogRecordProcessor(OTLPLogExporter()))
    for number in range(count):
        counter.add(1, {"number": number})
        with TracerProvider().get_tracer("job").start_as_current_span("unsent"):
            logs.get_logger("job").emit(body=f"row {number}", severity_text="INFO")
    meters.shutdown()
    logs.shutdown()


def send_event(event: object) -> None:
    """Post an event."""
    url = os.environ["OPENLINEAGE_URL"]
    if "path" in options:
        url = f"{urlsplit(url).scheme}://{urlsplit(url).netloc}{options['path']}"
    request = urllib.request.Request(url, json.dumps(event).encode())  # noqa: S310 - the tap's
    request.add_header("Content-Type", "application/json")
    try:
        urllib.request.urlopen(request, timeout=10)  # noqa: S310 - as above
    except urllib.error.HTTPError as error:
        sys.stderr.write(f"{error}\n")


if "spans" in options:
    send_spans(int(options["spans"]))
if "points" in options:
    send_points_and_records(int(options["points"]))
if "file" in options:
    with open(options["file"], encoding="utf-8") as file:  # noqa: PTH123 - it starts fast
        options["events"] = file.read()
for event in json.loads(options.get("events", "[]")):
    send_event(event)
