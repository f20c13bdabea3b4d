"""Which stack is meant, and what is known of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from floe_local.errors import MachineError
from floe_local.operations.planning import identity_of
from floe_local.run.workspace import Workspace

if TYPE_CHECKING:
    from floe_local.operations.request import Where
    from floe_local.plan.stack.model import StackIdentity, StackPlan
    from floe_local.run.engine import Engine


class Found(NamedTuple):
    """A stack: its identity, its files, and the plan in them."""

    identity: StackIdentity
    workspace: Workspace
    plan: StackPlan | None


def find(where: Where) -> Found:
    """The stack that is meant, by its folder and name."""
    identity = identity_of(where)
    workspace = Workspace(identity)
    return Found(identity, workspace, workspace.plan())


def find_planned(where: Where) -> tuple[StackPlan, Workspace]:
    """The stack that is meant, as it was planned.

    Raises:
        MachineError: it was never brought up from here (``stack-unknown``).
    """
    found = find(where)
    if found.plan is None:
        raise MachineError(
            "stack-unknown",
            f"stack '{found.identity.name}' of {found.identity.folder} is not up",
            "`floe-local up` brings it up; `floe-local list` shows every stack of this engine",
        )
    return found.plan, found.workspace


def project_on(engine: Engine, where: Where) -> str:
    """The project of the stack that is meant, also when its folder is gone.

    ``--stack`` may be a whole project's name, as ``list`` shows it.
    """
    project = identity_of(where).project
    if where.stack and not engine.holdings(project) and engine.holdings(where.stack):
        return where.stack
    return project
