"""Small real stacks, made of the base image; whatever a test does, nothing of them is left."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import pytest

from floe_local.operations.request import StackRequest, UpSettings
from floe_local.operations.up import UpResult, bring_up
from floe_local.plan.artifacts import Compiled
from floe_local.plan.blueprint.model import Blueprint, LocatedBlueprint
from floe_local.plan.blueprint.placement import resolve_placement
from floe_local.plan.manifest.model import LocalSettings
from floe_local.plan.stack.model import ImageNeed, ResolvedImage, identify
from floe_local.plan.stack.requirements import required_blueprints
from floe_local.plan.values import Origin
from floe_local.run.engine import Engine
from floe_local.run.progress import Progress, silent
from tests.backends import backend_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

WAIT = ["sh", "-c", "trap exit TERM; sleep 1000 & wait"]
"""Ends when it is asked to: as a container's first process, `sleep` alone would ignore that."""


class Stacks:
    """Brings small stacks up, and removes all of them in the end."""

    def __init__(self, engine: Engine, image: str) -> None:
        self.engine = engine
        self.image = image
        self.projects: set[str] = set()
        self.images: dict[str, str] = {}

    def request(
        self,
        folder: Path,
        services: dict[str, dict[str, Any]],
        *,
        hosts: tuple[tuple[str, int], ...] = (),
        name: str | None = None,
    ) -> StackRequest:
        """One backend, ``thing``, of these services; each waits unless it says otherwise."""
        body = {n: {"image": {}, "command": WAIT} | service for n, service in services.items()}
        blueprint = Blueprint.model_validate(
            {"blueprint": 1, "name": "thing", "title": "Thing", "services": body}
        )
        located = LocatedBlueprint(blueprint=blueprint, folder=folder, source="a test")
        placed = resolve_placement({"thing": located}, live=False)
        compiled = Compiled(backends=(backend_of("thing", blueprint=blueprint, hosts=hosts),))
        identity = identify(folder, name)
        self.projects.add(identity.project)
        return StackRequest(
            identity=identity,
            compiled=compiled,
            parts=required_blueprints(compiled, placed),
            local=LocalSettings(deadline=60),
        )

    def up(
        self,
        request: StackRequest,
        settings: UpSettings | None = None,
        report: Callable[[Progress], None] = silent,
    ) -> UpResult:
        return bring_up(
            request,
            settings or UpSettings(free_ports=True),
            engine=self.engine,
            resolve=self.resolve,
            report=report,
        )

    def resolve(self, needs: Sequence[ImageNeed]) -> dict[str, ResolvedImage]:
        return {
            need.service: ResolvedImage(
                reference=self.images.get(need.service, self.image), origin=Origin.BUILT
            )
            for need in needs
        }

    def inside(self, request: StackRequest, service: str, *command: str) -> str:
        """Run a command in a service's container; its output."""
        found = {c.service: c for c in self.engine.containers(request.identity.project)}
        output = self.engine.client.containers.get(found[service].id).exec_run(list(command)).output
        return output.decode() if isinstance(output, bytes) else ""

    def remove_all(self) -> None:
        with ExitStack() as every:  # also those after one that cannot be removed
            for project in self.projects:
                every.callback(self._remove, project)

    def _remove(self, project: str) -> None:
        self.engine.remove(self.engine.holdings(project), gently=False)


@pytest.fixture(scope="session")
def engine() -> Iterator[Engine]:
    connected = Engine()
    yield connected
    connected.close()


@pytest.fixture(scope="session")
def base_image(engine: Engine) -> str:
    images = engine.client.images.list(name="floe-local/base")
    found = [tag for image in images for tag in image.tags]
    if not found:
        pytest.skip("the base image is not built: `floe-local images build`")
    return found[0]


@pytest.fixture
def stacks(engine: Engine, base_image: str) -> Iterator[Stacks]:
    made = Stacks(engine, base_image)
    yield made
    made.remove_all()
