"""`up`: a manifest → a stack that runs, or nothing."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from itertools import repeat
from typing import TYPE_CHECKING

from floe_local.errors import MachineError
from floe_local.operations.layout import Site, lay_out
from floe_local.operations.request import (
    UpSettings,
    differing_ports,
    manifest_of,
    request_of,
)
from floe_local.operations.stacks import ServiceRow, Where, identity_of, service_rows
from floe_local.plan.env_refs import missing, unset
from floe_local.plan.manifest.reader import check_variables
from floe_local.plan.stack.addresses import pipeline_environment
from floe_local.plan.stack.model import ImageNeed, ResolvedImage, StackPlan
from floe_local.plan.values import Frozen, Placement
from floe_local.run.compose_cli import Compose, find_compose
from floe_local.run.interrupts import defer_signals, ignore_signals, interrupt_once
from floe_local.run.progress import Progress, silent, timed
from floe_local.run.readiness import wait_until_ready
from floe_local.run.volumes import prepare_volumes
from floe_local.run.workspace import Workspace
from floe_local.until import until

if TYPE_CHECKING:
    from floe_local.operations.request import StackRequest
    from floe_local.plan.stack.model import MovedPort
    from floe_local.run.engine import Engine
    from floe_local.run.holdings import Holdings
    from floe_local.run.images import Policy
    from floe_local.run.progress import OnProgress

ImageResolver = Callable[[Sequence[ImageNeed]], Mapping[str, ResolvedImage]]

_LOOKS = 3
_LOOK_S = 0.15
_DEADLINE_S = 15.0


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


def up(
    where: Where,
    settings: UpSettings | None = None,
    *,
    policy: Policy | None = None,
    report: OnProgress = silent,
) -> UpResult:
    """Bring the stack of a manifest up, and wait until it is ready.

    Args:
        where: which stack.
        settings: how; None: as usual.
        policy: what may be done to get an image; None: what is here, or can be pulled.
        report: told what happens.

    Raises:
        InputError: the stack's name, the manifest, a plugin or a blueprint is wrong; a
            variable is not set.
        MachineError: no engine, no Compose, no image, a taken port, an unreadable volume.
        NotReadyError: a service did not become ready.
    """
    identity_of(where)  # what names no stack is said without an engine
    with ThreadPoolExecutor(max_workers=1) as pool:
        connecting = pool.submit(_connect)  # while the plugins are asked
        manifest = manifest_of(where)
        check_variables(manifest, os.environ)
        request = request_of(manifest, where.stack, live=where.live)
        refuse_unset(request, os.environ)
        for warning in differing_ports(request.compiled):  # before a wait that it may explain
            report(Progress(subject="warning", phase=warning))
        engine = connecting.result()
    return bring_up(
        request,
        settings or UpSettings(),
        engine=engine,
        resolve=_resolver(request, policy, engine, report),
        report=report,
    )


def _connect() -> Engine:
    """Connect, with the docker SDK, which is slow to load."""
    from floe_local.run.engine import Engine  # noqa: PLC0415

    return Engine()


def refuse_unset(request: StackRequest, environ: Mapping[str, str]) -> None:
    """Refuse a stack whose configs refer to variables that are not set.

    Raises:
        InputError: names them (``variable-unset``).
    """
    configs = {
        "the Collector's config": request.compiled.otlp_collector_config,
        "the OpenLineage transport": request.compiled.openlineage_config,
    }
    for where, config in configs.items():
        if lacking := missing(config, environ):
            raise unset(lacking, where)
    for part in request.parts if request.live else ():
        needs = part.blueprint.live.environment.items()
        required = [f"${{env:{name}}}" for name, need in needs if need == "required"]
        if lacking := missing(required, environ):
            raise unset(lacking, f"the backend '{part.blueprint.name}'")


def _resolver(
    request: StackRequest, policy: Policy | None, engine: Engine, report: OnProgress
) -> ImageResolver:
    """Find images as the policy says, through the manifest's mirror."""
    from floe_local.run.images import Policy, resolve  # noqa: PLC0415 - not at import time

    asked = policy or Policy()
    mirrored = asked.model_copy(update={"registry": asked.registry or request.local.registry})

    def resolved(needs: Sequence[ImageNeed]) -> Mapping[str, ResolvedImage]:
        return resolve(needs, mirrored, engine, report)

    return resolved


