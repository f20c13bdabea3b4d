"""Takes back what an `up` that failed has done."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from floe_local.errors import MachineError
from floe_local.run.compose_cli import Compose
from floe_local.run.interrupts import undisturbed

if TYPE_CHECKING:
    from floe_local.operations.request import Site
    from floe_local.plan.stack.model import StackPlan
    from floe_local.run.engine import Engine, Holdings

_LOOKS = 3
_LOOK_S = 0.15
_DEADLINE_S = 15.0


def undo(plan: StackPlan, site: Site) -> None:
    """Remove what was not there before; put a stack that ran before back as it was.

    Args:
        plan: what was attempted.
        site: where, and what was there before; older volumes are left alone.
    """
    undisturbed()
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
    deadline = time.monotonic() + _DEADLINE_S
    empty = 0
    while empty < _LOOKS:
        new = engine.holdings(project).without(before)
        empty = 0 if new else empty + 1
        try:
            engine.remove(new, gently=False)
        except MachineError:
            if time.monotonic() > deadline:
                raise
        time.sleep(_LOOK_S)
