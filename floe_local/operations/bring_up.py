"""A stack that is asked for → a stack that runs, or nothing."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from typing import TYPE_CHECKING

from floe_local.operations.layout import lay_out
from floe_local.operations.notices import notices
from floe_local.operations.request import Site, StackRequest, UpSettings
from floe_local.operations.rows import ServiceRow, service_rows
from floe_local.operations.undo import undo
from floe_local.plan.stack.environment import pipeline_environment
from floe_local.plan.stack.model import ImageNeed, ResolvedImage, StackPlan
from floe_local.plan.values import Frozen
from floe_local.run.compose_cli import Compose, find_compose
from floe_local.run.interrupts import held_back, one_interrupt
from floe_local.run.progress import Progress, timed
from floe_local.run.readiness import ServiceReady, wait_until_ready
from floe_local.run.volumes import prepare_volumes
from floe_local.run.workspace import Workspace

if TYPE_CHECKING:
    from floe_local.run.engine import Engine
    from floe_local.run.progress import Report

ImageResolver = Callable[[Sequence[ImageNeed]], Mapping[str, ResolvedImage]]


class UpResult(Frozen):
    """A stack that is ready. `environment` is what a pipeline on the host sets.

    `changed` says whether anything had to be created or recreated; `seconds` is how long
    it all took. `sandboxed` are the backends that a recorder plays.
    """

    stack: str
    project: str
    network: str
    folder: str
    services: tuple[ServiceRow, ...]
    environment: dict[str, str]
    changed: bool
    seconds: float
    sandboxed: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


def bring_up(
    request: StackRequest,
    settings: UpSettings,
    *,
    engine: Engine,
    resolve: ImageResolver,
    report: Report,
) -> UpResult:
    """Bring a stack up and wait until it is ready.

    Whatever goes wrong, what this call created is removed again (never an older volume),
    and a stack that ran before is put back, unless `settings.retain`.

    Args:
        request: the stack.
        settings: how.
        engine: where.
        resolve: finds the image of every service that needs one.
        report: told what happens.

    Raises:
        InputError: the stack cannot be planned.
        MachineError: no Compose, no image, a taken port, an unreadable volume.
        NotReadyError: a service did not become ready.
    """
    began = time.monotonic()
    find_compose()
    images = resolve(request.image_needs)
    workspace = Workspace(request.identity)
    tell = timed(report, "stack")
    with (
        one_interrupt(),
        workspace.locked(lambda: tell("waiting", "for another floe-local")),
    ):
        before = engine.holdings(request.identity.project)
        previous, _ = workspace.known_plan()
        site = Site(engine, workspace, previous, before, workspace.snapshot())
        plan = lay_out(request, images, site, settings)
        deadline_s = settings.deadline_s or request.deadline_s
        with ExitStack() as if_it_fails:
            if not settings.retain:
                if_it_fails.callback(undo, plan, site)
                if_it_fails.callback(tell, "undoing", "")
            ready, changed = _change(plan, site, deadline_s, report)
            if_it_fails.pop_all()
    seconds = round(time.monotonic() - began, 3)
    return _result(plan, ready, changed=changed, seconds=seconds, warnings=request.warnings)


def _change(
    plan: StackPlan, site: Site, deadline_s: float, report: Report
) -> tuple[tuple[ServiceReady, ...], bool]:
    """Make the engine hold what the plan says; wait until it is ready.

    Returns:
        When each service was ready, and whether anything had to be changed.
    """
    engine = site.engine
    passwords = site.workspace.make_secrets(plan.secrets)
    prepare_volumes(plan, engine, passwords)
    site.workspace.write(plan)
    if plan == site.previous and _runs(plan, site):
        return wait_until_ready(plan, engine, deadline_s=deadline_s, report=report), False
    for service in plan.services:
        report(Progress(subject=service.name, phase="starting"))
    with ThreadPoolExecutor(max_workers=1) as pool:
        with held_back():
            composing = pool.submit(Compose(site.workspace, plan.project).up)
        if site.before.containers:
            composing.result()  # until then, those that are about to go would answer
        starting = _at_work(composing)
        ready = wait_until_ready(
            plan, engine, deadline_s=deadline_s, report=report, starting=starting
        )
        composing.result()
    return ready, True


def _at_work(composing: Future[None]) -> Callable[[], bool]:
    def at_work() -> bool:
        if not composing.done():
            return True
        composing.result()  # raises what went wrong
        return False

    return at_work


def _runs(plan: StackPlan, site: Site) -> bool:
    """Whether all of the plan runs already, from the images as they are now.

    What a service takes from the shell by name is not in the plan: Compose has to look.
    """
    running = {c.service: c for c in site.before.containers if c.state == "running"}
    known = {service.name for service in plan.services}
    if set(running) != known or len(running) != len(site.before.containers):
        return False
    environments = [s.get("environment", {}) for s in plan.compose["services"].values()]
    if any(value is None for variables in environments for value in variables.values()):
        return False
    return all(
        running[s.name].image_id == site.engine.image_id(s.image.reference) for s in plan.services
    )


def _result(
    plan: StackPlan,
    ready: Sequence[ServiceReady],
    *,
    changed: bool,
    seconds: float,
    warnings: tuple[str, ...],
) -> UpResult:
    took = {one.service: one.seconds for one in ready}
    return UpResult(
        stack=plan.name,
        project=plan.project,
        network=plan.network,
        folder=plan.identity.folder,
        services=service_rows(plan, dict.fromkeys(took, "ready"), seconds=took),
        environment=pipeline_environment(plan, "host"),
        changed=changed,
        seconds=seconds,
        sandboxed=plan.sandboxed,
        warnings=(*warnings, *notices(plan)),
    )
