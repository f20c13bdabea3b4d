from __future__ import annotations

import os
import signal
import socket
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest

from floe_local.errors import MachineError, NotReadyError
from floe_local.plan.blueprint.model import Ready
from floe_local.plan.stack.model import (
    PublishedEndpoint,
    ResolvedImage,
    StackService,
)
from floe_local.plan.stack.plan import plan_stack
from floe_local.plan.values import Origin, Signal
from floe_local.run.holdings import Container
from floe_local.run.interrupts import interrupt_once
from floe_local.run.readiness import ask, wait_until_ready
from tests.backends import backend_of
from tests.fake_engine import FakeEngine
from tests.servers import answering

if TYPE_CHECKING:
    from floe_local.plan.stack.model import StackPlan
    from floe_local.run.progress import Progress
    from tests.unit.conftest import Builder

DEADLINE_S = 60.0
IMAGE = ResolvedImage(reference="example/a:1", origin=Origin.UPSTREAM)


def service(port: int, name: str = "a", ready: Ready | None = None, **more: bool) -> StackService:
    endpoint = PublishedEndpoint(name="api", container_port=80, host_port=port)
    return StackService(
        name=name, backend="b", image=IMAGE, endpoints=(endpoint,), ready=ready, **more
    )


def container(name: str = "a", state: str = "running", status: str = "Up 1 second") -> Container:
    return Container(
        id=f"id-{name}", name=name, service=name, image="x", state=state, status=status, labels={}
    )


OUTPUT = ("starting", "cannot open the database")


def wait(plan: StackPlan, engine: FakeEngine, **options: Any) -> dict[str, float]:
    return wait_until_ready(plan, engine, **options)


def plan_of(build: Builder, *services: StackService) -> StackPlan:
    return plan_stack(build.inputs()).model_copy(update={"services": services})


@pytest.mark.parametrize(
    ("status", "body", "ready", "expected", "said"),
    [
        (200, b"", Ready(endpoint="api", path="/h"), True, "/h"),
        (503, b"not  yet", Ready(endpoint="api", path="/h"), False, "503, not 200: not yet"),
        (204, b"", Ready(endpoint="api", path="/h", status=204), True, ""),
        (200, b'{"a": [1]}', Ready(endpoint="api", path="/", query="a[0]", equals=1), True, ""),
        (
            200,
            b'{"db": false}',
            Ready(endpoint="api", path="/", query="db", equals=True),
            False,
            "db is False, not True",
        ),
        (200, b"<html>", Ready(endpoint="api", path="/", query="db"), False, "no JSON: <html>"),
    ],
)
def test_a_service_is_asked_as_its_blueprint_says(
    status: int, body: bytes, ready: Ready, *, expected: bool, said: str
) -> None:
    with answering(body, status) as server:
        answer = ask(service(server.server_port, ready=ready), "127.0.0.1", None)
    assert answer.ready is expected
    assert said in answer.said


def test_a_port_that_is_not_listened_on_is_told() -> None:
    with answering() as server:
        pass
    answer = ask(
        service(server.server_port, ready=Ready(endpoint="api", path="/")), "127.0.0.1", None
    )
    assert not answer.ready
    assert "refused" in answer.said


@pytest.mark.parametrize(
    ("status", "expected"),
    [("Up 1 second (healthy)", True), ("Up 1 second (health: starting)", False)],
)
def test_a_health_check_decides_where_there_is_no_request(status: str, *, expected: bool) -> None:
    found = ask(service(1, healthcheck=True), "127.0.0.1", container(status=status))
    assert found.ready is expected


def test_tcp_is_ready_when_somebody_stays_on_the_line() -> None:
    with answering() as server:
        assert ask(service(server.server_port), "127.0.0.1", container()).ready
    assert not ask(service(server.server_port), "127.0.0.1", container()).ready


def test_tcp_is_not_ready_while_the_line_is_hung_up() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:

        def hang_up() -> None:
            server.accept()[0].close()

        thread = threading.Thread(target=hang_up)
        thread.start()
        answer = ask(service(server.getsockname()[1]), "127.0.0.1", container())
        thread.join()
    assert not answer.ready
    assert answer.said.endswith("hung up")


def test_a_service_without_anything_to_ask_has_to_run() -> None:
    silent = StackService(name="a", backend="b", image=IMAGE)
    assert ask(silent, "127.0.0.1", container()).ready
    assert not ask(silent, "127.0.0.1", container(state="created")).ready
    assert not ask(silent, "127.0.0.1", container(status="Up Less than a second")).ready


def test_a_service_that_ended_after_it_was_ready_is_seen(build: Builder) -> None:
    class Dying(FakeEngine):
        def containers(self, _project: str | None = None) -> tuple[Container, ...]:
            state = "exited" if asked.is_set() else "running"
            return (container(state=state),)

    asked = threading.Event()
    with answering() as server:
        plan = plan_of(build, service(server.server_port, ready=Ready(endpoint="api", path="/")))
        engine = Dying(container())
        with pytest.raises(NotReadyError, match="ended with status 17"):
            wait(plan, engine, deadline_s=10, report=lambda _: asked.set())