def bring_up(
    request: StackRequest,
    settings: UpSettings,
    *,
    engine: Engine,
    resolve: ImageResolver,
    report: OnProgress,
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
        interrupt_once(),
        workspace.locked(lambda: tell("waiting", "for another floe-local")),
    ):
        before = engine.holdings(request.identity.project)
        previous, _ = workspace.known_plan()
        site = Site(engine, workspace, previous, before, workspace.snapshot())
        plan = lay_out(request, images, site, settings)
        deadline_s = settings.deadline_s or request.local.deadline
        with ExitStack() as if_it_fails:
            if not settings.retain:
                if_it_fails.callback(undo, plan, site)
                if_it_fails.callback(tell, "undoing", "")
            ready, changed = _change(plan, site, deadline_s, report)
            if_it_fails.pop_all()
    seconds = round(time.monotonic() - began, 3)
    return _result(plan, ready, changed=changed, seconds=seconds, warnings=request.warnings)


def _change(
    plan: StackPlan, site: Site, deadline_s: float, report: OnProgress
) -> tuple[dict[str, float], bool]:
    """Make the engine hold what the plan says; wait until it is ready.

    Returns:
        After how many seconds each service was ready, and whether anything had to be changed.
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
        with defer_signals():
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
    ready: Mapping[str, float],
    *,
    changed: bool,
    seconds: float,
    warnings: tuple[str, ...],
) -> UpResult:
    return UpResult(
        stack=plan.name,
        project=plan.project,
        network=plan.network,
        folder=plan.identity.folder,
        services=service_rows(plan, dict.fromkeys(ready, "ready"), seconds=ready),
        environment=pipeline_environment(plan, "host"),
        changed=changed,
        seconds=seconds,
        sandboxed=plan.sandboxed,
        warnings=(*warnings, *warnings_of(plan)),
    )


def undo(plan: StackPlan, site: Site) -> None:
    """Remove what was not there before; put a stack that ran before back as it was.

    Args:
        plan: what was attempted.
        site: where, and what was there before; older volumes are left alone.
    """
    ignore_signals()
    remove_new(site.engine, plan.project, site.before)
    if not site.files:
        site.workspace.withdraw(keep_secrets=bool(site.before.volumes))
        return
    site.workspace.restore(site.files)
    if any(c.state == "running" for c in site.before.containers):
        Compose(site.workspace, plan.project).up()


def remove_new(engine: Engine, project: str, before: Holdings) -> None:
    """Remove all that is there now and was not before.

    The engine goes on with a request whose sender has gone, so that a container may appear
    after Compose was interrupted, and hold what is being removed: it takes a few empty looks
    to be sure.

    Raises:
        MachineError: something stays in use (``in-use``).
    """
    empty, error = 0, None

    def are_gone() -> bool:
        nonlocal empty, error
        new = engine.holdings(project).without(before)
        empty, error = (0 if new else empty + 1), None
        try:
            engine.remove(new, gently=False)
        except MachineError as in_use:
            error = in_use
        return empty == _LOOKS

    if not until(are_gone, _DEADLINE_S, repeat(_LOOK_S)) and error:
        raise error


def warnings_of(plan: StackPlan) -> tuple[str, ...]:
    """Which ports have moved, and which backends do not run here."""
    return (*map(_move, plan.moved_ports), *_backends_elsewhere(plan))


def _move(moved: MovedPort) -> str:
    instead = f"{moved.preferred} is used by {moved.owner}"
    return f"PORT: {moved.key} is on {moved.port}: {instead} (`--strict-ports` fails instead)"


def _backends_elsewhere(plan: StackPlan) -> tuple[str, ...]:
    """Which backends are played, or are the real ones, with whose account; none: all run here."""
    elsewhere = [b.name for b in plan.backends if b.placement is Placement.ELSEWHERE]
    if plan.live and elsewhere:
        return (f"LIVE: used for real, with your account: {', '.join(elsewhere)}",)
    if not plan.sandboxed:
        return ()
    played = ", ".join(plan.sandboxed)
    where = "played by recorders on this machine; nothing reaches the real ones (`--live` does)"
    return (f"SANDBOX: {played}: {where}",)
