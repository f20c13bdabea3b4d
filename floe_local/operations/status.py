"""`status` and `list`: what is there, and whether it is ready."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

from floe_local.operations.sandbox import Failing, forced_failures
from floe_local.operations.stacks import ServiceRow, find_stack, resolve_project, service_rows
from floe_local.operations.targets import targets_of
from floe_local.plan.blueprint.recipe import LABEL_ORIGIN
from floe_local.plan.stack.addresses import pipeline_environment
from floe_local.plan.stack.model import BACKEND_LABEL, STACK_LABEL
from floe_local.plan.values import Frozen, Origin
from floe_local.prove.misdirected import Misdirected, by_log, to_grpc, to_http
from floe_local.prove.read.http import Http
from floe_local.run.engine import Engine
from floe_local.run.readiness import Readiness, ask

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from floe_local.operations.stacks import Where
    from floe_local.plan.stack.model import StackPlan, StackService
    from floe_local.run.holdings import Container, Holdings


_LOG_LINES = 20_000
"""How far back in a service's log `status` looks."""


class StackStatus(Frozen):
    """A stack as it is now. `ready`: every service of it is. `folder` may be gone.

    Where the stack's files cannot be read, `warnings` say so, and the rest is from labels.
    They also name what something sends in a way in which it does not arrive. `failures` are
    the sandbox's recorders that were told to answer with an error.
    """

    stack: str
    project: str
    folder: str = ""
    network: str = ""
    ready: bool = False
    services: tuple[ServiceRow, ...] = ()
    volumes: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    failures: tuple[Failing, ...] = ()


class StackSummary(Frozen):
    """One line of ``list``. `folder_exists` is None where no container tells the folder."""

    stack: str
    project: str
    folder: str = ""
    folder_exists: bool | None = None
    running: int = 0
    containers: int = 0
    volumes: int = 0


class StackList(Frozen):
    """Every stack on the engine."""

    stacks: tuple[StackSummary, ...] = ()


def status(where: Where, engine: Engine | None = None) -> StackStatus:
    """What a stack's services are doing; each is asked once whether it is ready.

    Raises:
        MachineError: there is no engine to be asked.
    """
    found = find_stack(where)  # what names no stack is said without an engine
    engine = engine or Engine()
    project = resolve_project(engine, where)
    held = engine.holdings(project)
    plan, warning = (
        found.workspace.known_plan() if found.identity.project == project else (None, "")
    )
    rows = _planned_rows(plan, held) if plan else tuple(_labelled_row(c) for c in held.containers)
    labels = held.containers[0].labels if held.containers else {}
    return StackStatus(
        stack=plan.name if plan else labels.get(f"{STACK_LABEL}.name", project),
        project=project,
        folder=plan.identity.folder if plan else labels.get(f"{STACK_LABEL}.folder", ""),
        network=next((n.name for n in held.networks), ""),
        ready=bool(rows) and all(row.state == "ready" for row in rows),
        services=rows,
        volumes=tuple(v.name for v in held.volumes),
        warnings=((warning,) if warning else ())
        + (_misdirected(plan, held, engine) if plan else ()),
        failures=forced_failures(plan) if plan and held.containers else (),
    )


def _misdirected(plan: StackPlan, held: Holdings, engine: Engine) -> tuple[str, ...]:
    """What something sends in a way in which nothing arrives, as logs and counters tell."""
    running = {c.service: c for c in held.containers if c.state == "running"}
    found = [*_to_collector(plan, running, engine)] if plan.collector in running else []
    mend = _lineage_variables(plan)
    for service in plan.services:
        if service.misdirected and service.name in running:
            lines = engine.dated_lines(running[service.name], _LOG_LINES)
            found += by_log(lines, service.misdirected, service.name, mend)
    return tuple(map(str, found))


def _to_collector(
    plan: StackPlan, running: Mapping[str, Container], engine: Engine
) -> Iterator[Misdirected]:
    lines = engine.dated_lines(running[plan.collector or ""], _LOG_LINES)
    targets = targets_of(plan, {})
    yield from to_grpc(lines, targets.otlp_grpc or "")
    with Http(1) as http:
        page = http.ask("GET", targets.collector_metrics or "")
    yield from to_http(page.body.decode("utf-8", "replace"), targets.otlp_http or "")


def _lineage_variables(plan: StackPlan) -> str:
    """What to set, so that a client posts where lineage is taken."""
    variables = pipeline_environment(plan, "host")
    plain = [n for n in ("OPENLINEAGE_URL", "OPENLINEAGE_ENDPOINT") if n in variables]
    settings = " and ".join(f"{name}={variables[name]}" for name in plain)
    return f"set {settings or 'OPENLINEAGE__TRANSPORT as `floe-local env` prints it'}"


def _planned_rows(plan: StackPlan, held: Holdings) -> tuple[ServiceRow, ...]:
    containers = {c.service: c for c in held.containers}
    with ThreadPoolExecutor(max_workers=max(1, len(plan.services))) as pool:
        asked = pool.map(lambda s: _probe(s, plan, containers), plan.services)
    answers = dict(zip((s.name for s in plan.services), asked, strict=True))
    states = {name: _state(containers.get(name), answer) for name, answer in answers.items()}
    details = {name: "" if answer.ready else answer.said for name, answer in answers.items()}
    return service_rows(plan, states, details=details)


def _probe(
    service: StackService, plan: StackPlan, containers: Mapping[str, Container]
) -> Readiness:
    container = containers.get(service.name)
    if container is None or container.state != "running":
        return Readiness(ready=False, said=container.status if container else "")
    return ask(service, plan.host, container)


def _state(container: Container | None, answer: Readiness) -> str:
    if container is None:
        return "down"
    if container.state != "running":
        return container.state
    return "ready" if answer.ready else "not ready"


def _labelled_row(container: Container) -> ServiceRow:
    """A row from labels alone: there is no plan that would tell how to ask the service."""
    origin = container.labels.get(LABEL_ORIGIN)
    return ServiceRow(
        service=container.service,
        backend=container.labels.get(BACKEND_LABEL, ""),
        image=container.image,
        origin=Origin(origin) if origin in set(Origin) else None,
        state=container.state,
        detail=container.status,
    )


def list_stacks(engine: Engine | None = None) -> StackList:
    """Every stack on the engine, by label.

    Raises:
        MachineError: there is no engine to be asked.
    """
    held = (engine or Engine()).holdings()
    projects = {c.labels[STACK_LABEL] for c in held.containers}
    projects |= {n.project for n in held.networks} | {v.project for v in held.volumes}
    return StackList(stacks=tuple(_summary(p, held) for p in sorted(projects)))


def _summary(project: str, held: Holdings) -> StackSummary:
    containers = [c for c in held.containers if c.labels[STACK_LABEL] == project]
    labels = containers[0].labels if containers else {}
    folder = labels.get(f"{STACK_LABEL}.folder", "")
    return StackSummary(
        stack=labels.get(f"{STACK_LABEL}.name", project),
        project=project,
        folder=folder,
        folder_exists=Path(folder).is_dir() if folder else None,
        running=sum(c.state == "running" for c in containers),
        containers=len(containers),
        volumes=sum(v.project == project for v in held.volumes),
    )
