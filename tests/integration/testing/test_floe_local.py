"""FloeLocal, as a project's own tests use it."""

from __future__ import annotations

import os
import socket
import sys
import uuid
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest
from docker.errors import APIError
from openlineage.client import OpenLineageClient
from openlineage.client.event_v2 import Job, Run, RunEvent, RunState
from openlineage.client.transport.http import HttpConfig, HttpTransport
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from testcontainers.compose import DockerCompose
from testcontainers.core.container import DockerContainer

from floe_local.errors import CheckFailedError, InputError, NotReadyError
from floe_local.operations.logs import logs
from floe_local.operations.stacks import Where, identity_of
from floe_local.operations.status import status
from floe_local.plan.blueprint.recipe import load_recipe
from floe_local.run.build import build
from floe_local.run.engine import Engine
from floe_local.testing import FloeLocal
from tests.containers import running, started
from tests.e2e.conftest import Shell
from tests.waiting import wait_for

if TYPE_CHECKING:
    import docker

pytestmark = pytest.mark.integration

REPOSITORY = Path(__file__).parents[3]


def left_of(stack: FloeLocal) -> list[str]:
    """What the engine still holds of a stack."""
    held = Engine().holdings().named
    return [name for name in held if str(stack.where.stack) in name]


def test_it_is_a_testcontainers_environment(floe_stack: FloeLocal) -> None:
    assert isinstance(floe_stack, DockerCompose)
    services = {container.Service for container in floe_stack.get_containers()}
    assert {name.split(".")[0] for name in floe_stack.endpoints} <= services
    port = floe_stack.get_service_port("jaeger", 16686)
    assert floe_stack.endpoints["jaeger.query"] == f"http://127.0.0.1:{port}/"


def test_a_pipelines_span_is_waited_for(floe_stack: FloeLocal) -> None:
    url = floe_stack.env(protocol="http/protobuf")["OTEL_EXPORTER_OTLP_ENDPOINT"]
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(OTLPSpanExporter(f"{url}/v1/traces")))
    with provider.get_tracer("mine").start_as_current_span("load orders") as span:
        span.set_attribute("rows", 42)
    provider.shutdown()
    trace_id = format(span.get_span_context().trace_id, "032x")
    found = floe_stack.wait_for_span(trace_id, name="load orders")
    assert found["attributes"]["rows"] == 42


def test_a_pipelines_run_is_waited_for(floe_stack: FloeLocal) -> None:
    variables = floe_stack.env()
    config = HttpConfig(
        url=variables["OPENLINEAGE_URL"], endpoint=variables["OPENLINEAGE_ENDPOINT"]
    )
    client = OpenLineageClient(transport=HttpTransport(config))
    run = Run(runId=str(uuid.uuid4()))
    job = Job(namespace=variables["OPENLINEAGE_NAMESPACE"], name=f"orders-{run.runId}")
    for state in (RunState.START, RunState.COMPLETE):
        now = datetime.now(UTC).isoformat()
        client.emit(
            RunEvent(eventType=state, eventTime=now, run=run, job=job, producer="https://tests")
        )
    assert floe_stack.wait_for_run(run.runId, state="COMPLETE")["id"] == run.runId


def test_what_was_never_sent_is_not_found(floe_stack: FloeLocal) -> None:
    with pytest.raises(CheckFailedError, match="does not show"):
        floe_stack.wait_for_span("0" * 31 + "1", deadline_s=0.5)
    with pytest.raises(CheckFailedError, match="does not show"):
        floe_stack.wait_for_run(str(uuid.uuid4()), deadline_s=0.5)
    with pytest.raises(InputError, match="no telemetry backend"):
        floe_stack.wait_for_span("0" * 31 + "1", backend="nobody")


def test_a_backend_that_is_gone_turns_the_smoke_test_red(floe_own_stack: FloeLocal) -> None:
    assert floe_own_stack.smoke_test().ok
    assert floe_own_stack.where.stack
    Engine().client.containers.get(str(floe_own_stack.get_container("jaeger").ID)).kill()
    report = floe_own_stack.smoke_test(deadline=3)
    assert not report.ok
    failed = {check.backend for check in report.checks if check.verdict == "failed"}
    assert failed == {"jaeger"}


