"""A client for the bench of the tap: sends by what its environment says, and prints what it took.

`latency N`: N spans, one after the other. `rate N`: N batches of 512 spans by four threads.
`paced SECONDS`: 2,000 spans and 200 events in that time. The last line is a JSON object.
"""

from __future__ import annotations

import json
import os
import statistics
import sys
import time
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from uuid import uuid4

import grpc  # type: ignore[import-untyped]
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

EXPORT = "/opentelemetry.proto.collector.trace.v1.TraceService/Export"
BATCH = 512
THREADS = 4
SPANS, EVENTS = 2000, 200


def batch(count: int) -> bytes:
    """A request with a trace of so many spans."""
    request = ExportTraceServiceRequest()
    group = request.resource_spans.add()
    group.resource.attributes.add(key="service.name").value.string_value = "bench"
    scoped = group.scope_spans.add()
    trace_id, root, now = os.urandom(16), os.urandom(8), time.time_ns()
    for number in range(count):
        span = scoped.spans.add(
            trace_id=trace_id,
            span_id=os.urandom(8) if number else root,
            parent_span_id=root if number else b"",
            name=f"step {number % 20}",
            start_time_unix_nano=now,
            end_time_unix_nano=now + 1000,
        )
        span.attributes.add(key="rows").value.int_value = number
    return request.SerializeToString()


def channel() -> grpc.Channel:
    """A channel to where the environment leads."""
    endpoint = os.environ["OTEL_EXPORTER_OTLP_ENDPOINT"]
    return grpc.insecure_channel(endpoint.partition("://")[2])


def latency(count: int) -> dict[str, float]:
    """The median of one request's milliseconds."""
    with channel() as one:
        export = one.unary_unary(EXPORT)
        requests = [batch(1) for _ in range(count)]
        export(batch(1), timeout=30)
        took = []
        for request in requests:
            begun = time.perf_counter()
            export(request, timeout=30)
            took.append(time.perf_counter() - begun)
    return {"p50_ms": 1000 * statistics.median(took)}


def rate(count: int) -> dict[str, float]:
    """Spans a second, of batches that are made before."""
    requests = [batch(BATCH) for _ in range(count)]
    with channel() as one, ThreadPoolExecutor(THREADS) as pool:
        export = one.unary_unary(EXPORT)
        export(batch(1), timeout=30)
        begun = time.perf_counter()
        list(pool.map(lambda request: export(request, timeout=120), requests))
        took = time.perf_counter() - begun
    return {"spans_per_s": count * BATCH / took}


def paced(seconds: float) -> dict[str, float]:
    """Send both, evenly; when it ended."""
    with channel() as one:
        export = one.unary_unary(EXPORT)
        for _ in range(EVENTS // 2):
            export(batch(SPANS * 2 // EVENTS), timeout=30)
            run_id = str(uuid4())
            for kind in ("START", "COMPLETE"):
                send_event(kind, run_id)
            time.sleep(seconds * 2 / EVENTS)
    return {"ended": time.time()}


def send_event(kind: str, run_id: str) -> None:
    """Post an event of a run with an input and an output."""
    event = {
        "eventType": kind,
        "eventTime": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "producer": "https://example.com/bench",
        "schemaURL": "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunEvent",
        "run": {"runId": run_id, "facets": {}},
        "job": {"namespace": "bench", "name": f"job-{run_id}", "facets": {}},
        "inputs": [{"namespace": "file", "name": "/in"}],
        "outputs": [{"namespace": "file", "name": f"/out/{run_id}"}],
    }
    request = urllib.request.Request(os.environ["OPENLINEAGE_URL"], json.dumps(event).encode())  # noqa: S310 - the tap's
    request.add_header("Content-Type", "application/json")
    urllib.request.urlopen(request, timeout=30).close()  # noqa: S310 - as above


if __name__ == "__main__":
    measure, number = sys.argv[1:]
    found = {"latency": latency, "rate": rate}.get(measure)
    print(json.dumps(found(int(number)) if found else paced(float(number))))
