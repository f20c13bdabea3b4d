"""Waits until every service is ready, judged from the host; says why when one is not.

Each service has a thread that asks it what its blueprint asks. One deadline holds for all.
A container that ends, or that its own health check gives up on, ends the wait at once.
"""

from __future__ import annotations

import http.client
import json
import math
import re
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from itertools import repeat
from typing import TYPE_CHECKING, Any, NamedTuple

from floe_local.errors import NotReadyError
from floe_local.run.collector_log import readable
from floe_local.run.interrupts import defer_signals
from floe_local.run.progress import Progress
from floe_local.until import until

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from floe_local.plan.artifacts import Backend
    from floe_local.plan.blueprint.model import Ready
    from floe_local.plan.stack.model import (
        PublishedEndpoint,
        StackPlan,
        StackService,
    )
    from floe_local.run.engine import Engine
    from floe_local.run.holdings import Container
    from floe_local.run.progress import OnProgress

INTERVAL_S = 0.1
_WATCH_S = 0.2
_ANSWER_S = 2.0
_TCP_QUIET_S = 0.1
_SHOWN = 160
_LOG_LINES = 15
_RAW_LINES = 100  # with the stacks that stand between them
_JUST_STARTED = "Less than a second"
_BESIDE_THE_POINT = re.compile(r"\[[^\]]*\]|.*\t(?:debug|info)\t.*")
"""What a Collector could have known instead, in brackets; what went well."""
_ENDED = {"exited", "dead", "restarting"}


class Readiness(NamedTuple):
    """Whether a service is ready, and what it answered."""

    ready: bool
    said: str


class _Watch:
    """What the engine says of the containers, as the probing threads see it."""

    def __init__(self) -> None:
        self.containers: Mapping[str, Container] = {}
        self.over = threading.Event()
        self.said: dict[str, str] = {}


def wait_until_ready(
    plan: StackPlan,
    engine: Engine,
    *,
    deadline_s: float,
    report: OnProgress,
    starting: Callable[[], bool] = lambda: False,
) -> dict[str, float]:
    """Wait for all services of a stack.

    Args:
        plan: the stack.
        engine: where its containers run.
        deadline_s: how long all of them together may take.
        report: called for every service that becomes ready.
        starting: whether Compose is still at work, and containers may be missing. It may
            raise: the wait ends with that error.

    Returns:
        The seconds after which each service was ready.

    Raises:
        NotReadyError: a container ended (``container-exited``), its health check gave up
            (``container-unhealthy``), it is not there (``container-missing``), or the
            deadline passed (``not-ready``).
    """
    watch = _Watch()
    began = time.monotonic()
    with ThreadPoolExecutor(max_workers=max(1, len(plan.services))) as pool:
        try:
            with defer_signals():
                waits = [
                    pool.submit(_until_ready, s, plan.host, watch, began, report)
                    for s in plan.services
                ]

            def is_up() -> bool:
                all_ready = all(wait.done() for wait in waits)
                at_work = starting()
                watch.containers = {c.service: c for c in engine.containers(plan.project)}
                _refuse_ended(plan, engine, watch, at_work=at_work)
                return all_ready and _none_ended(plan, engine, watch)

            def pause(seconds: float) -> None:
                if all(wait.done() for wait in waits):
                    watch.over.wait(seconds)  # until the engine knows what has ended
                else:
                    _wait_for_last(waits, seconds)

            if not until(is_up, deadline_s, repeat(_WATCH_S), wait=pause):
                raise _late(plan, engine, watch, deadline_s, [w.done() for w in waits])
        finally:
            watch.over.set()
    return {s.name: wait.result() for s, wait in zip(plan.services, waits, strict=True)}


def _wait_for_last(waits: Sequence[Any], seconds: float) -> None:
    """Wait for the last thread, at most so long."""
    from concurrent.futures import wait  # noqa: PLC0415 - beside its use: `wait` is a busy name

    wait(waits, timeout=seconds)


def _until_ready(
    service: StackService, host: str, watch: _Watch, began: float, report: OnProgress
) -> float:
    seconds = 0.0

    def is_ready() -> bool:
        nonlocal seconds
        answer = ask(service, host, watch.containers.get(service.name))
        seconds = time.monotonic() - began
        if answer.ready:
            report(Progress(subject=service.name, phase="ready", elapsed_s=seconds))
        elif answer.said != watch.said.get(service.name, ""):
            report(_starting(service.name, answer.said, seconds))
        watch.said[service.name] = answer.said
        return answer.ready

    until(is_ready, math.inf, repeat(INTERVAL_S), wait=watch.over.wait)
    return round(seconds, 3)


def _starting(service: str, waits_for: str, seconds: float) -> Progress:
    detail = f"waits for {waits_for}"
    return Progress(subject=service, phase="starting", detail=detail, elapsed_s=seconds)


def ask(service: StackService, host: str, container: Container | None) -> Readiness:
    """Ask a service once whether it is ready, as its blueprint says.

    By HTTP where the blueprint has `ready`; else by its container's health check; else by
    connecting to its first published endpoint; else it is enough that it has run for a second (`_none_ended`
    makes sure of it).
    """
    endpoints = {endpoint.name: endpoint for endpoint in service.endpoints}
    if service.ready and service.ready.endpoint in endpoints:
        return _ask_http(service.ready, host, endpoints[service.ready.endpoint].host_port)
    if container is None or container.state != "running":
        return Readiness(ready=False, said="its container does not run yet")
    if service.healthcheck:
        return Readiness(
            ready=container.health == "healthy", said=f"its health check says '{container.health}'"
        )
    if service.endpoints:
        return _ask_tcp(host, service.endpoints[0])
    return Readiness(ready=_JUST_STARTED not in container.status, said="it has only just started")


