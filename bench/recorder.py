"""The sandbox's recorder under load, beside a server that reads requests and forgets them."""

from __future__ import annotations

import gzip
import http.client
import json
import secrets
import sys
import tempfile
import threading
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import yaml

from bench.measure import Comparison

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator, Sequence

    import docker
    from docker.models.containers import Container

RECIPE = Path(__file__).parents[1] / "compose/sandbox/image"
SPANS, SPANS_EACH, EVENTS = 100_000, 500, 2_000
THREADS = 2
WITHIN_S = 60.0
CONFIG: dict[str, Any] = {
    "backend": "bench",
    "credential": None,
    "answers": {},
    "routes": [
        {"name": "spans", "path": "/v1/traces", "decode": "otlp", "signal": "traces"},
        {
            "name": "events",
            "path": "/lineage",
            "decode": "openlineage",
            "signal": "lineage",
            "schema": "openlineage",
        },
    ],
}
# As little as a server can do with a request and still be one: what the recorder's checks,
# decoding and writing come on top of.
FORGETFUL = """\
from waitress import serve
def app(environ, start):
    while environ["wsgi.input"].read(65536):
        pass
    start("200 OK", [("Content-Type", "application/json")])
    return [b"{}"]
serve(app, host="0.0.0.0", port=8080, threads=4)
"""
Requests = list[tuple[str, bytes, dict[str, str]]]


def recorder(asked: argparse.Namespace) -> Iterator[Comparison]:
    """Time for each span and event, nothing lost; memory before and after 100,000 spans."""
    import docker  # noqa: PLC0415 - only this measure needs it

    client = docker.from_env()
    image = _image(client)
    rounds: dict[str, list[tuple[float, float]]] = {"span": [], "event": []}
    memory: list[tuple[float, float]] = []
    for _ in range(asked.rounds):
        spans, events = _span_requests(), _event_requests()
        with _running(client, image, FORGETFUL) as forgetful:
            other = _seconds(forgetful, spans), _seconds(forgetful, events)
        with _running(client, image, None) as ours:
            _seconds(ours, _span_requests(20 * SPANS_EACH))  # what is loaded once, is loaded
            before = _resident_mib(ours)
            ours_took = _seconds(ours, spans), _seconds(ours, events)
            memory.append((_resident_mib(ours), before))
            _nothing_is_lost(ours)
        rounds["span"].append((1e6 * ours_took[0] / SPANS, 1e6 * other[0] / SPANS))
        rounds["event"].append((1e6 * ours_took[1] / EVENTS, 1e6 * other[1] / EVENTS))
        sys.stderr.write(
            f"recorder: {SPANS / ours_took[0]:.0f} spans/s, {EVENTS / ours_took[1]:.0f} events/s\n"
        )
    for what, pairs in rounds.items():
        took, bare = zip(*pairs, strict=True)
        yield Comparison(f"recorder, each {what} / a server that forgets", took, bare, "µs")
    after, before_all = zip(*memory, strict=True)
    yield Comparison(f"recorder's memory after {SPANS} spans / before", after, before_all, "MiB")


def _image(client: docker.DockerClient) -> str:
    from floe_local.plan.blueprint.recipe import load_recipe  # noqa: PLC0415
    from floe_local.run.build import build  # noqa: PLC0415
    from floe_local.run.engine import Engine  # noqa: PLC0415

    return build(load_recipe(RECIPE), Engine(client))