def test_all_are_ready_and_told_with_times(build: Builder) -> None:
    told: list[Progress] = []
    with answering() as server:
        ready = Ready(endpoint="api", path="/")
        services = [service(server.server_port, name, ready) for name in ("a", "b")]
        engine = FakeEngine(container("a"), container("b"), output=OUTPUT)
        found = wait(
            plan_of(build, *services),
            engine,
            deadline_s=10,
            report=told.append,
        )
    assert list(found) == ["a", "b"]
    assert sorted((p.subject, p.phase) for p in told) == [("a", "ready"), ("b", "ready")]


@pytest.mark.parametrize(
    ("shown", "code", "reason"),
    [
        (container(state="exited"), "container-exited", "ended with status 17"),
        (container(state="restarting"), "container-exited", "ended with status 17"),
        (container(status="Up (unhealthy)"), "container-unhealthy", "is unhealthy"),
    ],
)
def test_a_container_that_ends_ends_the_wait_at_once(
    build: Builder, shown: Container, code: str, reason: str
) -> None:
    one = service(1, ready=Ready(endpoint="api", path="/")).model_copy(update={"hint": "feed it"})
    began = time.monotonic()
    with pytest.raises(NotReadyError) as caught:
        wait(
            plan_of(build, one),
            FakeEngine(shown, output=OUTPUT),
            deadline_s=DEADLINE_S,
            report=lambda _: None,
        )
    assert time.monotonic() - began < DEADLINE_S
    assert caught.value.code == code
    assert reason in caught.value.reason
    assert "cannot open the database" in caught.value.reason
    assert caught.value.hint == "feed it"


COLLECTOR_SAID = {
    'error decoding \'exporters\': unknown type: "grpc" for id: "grpc" (valid values: [otlp_grpc])': [
        "acme"
    ],
    'failed to start "otlp_grpc/b" exporter: no authenticator': ["b"],
    "failed to start extension": ["acme", "b"],
}


@pytest.mark.parametrize("said", COLLECTOR_SAID)
def test_the_plugins_whose_config_the_collector_refuses_are_named(
    build: Builder, said: str
) -> None:
    output = ("2026\tinfo\tservice.go\t{'id': 'otlp_grpc/b'}", said)
    exporters = {"acme": ("grpc",), "b": ("otlp_grpc/b", "otlp_grpc"), "lineage": ()}
    backends = tuple(
        backend_of(
            name,
            who=f"telemetry plugin '{name}' ({name}-floe 1.2.3)",
            exporters={Signal.TRACES: ids} if ids else {},
        )
        for name, ids in exporters.items()
    )
    given = {"collector": "a", "backends": backends}
    plan = plan_of(build, service(1)).model_copy(update=given)
    with pytest.raises(NotReadyError) as caught:
        wait(
            plan,
            FakeEngine(container(state="exited"), output=output),
            deadline_s=DEADLINE_S,
            report=lambda _: None,
        )
    named = [name for name in exporters if f"({name}-floe 1.2.3)" in caught.value.reason]
    assert named == COLLECTOR_SAID[said]


def test_the_deadline_tells_who_is_late_and_what_it_said(build: Builder) -> None:
    with answering(b"migrating", 503) as bad, answering() as good:
        ready = Ready(endpoint="api", path="/")
        services = (
            service(bad.server_port, "late", ready),
            service(good.server_port, "punctual", ready),
        )
        engine = FakeEngine(container("late"), container("punctual"), output=OUTPUT)
        with pytest.raises(NotReadyError) as caught:
            wait(
                plan_of(build, *services),
                engine,
                deadline_s=0.3,
                report=lambda _: None,
            )
    assert caught.value.code == "not-ready"
    assert "service late: " in caught.value.reason
    assert "migrating" in caught.value.reason
    assert "punctual" not in caught.value.reason
    assert caught.value.hint


def test_a_container_that_is_gone_ends_the_wait(build: Builder) -> None:
    one = service(1, ready=Ready(endpoint="api", path="/"))
    with pytest.raises(NotReadyError, match="its container is gone"):
        wait(
            plan_of(build, one),
            FakeEngine(output=OUTPUT),
            deadline_s=DEADLINE_S,
            report=lambda _: None,
        )


def test_composes_failure_ends_the_wait(build: Builder) -> None:
    def failed() -> bool:
        raise MachineError("compose-failed", "no such image")

    one = service(1, ready=Ready(endpoint="api", path="/"))
    with pytest.raises(MachineError, match="no such image"):
        wait(
            plan_of(build, one),
            FakeEngine(output=OUTPUT),
            deadline_s=DEADLINE_S,
            report=lambda _: None,
            starting=failed,
        )


def test_an_interrupt_while_the_threads_begin_ends_them_all(build: Builder) -> None:
    """It left threads that asked for ever, and the process with them."""
    port_of_nobody = 1
    others = [service(port_of_nobody, f"b{number}") for number in range(60)]
    engine = FakeEngine(container(), *(container(other.name) for other in others))

    def interrupt(_: Progress) -> None:
        os.kill(os.getpid(), signal.SIGTERM)

    with answering() as server, interrupt_once():
        plan = plan_of(
            build, service(server.server_port, ready=Ready(endpoint="api", path="/")), *others
        )
        with pytest.raises(KeyboardInterrupt):
            wait(plan, engine, deadline_s=30, report=interrupt)