def _none_ended(plan: StackPlan, engine: Engine, watch: _Watch) -> bool:
    """Whether those that nothing but their state speaks for have a process."""
    judged = [s for s in plan.services if not (s.ready or s.healthcheck or s.endpoints)]
    containers = [watch.containers.get(service.name) for service in judged]
    return all(container and engine.has_process(container) for container in containers)


def _ask_http(ready: Ready, host: str, port: int) -> Readiness:
    connection = http.client.HTTPConnection(host, port, timeout=_ANSWER_S)
    request = f"GET http://{host}:{port}{ready.path}"
    try:
        connection.request("GET", ready.path, headers={"Accept": "*/*"})
        response = connection.getresponse()
        body = response.read()
    except (OSError, http.client.HTTPException) as error:
        return Readiness(ready=False, said=f"{request}: {error or type(error).__name__}")
    finally:
        connection.close()
    if response.status != ready.status:
        said = f"{request}: {response.status}, not {ready.status}: {_short(body)}"
        return Readiness(ready=False, said=said)
    return _ask_body(ready, request, body)


def _ask_body(ready: Ready, request: str, body: bytes) -> Readiness:
    if ready.query is None:
        return Readiness(ready=True, said=request)
    import jmespath  # noqa: PLC0415 - few blueprints look into the body

    try:
        value = jmespath.search(ready.query, json.loads(body))
    except ValueError:
        return Readiness(ready=False, said=f"{request}: no JSON: {_short(body)}")
    said = f"{request}: {ready.query} is {value!r}, not {ready.equals!r}"
    return Readiness(ready=value == ready.equals, said=said)


def _short(body: bytes) -> str:
    return " ".join(body.decode("utf-8", "replace").split())[:_SHOWN]


def _ask_tcp(host: str, endpoint: PublishedEndpoint) -> Readiness:
    """Connect, and see that nobody hangs up: Docker's proxy does, while no one listens behind."""
    request = f"connect to {host}:{endpoint.host_port}"
    try:
        with socket.create_connection((host, endpoint.host_port), timeout=_ANSWER_S) as connection:
            connection.settimeout(_TCP_QUIET_S)
            first = connection.recv(1)
    except TimeoutError:
        return Readiness(ready=True, said=request)
    except OSError as error:
        return Readiness(ready=False, said=f"{request}: {error}")
    return Readiness(ready=bool(first), said=f"{request}: hung up")


def _refuse_ended(plan: StackPlan, engine: Engine, watch: _Watch, *, at_work: bool) -> None:
    for service in plan.services:
        container = watch.containers.get(service.name)
        if container is None:
            if not at_work:
                raise NotReadyError(
                    "container-missing",
                    f"service {service.name}: its container is gone",
                    "did something else remove it? run `floe-local up` again",
                )
        else:
            _refuse_if_ended(plan, engine, service, container)


def _refuse_if_ended(
    plan: StackPlan, engine: Engine, service: StackService, container: Container
) -> None:
    if container.state in _ENDED:
        code, how = "container-exited", f"ended with status {engine.exit_code(container)}"
    elif container.health == "unhealthy":
        code, how = "container-unhealthy", "is unhealthy, says its own health check"
    else:
        return
    raw = engine.tail(container, _RAW_LINES)
    lines = readable(raw)[-_LOG_LINES:]
    whose = _of_plugins(plan.backends, raw) if service.name == plan.collector else ""
    wrote = "; its last lines:" + "".join(f"\n  {line}" for line in lines) if lines else ""
    raise NotReadyError(code, f"service {service.name} {how}{whose}{wrote}", _hint(service))


def _of_plugins(backends: Sequence[Backend], wrote: Sequence[str]) -> str:
    """Whose exporters the Collector runs: those that it names, or all where it names none."""
    said = "\n".join(_BESIDE_THE_POINT.sub("", line) for line in wrote)
    ids = {b.who or b.name: {i for of in b.exporters.values() for i in of} for b in backends}
    named = [who for who, own in ids.items() if any(_mentions(said, one) for one in own)]
    whose = named or [who for who, own in ids.items() if own]
    return f", with the config of {', '.join(whose)}" if whose else ""


def _mentions(text: str, component: str) -> bool:
    return re.search(rf"(?<![\w/.-]){re.escape(component)}(?![\w/.-])", text) is not None


def _hint(service: StackService) -> str:
    return service.hint or (
        f"`floe-local up --retain` keeps it as it is; then `floe-local logs {service.name}`"
    )


def _late(
    plan: StackPlan, engine: Engine, watch: _Watch, deadline_s: float, done: Sequence[bool]
) -> NotReadyError:
    late = [s for s, is_done in zip(plan.services, done, strict=True) if not is_done]
    waits_for = [f"service {s.name}: {watch.said.get(s.name, 'nothing yet')}" for s in late]
    container = watch.containers.get(late[0].name) if late else None
    lines = readable(engine.tail(container, _RAW_LINES))[-_LOG_LINES:] if container else ()
    wrote = f"\n{late[0].name} wrote last:" + "".join(f"\n  {x}" for x in lines) if lines else ""
    return NotReadyError(
        "not-ready",
        f"not ready after {deadline_s:g} s: " + "; ".join(waits_for) + wrote,
        _hint(late[0]) if late else "",
    )
