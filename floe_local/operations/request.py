"""What is asked for: which stack, made of what, brought up how."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from floe_local.plan.artifacts import Compiled
from floe_local.plan.blueprint.model import LocatedBlueprint
from floe_local.plan.stack.model import ImageNeed, StackIdentity
from floe_local.plan.stack.parts import image_needs
from floe_local.plan.values import Frozen, OtlpProtocol

if TYPE_CHECKING:
    from collections.abc import Mapping

    from floe_local.plan.stack.model import StackPlan
    from floe_local.run.engine import Engine, Holdings
    from floe_local.run.workspace import Workspace


class Where(Frozen):
    """Which stack: the command line's ``--manifest``, ``--env`` and ``--stack``.

    `folder` is the project's folder; None: the current one. `live`: backends that run
    elsewhere are used for real, not played by the sandbox.
    """

    manifest: Path | None = None
    environment: str | None = None
    stack: str | None = None
    folder: Path | None = None
    live: bool = False


class UpSettings(Frozen):
    """How to bring a stack up.

    `free_ports` ignores preferred ports; `strict_ports` takes no others; `retain` leaves a failed stack as it is;
    `deadline_s` overrides the manifest's.
    """

    free_ports: bool = False
    strict_ports: bool = False
    retain: bool = False
    deadline_s: float | None = None


class StackRequest(Frozen):
    """A stack to be brought up: compiled, with its blueprints and the manifest's wishes.

    `images` are references by service; `ports` host ports by ``service.endpoint`` or by
    endpoint; `optional` names optional services to run; `registry` goes before the names of
    upstream images. `live` is as in `Where`. `otlp_protocol` is what pipelines speak.
    """

    identity: StackIdentity
    compiled: Compiled
    parts: tuple[LocatedBlueprint, ...]
    images: dict[str, str] = {}
    registry: str | None = None
    ports: dict[str, int] = {}
    optional: tuple[str, ...] = ()
    deadline_s: float = 120.0
    warnings: tuple[str, ...] = ()
    live: bool = False
    otlp_protocol: OtlpProtocol = "grpc"

    @property
    def image_needs(self) -> tuple[ImageNeed, ...]:
        """The image that each service needs, with what the compiled config asks of it."""
        config = self.compiled.otlp_collector_config
        return image_needs(self.parts, self.images, self.optional, config)


class Site(NamedTuple):
    """Where a stack is put up, and what was there before.

    `previous` is the plan of what was there, None also where another version wrote it;
    `files` are its files as they were.
    """

    engine: Engine
    workspace: Workspace
    previous: StackPlan | None
    before: Holdings
    files: Mapping[Path, bytes]
