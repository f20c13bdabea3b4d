"""`logs`: what the services of a stack write."""

from __future__ import annotations

import queue
import re
import threading
from collections import deque
from typing import TYPE_CHECKING, Literal

from floe_local.errors import InputError
from floe_local.operations.stacks import identity_of, not_up, resolve_project
from floe_local.plan.blueprint.model import COLLECTOR
from floe_local.plan.stack.model import BACKEND_LABEL
from floe_local.run.engine import Engine

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from floe_local.operations.stacks import Where
    from floe_local.run.holdings import Container, LogLine


_DEBUG = re.compile(r"^\S+\tdebug\t")


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
    containers = {c.service: c for c in engine.containers(resolve_project(engine, where))}
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
    return (line for c in chosen for line in _last(engine, c, tail))


def _last(engine: Engine, container: Container, tail: int | Literal["all"]) -> Iterator[LogLine]:
    lines = engine.lines(container, tail="all" if _is_collector(container) else tail, follow=False)
    kept = (line for line in lines if not _is_aside(container, line.text))
    return kept if tail == "all" else iter(deque(kept, maxlen=tail))


def _is_collector(container: Container) -> bool:
    return container.labels.get(BACKEND_LABEL) == COLLECTOR


def _is_aside(container: Container, text: str) -> bool:
    """Whether a line is one of the Collector's debug lines: they are `status`'s to read."""
    return _is_collector(container) and bool(_DEBUG.match(text))


def _merged(
    engine: Engine, containers: Sequence[Container], tail: int | Literal["all"]
) -> Iterator[LogLine]:
    """Lines of several containers as they come; a thread reads each."""
    lines: queue.SimpleQueue[LogLine | None] = queue.SimpleQueue()

    def read(container: Container) -> None:
        try:
            for line in engine.lines(container, tail=tail, follow=True):
                if not _is_aside(container, line.text):
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
