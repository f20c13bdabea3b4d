"""The one stand-in for a Docker engine, for tests that need no container."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from floe_local.plan.stack.model import STACK_LABEL
from floe_local.run.engine import Engine
from floe_local.run.holdings import Container, Holdings, Volume

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

EXIT_CODE = 17
"""What every container ended with."""


class FakeEngine(Engine):
    """Holds what it was given; what it has no answer for, fails.

    Args:
        containers: of any project, unless their label names one.
        volumes: each of its project.
        variables: what every image sets by itself.
        output: the lines that every container wrote.
    """

    def __init__(
        self,
        *containers: Container,
        volumes: Iterable[Volume] = (),
        variables: Mapping[str, str] | None = None,
        output: Iterable[str] = (),
    ) -> None:
        self.held = Holdings(containers=containers, volumes=tuple(volumes))
        self.variables = dict(variables or {})
        self.output = tuple(output)

    def containers(self, project: str | None = None) -> tuple[Container, ...]:
        return self.holdings(project).containers

    def holdings(self, project: str | None = None) -> Holdings:
        assert project != "", "an empty name would mean every stack"
        named = project or ""
        containers = [c for c in self.held.containers if c.labels.get(STACK_LABEL, named) == named]
        volumes = [v for v in self.held.volumes if project in {None, v.project}]
        return Holdings(containers=tuple(containers), volumes=tuple(volumes))

    def volume(self, name: str) -> Volume | None:
        return next((v for v in self.held.volumes if v.name == name), None)

    def create_volume(self, name: str, labels: dict[str, str]) -> None:
        volume = Volume(name=name, project=labels.get(STACK_LABEL, ""), labels=labels)
        self.held = self.held.model_copy(update={"volumes": (*self.held.volumes, volume)})

    def image_environment(self, reference: str) -> dict[str, str]:
        assert reference
        return self.variables

    def has_process(self, container: Container) -> bool:
        return container.state == "running"

    def exit_code(self, container: Container) -> int:
        assert container.state != "running"
        return EXIT_CODE

    def tail(
        self,
        container: Container,
        lines: int | Literal["all"],
        since: datetime | None = None,
    ) -> tuple[str, ...]:
        assert container.service
        assert lines
        assert since is None
        return self.output

    def remove(self, holdings: Holdings, *, gently: bool) -> None:
        assert not gently
        self.held = self.held.without(holdings)
