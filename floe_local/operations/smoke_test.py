"""`smoke-test`: send canaries to a stack, and see that its backends received them."""

from __future__ import annotations

import os
from contextlib import suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from floe_local.errors import InputError, MachineError
from floe_local.operations.stacks import find_planned, resolve_project, rivals_of
from floe_local.operations.targets import EndpointOptions, targets_elsewhere, targets_of
from floe_local.plan.secrets.mask import mask
from floe_local.plan.stack.addresses import pipeline_environment
from floe_local.run.collector_log import export_errors
from floe_local.run.progress import silent, timed

if TYPE_CHECKING:
    from collections.abc import Callable

    from floe_local.operations.stacks import Where
    from floe_local.plan.plugins.process import Child
    from floe_local.plan.stack.model import StackPlan
    from floe_local.prove.report import Report
    from floe_local.prove.targets import SmokeOptions, Targets, Tell
    from floe_local.run.progress import OnProgress


def smoke_test(
    where: Where,
    options: SmokeOptions,
    endpoints: EndpointOptions | None = None,
    *,
    report: OnProgress = silent,
    sender: Child | None = None,
) -> Report:
    """Prove that every backend receives.

    Args:
        where: which stack, or which manifest names the backends.
        options: how.
        endpoints: where a stack is that floe-local did not start.
        report: told what happens.
        sender: the process that was started before (`isolation.start_sender`).

    Raises:
        InputError: the manifest or a probe is wrong.
        MachineError: the stack was never brought up from here (``stack-unknown``).
    """
    from floe_local.prove.smoke import smoke  # noqa: PLC0415 - the SDKs are slow to load
    from floe_local.prove.verdicts import with_export_errors  # noqa: PLC0415 - beside it

    began = datetime.now(UTC)
    targets = find_targets(where, endpoints)
    proof = smoke(targets, options, _phase_reporter(report), sender)
    if endpoints is not None:
        return proof
    if any(check.hop == "collector-exported" for check in proof.checks):
        proof = with_export_errors(proof, targets, export_errors_since(where, began))
    return proof.model_copy(update={"warnings": _rivals(where)})


def _phase_reporter(report: OnProgress) -> Tell:
    """A function (subject, phase, detail) that reports with the time since the subject's first."""
    tells: dict[str, Callable[[str, str], None]] = {}

    def tell(subject: str, phase: str, detail: str) -> None:
        tells.setdefault(subject, timed(report, subject))(phase, detail)

    return tell


def _rivals(where: Where) -> tuple[str, ...]:
    """What would keep a pipeline of this shell from doing as the canaries did."""
    plan, _ = find_planned(where)
    return rivals_of(plan, pipeline_environment(plan, "host"), os.environ)


def export_errors_since(where: Where, began: datetime) -> dict[tuple[str, str], str]:
    """Why exporters could not send since then; nothing where there is no engine to ask."""
    from floe_local.run.engine import Engine  # noqa: PLC0415 - the SDK is slow to load

    collector = find_planned(where)[0].collector
    with suppress(MachineError):
        engine = Engine()
        for container in engine.containers(resolve_project(engine, where)):
            if container.service == collector:
                errors = export_errors(engine.tail(container, "all", since=began))
                return {key: mask(error, os.environ) for key, error in errors.items()}
    return {}


def find_targets(where: Where, endpoints: EndpointOptions | None = None) -> Targets:
    """Where canaries go and are read: from the workspace, no plugin and no engine is asked.

    Raises:
        InputError: the manifest is wrong; the stack is live and `where` is not, or the other
            way round (``live``, ``not-live``).
        MachineError: the stack was never brought up from here (``stack-unknown``).
    """
    if endpoints is not None:
        from floe_local.operations.request import request_stack  # noqa: PLC0415 - not for a plan

        return targets_elsewhere(request_stack(where), endpoints, os.environ)
    plan, _ = find_planned(where)
    _refuse_mismatch(plan, live=where.live)
    return targets_of(plan, os.environ)


def _refuse_mismatch(plan: StackPlan, *, live: bool) -> None:
    """A real account is reached only where `--live` was said both times."""
    if live and plan.sandboxed:
        reason = f"in stack '{plan.name}' the sandbox plays {', '.join(plan.sandboxed)}"
        raise InputError("not-live", reason, "`floe-local up --live` uses the real ones")
    if plan.live and not live:
        reason = f"stack '{plan.name}' uses backends for real, with your account"
        raise InputError("live", reason, "say so: `floe-local smoke-test --live`")