@contextmanager
def _running(client: docker.DockerClient, image: str, script: str | None) -> Iterator[Container]:
    """The recorder as a stack runs it, or a Python script in its place."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "sandbox.yaml"
        file.write_text(yaml.safe_dump(CONFIG), encoding="utf-8")
        Path(folder).chmod(0o755)  # the container's user reads it
        published: Any = {f"{port}/tcp": ("127.0.0.1", None) for port in (8080, 8081)}
        container = client.containers.run(
            image,
            entrypoint=["python3", "-c", script] if script else None,
            detach=True,
            user="10001",
            read_only=True,
            tmpfs={"/tmp": ""},  # noqa: S108 - in the container
            volumes={str(file): {"bind": "/etc/floe/sandbox.yaml", "mode": "ro"}},
            ports=published,
        )
        try:
            _wait(container)
            yield container
        finally:
            container.remove(force=True, v=True)


def _wait(container: Container) -> None:
    deadline = time.monotonic() + WITHIN_S
    while True:
        try:
            container.reload()
            _ask(container, 8080, "/")
        except (OSError, http.client.HTTPException, KeyError, IndexError, TypeError):
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)
        else:
            return


def _port(container: Container, port: int) -> int:
    published: Any = container.ports
    return int(published[f"{port}/tcp"][0]["HostPort"])


def _ask(container: Container, port: int, path: str) -> bytes:
    connection = http.client.HTTPConnection("127.0.0.1", _port(container, port), timeout=30)
    connection.request("GET", path)
    return connection.getresponse().read()


def _seconds(container: Container, requests: Requests) -> float:
    """How long it takes to send them all over a few connections; all must be taken."""
    port, waiting, lock = _port(container, 8080), iter(requests), threading.Lock()
    refused: list[int] = []

    def send() -> None:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        while True:
            with lock:
                request = next(waiting, None)
            if request is None:
                return
            connection.request("POST", *request)
            answer = connection.getresponse()
            answer.read()
            if answer.status != http.HTTPStatus.OK:
                refused.append(answer.status)

    threads = [threading.Thread(target=send) for _ in range(THREADS)]
    start = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not refused, refused
    return time.perf_counter() - start


def _nothing_is_lost(container: Container) -> None:
    counts: dict[str, Any] = json.loads(_ask(container, 8081, "/counts"))
    warm_up = 20 * SPANS_EACH
    assert counts["items"]["traces"] == SPANS + warm_up, counts
    assert counts["items"]["lineage"] == EVENTS, counts
    assert not any(counts["dropped"].values()), counts


def _resident_mib(container: Container) -> float:
    _, output = container.exec_run(["cat", "/proc/1/status"])
    assert isinstance(output, bytes)
    [line] = [one for one in output.decode().splitlines() if one.startswith("VmRSS")]
    return int(line.split()[1]) / 1024


def _span_requests(count: int = SPANS) -> Requests:
    headers = {"Content-Type": "application/x-protobuf", "Content-Encoding": "gzip"}
    batches = range(count // SPANS_EACH)
    return [("/v1/traces", gzip.compress(_batch(), 1), headers) for _ in batches]


def _batch() -> bytes:
    """A request of a Collector: one service, spans with five attributes."""
    from opentelemetry.proto.collector.trace.v1 import trace_service_pb2  # noqa: PLC0415

    request = trace_service_pb2.ExportTraceServiceRequest()
    group = request.resource_spans.add()
    _attribute(group.resource.attributes, "service.name", "bench")
    spans = group.scope_spans.add().spans
    for number in range(SPANS_EACH):
        span = spans.add(
            trace_id=secrets.token_bytes(16),
            span_id=secrets.token_bytes(8),
            name="GET /orders",
            kind=2,
            start_time_unix_nano=time.time_ns(),
            end_time_unix_nano=time.time_ns(),
        )
        for name in ("http.request.method", "url.full", "server.address", "peer.service"):
            _attribute(span.attributes, name, f"value of {name}")
        _attribute(span.attributes, "number", str(number))
    return request.SerializeToString()


def _attribute(attributes: Any, name: str, value: str) -> None:
    attributes.add(key=name).value.string_value = value


def _event_requests() -> Requests:
    headers = {"Content-Type": "application/json"}
    return [("/lineage", _event(str(uuid4()), ("a", "b")), headers) for _ in range(EVENTS)]


def _event(run: str, datasets: Sequence[str]) -> bytes:
    event = {
        "eventTime": "2026-01-01T00:00:00Z",
        "eventType": "COMPLETE",
        "producer": "https://example.test/bench",
        "schemaURL": "https://example.test/bench.json",
        "run": {"runId": run},
        "job": {"namespace": "bench", "name": f"job-{run}"},
        "inputs": [{"namespace": "bench", "name": f"in-{name}"} for name in datasets],
        "outputs": [{"namespace": "bench", "name": f"out-{name}"} for name in datasets],
    }
    return json.dumps(event).encode()
