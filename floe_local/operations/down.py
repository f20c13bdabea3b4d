"""`down`: remove a stack, by its labels."""

from __future__ import annotations

from typing import TYPE_CHECKING

from floe_local.errors import MachineError
from floe_local.operations.stacks import find_stack, resolve_project
from floe_local.plan.values import Frozen
from floe_local.run.engine import Engine
from floe_local.run.progress import silent, timed

if TYPE_CHECKING:
    from floe_local.operations.stacks import Where
    from floe_local.run.progress import OnProgress


class DownResult(Frozen):
    """What was removed, and the volumes that were kept; each as ``volume NAME`` and so on."""

    project: str
    removed: tuple[str, ...] = ()
    kept: tuple[str, ...] = ()


def down(
    where: Where,
    *,
    volumes: bool = False,
    engine: Engine | None = None,
    report: OnProgress = silent,
) -> DownResult:
    """Remove a stack's containers and network; its volumes only when asked.

    Works from labels: the folder may be gone, the manifest broken. Afterwards it is checked
    that nothing with the stack's label is left.

    Args:
        where: which stack.
        volumes: remove the data, too.
        engine: None connects.
        report: told what happens.

    Raises:
        InputError: no stack is meant: there is no such manifest, or the name is none.
        MachineError: something is in use by others (``in-use``), or was left
            (``leftovers``).
    """
    found = find_stack(where)  # what names no stack is said without an engine
    engine = engine or Engine()
    project = resolve_project(engine, where)
    if found.identity.project != project or not found.workspace.is_own():
        return take_down(engine, project, volumes=volumes, report=report)
    tell = timed(report, "stack")
    with found.workspace.locked(lambda: tell("waiting", "for another command")):
        result = take_down(engine, project, volumes=volumes, report=report)
        if not result.kept:
            found.workspace.withdraw(keep_secrets=False)
    return result


def take_down(engine: Engine, project: str, *, volumes: bool, report: OnProgress) -> DownResult:
    """Remove what carries a project's label, and see that it is gone."""
    tell = timed(report, "stack")
    held = engine.holdings(project)
    going = held if volumes else held.model_copy(update={"volumes": ()})
    if going:
        tell("stopping", "")
    engine.remove(going, gently=not volumes)
    left = engine.holdings(project)
    forgotten = left if volumes else left.model_copy(update={"volumes": ()})
    if forgotten:
        raise MachineError(
            "leftovers",
            f"still there: {', '.join(forgotten.named)}",
            "is another command bringing the stack up? run `floe-local down` again",
        )
    tell("down", "")
    return DownResult(project=project, removed=going.named, kept=left.named)
