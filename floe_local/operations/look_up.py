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
    """A stack: its identity, and its files."""

    identity: StackIdentity
    workspace: Workspace


def find(where: Where) -> Found:
    """The stack that is meant, by its folder and name.

    Raises:
        InputError: no stack is meant: there is no such manifest, or the name is none.
    """
    identity = identity_of(where)
    return Found(identity, Workspace(identity))


def find_planned(where: Where) -> tuple[StackPlan, Workspace]:
    """The stack that is meant, as it was planned.

    Raises:
        MachineError: it was never brought up from here (``stack-unknown``), or its plan
            cannot be read (``stack-file``).
    """
    found = find(where)
    plan = found.workspace.plan()
    if plan is None:
        raise not_up(found.identity)
    return plan, found.workspace


def not_up(identity: StackIdentity) -> MachineError:
    """What to say where a stack has to be up, and is not."""
    return MachineError(
        "stack-unknown",
        f"stack '{identity.name}' of {identity.folder} is not up",
        "`floe-local up` brings it up; `floe-local list` shows every stack of this engine",
    )


def project_on(engine: Engine, where: Where) -> str:
    """The project of the stack that is meant, also when its folder is gone.

    ``--stack`` may be a whole project's name, as ``list`` shows it; beside ``--manifest``,
    which names the folder, only of a project of that folder (`identify` knows those).
    """
    project = identity_of(where).project
    anywhere = where.stack if where.manifest is None else None
    if anywhere and not engine.holdings(project) and engine.holdings(anywhere):
        return anywhere
    return project
