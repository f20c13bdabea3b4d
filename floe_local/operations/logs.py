"""`logs`: what the services of a stack write."""

from __future__ import annotations

import queue
import threading
from typing import TYPE_CHECKING, Literal

from floe_local.errors import InputError
from floe_local.operations.look_up import not_up, project_on
from floe_local.operations.planning import identity_of
from floe_local.run.engine import Engine, LogLine

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from floe_local.operations.request import Where
    from floe_local.run.engine import Container


def logs(
    where: Where,
    services: Sequence[str] = (),
    *,
    tail: int | Literal["all"] = "all",
    follow: bool = False,
    engine: Engine | None = None,
) -> Iterator[LogLine]:
    """The lines of a stack's services: one after the other, or as they come with `follow`.

    Args:
        where: which stack.
        services: whose; none: all.
        tail: how many of the last lines of each.
        follow: go on until every container has ended.
        engine: None connects.

    Raises:
        InputError: there is no such service in the stack (``unknown-service``).
        MachineError: the stack is not up (``stack-unknown``), or there is no engine to be
            asked.
    """
    identity = identity_of(where)  # what names no stack is said without an engine
    engine = engine or Engine()
    containers = {c.service: c for c in engine.containers(project_on(engine, where))}
    if not containers:
        raise not_up(identity)
    for name in services:
        if name not in containers:
            raise InputError(
                "unknown-service",
                f"the stack has no container of a service '{name}'",
                f"it has: {', '.join(sorted(containers))}",
            )
    chosen = [containers[name] for name in services or sorted(containers)]
    if follow:
        return _merged(engine, chosen, tail)
    return (line for c in chosen for line in engine.lines(c, tail=tail, follow=False))


def _merged(
    engine: Engine, containers: Sequence[Container], tail: int | Literal["all"]
) -> Iterator[LogLine]:
    """Lines of several containers as they come; a thread reads each."""
    lines: queue.SimpleQueue[LogLine | None] = queue.SimpleQueue()

    def read(container: Container) -> None:
        try:
            for line in engine.lines(container, tail=tail, follow=True):
                lines.put(line)
        finally:
            lines.put(None)

    for container in containers:
        threading.Thread(target=read, args=(container,), daemon=True).start()
    reading = len(containers)
    while reading:
        line = lines.get()
        if line is None:
            reading -= 1
        else:
            yield line
