"""FloeLocal: the stack of a manifest as a testcontainers environment."""

from __future__ import annotations

import os
import tempfile
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Literal, cast

from testcontainers.compose import DockerCompose

from floe_local.errors import InputError
from floe_local.operations.down import down as take_down
from floe_local.operations.request import UpSettings
from floe_local.operations.show import env, urls
from floe_local.operations.smoke_test import find_targets, smoke_test
from floe_local.operations.stacks import Where, identity_of
from floe_local.operations.up import up
from floe_local.plan.values import Kind
from floe_local.prove.targets import SmokeOptions
from floe_local.prove.waiting import wait_for_run, wait_for_span
from floe_local.run.compose_cli import find_compose
from floe_local.run.images import Policy
from floe_local.run.workspace import Workspace
from floe_local.testing.capture import Capture

if TYPE_CHECKING:
    from typing import Any

    from floe_local.operations.up import UpResult
    from floe_local.plan.values import OtlpProtocol
    from floe_local.prove.report import Report
    from floe_local.prove.targets import BackendTarget, Targets

Build = Literal["always", "never"]
BUILD_VARIABLE = "FLOE_LOCAL_BUILD"
"""Set to ``always``, images that cannot be pulled are built; no test has to say so itself."""


class FloeLocal(DockerCompose):
    """The stack of a manifest, up as long as the ``with`` block lasts.

    Start and stop go through the same operations as the command line: the same readiness,
    deadline and hints. Ports are free ones and the stack's name is its own, so that several
    run side by side. Whatever happens, the stack is gone afterwards, its data too.

    Args:
        manifest: the manifest; None: the reference pair.
        environment: ``<folder>/<environment>/manifest.yaml``, as ``--env``.
        stack: a name, instead of one made up.
        build: ``always`` builds images that cannot be pulled; None: as $FLOE_LOCAL_BUILD says.
        deadline_s: seconds until all must be ready; None: the manifest's.
        live: backends that run elsewhere are used for real, not played by the sandbox.

    Example:
        >>> with FloeLocal("manifest.yaml") as stack:  # doctest: +SKIP
        ...     run_my_pipeline(env=stack.env())
        ...     stack.wait_for_run("0190f3c2-7d3a-7000-8000-000000000001", state="COMPLETED")
    """

    def __init__(
        self,
        manifest: str | os.PathLike[str] | None = None,
        *,
        environment: str | None = None,
        stack: str | None = None,
        build: Build | None = None,
        deadline_s: float | None = None,
        live: bool = False,
    ) -> None:
        self._scratch = None if manifest else tempfile.TemporaryDirectory(prefix="floe-local-")
        folder = Path(self._scratch.name) if self._scratch else None
        self.where = Where(
            manifest=Path(manifest).absolute() if manifest else None,
            environment=environment,
            stack=stack or f"test-{uuid.uuid4().hex[:8]}",
            folder=folder,
            live=live,
        )
        self._policy = Policy(build=build or cast("Build", os.environ.get(BUILD_VARIABLE, "ask")))
        self._settings = UpSettings(free_ports=True, deadline_s=deadline_s)
        self.result: UpResult | None = None
        workspace = Workspace(identity_of(self.where))
        super().__init__(
            context=workspace.folder, compose_file_name=str(workspace.compose_file), wait=False
        )

    @property
    def compose_command_property(self) -> list[str]:
        """Compose as floe-local found it: `docker compose` may not know it."""
        return [find_compose(), "-f", *cast("list[str]", self.compose_file_name)]

    def start(self) -> None:
        """Bring the stack up; it is ready when this returns.

        Raises:
            InputError: the manifest, a plugin or a blueprint is wrong.
            MachineError: no engine, no image.
            NotReadyError: a service did not become ready.
        """
        self.result = up(self.where, self._settings, policy=self._policy)

    def stop(self, down: bool = True) -> None:  # noqa: FBT001, FBT002 - the base's signature
        """Remove the stack; `down` says whether its data goes, too."""
        take_down(self.where, volumes=down)
        if self._scratch:
            self._scratch.cleanup()

    @property
    def network(self) -> str:
        """The network that other containers join to reach the stack by service name."""
        return urls(self.where).network

    @property
    def endpoints(self) -> dict[str, str]:
        """Where the host reaches each endpoint, by ``service.endpoint``."""
        return {f"{row.service}.{row.endpoint}": row.url for row in urls(self.where).urls}

    def env(
        self, *, container: bool = False, protocol: OtlpProtocol | None = None
    ) -> dict[str, str]:
        """What a pipeline's environment needs, credentials resolved.

        Args:
            container: for pipelines in containers that join `network`.
            protocol: how OTLP travels; None: as the manifest says.
        """
        found = env(self.where, "json", container=container, protocol=protocol, show_secrets=True)
        return found.variables

    def capture(self) -> Capture:
        """Take what is sent, on its way to the stack; leave by `with`."""
        return Capture(self.where)

    @property
    def targets(self) -> Targets:
        """Where a smoke test sends and reads."""
        return find_targets(self.where)

    def smoke_test(self, **options: Any) -> Report:
        """Prove that every backend receives; `options` are those of `SmokeOptions`."""
        return smoke_test(self.where, SmokeOptions(**options))

    def wait_for_span(
        self,
        trace_id: str,
        *,
        name: str | None = None,
        span_id: str | None = None,
        backend: str | None = None,
        deadline_s: float = 30.0,
    ) -> dict[str, Any]:
        """Wait until the telemetry backend shows a span; `waiting.wait_for_span` has the shapes.

        Raises:
            CheckFailedError: it did not show it in time.
        """
        target = self._backend(Kind.TELEMETRY, backend)
        return wait_for_span(target, trace_id, name=name, span_id=span_id, deadline=deadline_s)

    def wait_for_run(
        self,
        run_id: str,
        *,
        state: str | None = None,
        backend: str | None = None,
        deadline_s: float = 30.0,
    ) -> dict[str, Any]:
        """Wait until the lineage backend shows a run; `waiting.wait_for_run` has the shapes.

        Raises:
            CheckFailedError: it did not show it, in that state, in time.
        """
        target = self._backend(Kind.LINEAGE, backend)
        return wait_for_run(target, run_id, state=state, deadline=deadline_s)

    def _backend(self, kind: Kind, name: str | None) -> BackendTarget:
        """The backend of that name; None: the first of its kind."""
        for target in self.targets.backends:
            if target.kind is kind and name in (None, target.name):
                return target
        raise InputError(
            "no-backend",
            f"the stack has no {kind} backend{f' {name!r}' if name else ''}",
            "name one in the manifest, under plugins",
        )
