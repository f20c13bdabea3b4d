"""The bare client loop that `smoke-test --count` is compared with.

It sends as many traces and runs, with as many threads, through the same SDK classes, and
reads each back once: what a careful engineer would write in twenty lines.
"""

from __future__ import annotations

import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, TypeVar

import requests
from openlineage.client import OpenLineageClient
from openlineage.client.event_v2 import InputDataset, Job, OutputDataset, Run, RunEvent, RunState
from openlineage.client.transport.http import HttpConfig, HttpTransport
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

DEADLINE_S = 60.0
Item = TypeVar("Item")
Result = TypeVar("Result")
PRODUCER = "https://github.com/floe-local/bench"


@dataclass(frozen=True)
class Rates:
    """Milliseconds for each, sent and read back."""

    ms_per_trace: float
    ms_per_run: float


@dataclass(frozen=True)
class Addresses:
    """Where the bare loop sends, where it reads."""

    otlp_grpc: str
    jaeger: str
    marquez: str


def bare_client_rates(at: Addresses, count: int, threads: int) -> Rates:
    """Send and read back `count` traces, then `count` runs."""
    return Rates(
        ms_per_trace=_timed(lambda: _traces(at, count, threads)) / count,
        ms_per_run=_timed(lambda: _runs(at, count, threads)) / count,
    )


def _timed(work: Callable[[], None]) -> float:
    start = time.perf_counter()
    work()
    return 1000 * (time.perf_counter() - start)


def _each(work: Callable[[Item], Result], items: Iterable[Item], threads: int) -> list[Result]:
    with ThreadPoolExecutor(threads) as pool:
        return list(pool.map(work, items))


def _traces(at: Addresses, count: int, threads: int) -> None:
    provider = TracerProvider(resource=Resource.create({"service.name": "bare"}))
    exporter = OTLPSpanExporter(endpoint=at.otlp_grpc, insecure=True)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    tracer = provider.get_tracer("bare")

    def send(_: int) -> str:
        with tracer.start_as_current_span("bare") as span:
            return format(span.get_span_context().trace_id, "032x")

    sent = _each(send, range(count), threads)
    provider.shutdown()
    _each(lambda trace_id: _until_200(f"{at.jaeger}/api/v3/traces/{trace_id}"), sent, threads)


def _runs(at: Addresses, count: int, threads: int) -> None:
    transport = HttpTransport(HttpConfig(url=at.marquez, endpoint="api/v1/lineage"))
    client = OpenLineageClient(transport=transport)

    def send(number: int) -> str:
        name = f"bare-{number % threads}"
        run, job = Run(runId=str(uuid.uuid4())), Job(namespace="bare", name=name)
        for state in (RunState.START, RunState.COMPLETE):
            client.emit(
                RunEvent(
                    eventType=state,
                    eventTime=datetime.now(UTC).isoformat(),
                    run=run,
                    job=job,
                    producer=PRODUCER,
                    inputs=[InputDataset("bare", f"{name}.in")],
                    outputs=[OutputDataset("bare", f"{name}.out")],
                )
            )
        return str(run.runId)

    sent = _each(send, range(count), threads)
    _each(lambda run_id: _until_200(f"{at.marquez}/api/v1/jobs/runs/{run_id}"), sent, threads)


def _until_200(url: str) -> None:
    deadline = time.monotonic() + DEADLINE_S
    while requests.get(url, timeout=10).status_code != requests.codes.ok:
        if time.monotonic() > deadline:
            raise SystemExit(f"{url}: not there after {DEADLINE_S:g} s")
        time.sleep(0.05)
