"""Stacks: which one is meant, what is known of it, and its services as rows."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from floe_local.errors import MachineError
from floe_local.plan.manifest.files import find_manifest
from floe_local.plan.stack.addresses import endpoint_url
from floe_local.plan.stack.model import identify
from floe_local.plan.stack.rivals import rival_files, rivals
from floe_local.plan.values import Frozen, Origin, Signal
from floe_local.run.workspace import Workspace

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from floe_local.plan.stack.model import StackIdentity, StackPlan, StackService
    from floe_local.run.engine import Engine


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


class StackFiles(NamedTuple):
    """A stack: its identity, and its files."""

    identity: StackIdentity
    workspace: Workspace


def identity_of(where: Where) -> StackIdentity:
    """Which stack is meant. The manifest is not read: a broken one must not keep `down` from working.

    Raises:
        InputError: there is no such manifest (``manifest-missing``): a typing error never
            means another folder's stack; the stack's name is not valid (``stack-name``).
        MachineError: the folder's name cannot be used (``folder-name``).
    """
    root = find_manifest(where.manifest, where.environment, where.folder).root
    return identify(root, where.stack)


def find_stack(where: Where) -> StackFiles:
    """The stack that is meant, by its folder and name.

    Raises:
        InputError: no stack is meant: there is no such manifest, or the name is none.
    """
    identity = identity_of(where)
    return StackFiles(identity, Workspace(identity))


def find_planned(where: Where) -> tuple[StackPlan, Workspace]:
    """The stack that is meant, as it was planned.

    Raises:
        MachineError: it was never brought up from here (``stack-unknown``), or its plan
            cannot be read (``stack-file``).
    """
    found = find_stack(where)
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


def resolve_project(engine: Engine, where: Where) -> str:
    """The project of the stack that is meant, also when its folder is gone.

    ``--stack`` may be a whole project's name, as ``list`` shows it; beside ``--manifest``,
    which names the folder, only of a project of that folder (`identify` knows those).
    """
    project = identity_of(where).project
    anywhere = where.stack if where.manifest is None else None
    if anywhere and not engine.holdings(project) and engine.holdings(anywhere):
        return anywhere
    return project


class ServiceRow(Frozen):
    """A service. `urls` are the host's, by endpoint; `ui` is the one to open in a browser.

    `state` is ``ready``, ``not ready``, ``down``, or the engine's word for the container.
    `seconds` is how long it took to become ready.
    """

    service: str
    backend: str
    image: str
    origin: Origin | None = None
    how: str = ""
    state: str = "down"
    detail: str = ""
    seconds: float | None = None
    urls: dict[str, str] = {}
    ui: str | None = None


def service_rows(
    plan: StackPlan,
    states: Mapping[str, str],
    *,
    details: Mapping[str, str] | None = None,
    seconds: Mapping[str, float] | None = None,
) -> tuple[ServiceRow, ...]:
    """A row for each service of a plan, with what is known by service."""
    return tuple(
        ServiceRow(
            service=service.name,
            backend=service.backend,
            image=service.image.reference,
            origin=service.image.origin,
            how=service.image.how,
            state=states.get(service.name, "down"),
            detail=(details or {}).get(service.name, ""),
            seconds=(seconds or {}).get(service.name),
            urls=service_urls(plan, service),
            ui=next((_url(plan, service, e.name) for e in service.endpoints if e.ui), None),
        )
        for service in plan.services
    )


def service_urls(plan: StackPlan, service: StackService) -> dict[str, str]:
    """Where the host reaches the endpoints of a service, by endpoint, with their paths."""
    return {e.name: _url(plan, service, e.name) + e.path.rstrip("/") for e in service.endpoints}


def _url(plan: StackPlan, service: StackService, endpoint: str) -> str:
    return endpoint_url(plan, service.name, endpoint, "host") or ""


def rivals_of(
    plan: StackPlan, variables: Mapping[str, str], environ: Mapping[str, str]
) -> tuple[str, ...]:
    """What of the user's own would win over `variables` in a pipeline that starts here."""
    signals = tuple(dict.fromkeys(s for backend in plan.backends for s in backend.exporters))
    return rivals_among(variables, environ, signals)


def rivals_among(
    variables: Mapping[str, str],
    environ: Mapping[str, str],
    signals: Iterable[Signal] = tuple(Signal),
) -> tuple[str, ...]:
    """What of the user's own would win over `variables`, for these signals."""
    files = {}
    for path in rival_files(environ, Path.cwd()):
        with suppress(OSError, UnicodeDecodeError):
            files[str(path)] = path.read_text("utf-8")
    return rivals(environ, files, variables, signals)