def test_two_side_by_side_and_nothing_left() -> None:
    stacks = [FloeLocal(), FloeLocal()]
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(FloeLocal.start, stacks))
        first, second = (set(stack.endpoints.values()) for stack in stacks)
        assert not first & second
        list(pool.map(FloeLocal.stop, stacks))
    assert [left_of(stack) for stack in stacks] == [[], []]


def test_a_body_that_raises_leaves_nothing(tmp_path: Path) -> None:
    manifest = tmp_path / "manifest.yaml"
    manifest.write_text("plugins: {telemetry_backend: jaeger}\n", encoding="utf-8")

    def fails(stack: FloeLocal) -> None:
        with stack:
            assert "jaeger.query" in stack.endpoints
            raise ZeroDivisionError

    stack = FloeLocal(manifest)
    with pytest.raises(ZeroDivisionError):
        fails(stack)
    assert left_of(stack) == []
    assert not list((tmp_path / ".floe-local").glob("test-*"))


def test_a_backend_that_does_not_start_leaves_nothing(
    engine: docker.DockerClient, tmp_path: Path
) -> None:
    """As a fixture's that fails before its `yield`: its database was up, its network made."""
    image = build(load_recipe(REPOSITORY / "compose/base/image"), Engine(engine))
    manifest = tmp_path / "manifest.yaml"
    manifest.write_text(
        f"plugins: {{lineage_backend: marquez}}\nlocal: {{images: {{marquez: '{image}'}}}}\n"
    )
    stack = FloeLocal(manifest)
    with pytest.raises(NotReadyError, match="marquez ended"):
        stack.start()
    assert left_of(stack) == []
    assert not (tmp_path / ".floe-local").exists()


def test_a_container_that_cannot_start_is_removed(engine: docker.DockerClient) -> None:
    image = build(load_recipe(REPOSITORY / "compose/base/image"), Engine(engine))
    label = f"dev.floe.tests.{uuid.uuid4().hex}"
    with pytest.raises(APIError), running(engine, image, command=["/nothing"], labels=[label]):
        pass
    assert engine.containers.list(all=True, filters={"label": label}) == []


def test_a_testcontainer_that_cannot_start_is_removed(engine: docker.DockerClient) -> None:
    image = build(load_recipe(REPOSITORY / "compose/base/image"), Engine(engine))
    name = f"floe-test-{uuid.uuid4().hex}"
    container = DockerContainer(image, name=name, command="/nothing")
    with pytest.raises(APIError), started(container):
        pass
    assert engine.containers.list(all=True, filters={"name": name}) == []


def test_a_fixture_that_fails_behind_up_leaves_nothing(tmp_path: Path) -> None:
    """As one of the end-to-end tests that finds fault with a stack that is up."""
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    shell = Shell(tmp_path, {**os.environ, "PATH": path, "FLOE_LOCAL_BUILD": "always"})
    project = identity_of(Where(folder=tmp_path)).project

    def fails() -> None:
        with shell.stack("floe-local up --free-ports"):
            assert Engine().holdings(project)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fails()
    assert not Engine().holdings(project)


def test_status_names_what_is_sent_and_does_not_arrive(floe_stack: FloeLocal) -> None:
    """As real clients' first bytes are: HTTP and TLS to gRPC, gRPC to HTTP, a wrong path."""
    assert not status(floe_stack.where).warnings
    at = {name: urlsplit(url) for name, url in floe_stack.endpoints.items()}
    post = b"POST %s HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
    for endpoint, sent in (
        ("otel-collector.otlp-grpc", post % b"/v1/traces"),
        ("otel-collector.otlp-grpc", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"x" * 64),
        ("otel-collector.otlp-http", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
        ("otel-collector.otlp-http", post % b"/v1/trace"),
        ("marquez.api", post % b"/"),
    ):
        address = (at[endpoint].hostname, at[endpoint].port)
        with socket.create_connection(address, timeout=5) as connection:
            connection.sendall(sent)
            connection.recv(1)

    def found() -> tuple[str, ...]:
        warnings = status(floe_stack.where).warnings
        return warnings if len(warnings) == 5 else ()

    text = "\n".join(wait_for(found, "five findings"))
    for what in ("HTTP to", "TLS to", "gRPC to", "an unknown path", "POST / (HTTP 404) to marquez"):
        assert f"something sends {what}" in text.replace("HTTP requests to an", "an")
    assert f"set OPENLINEAGE_URL={floe_stack.env()['OPENLINEAGE_URL']}" in text
    assert not [line for line in logs(floe_stack.where) if "\tdebug\t" in line.text]
