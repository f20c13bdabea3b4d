"""`up`: a manifest → a running stack."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from floe_local.operations.bring_up import UpResult, bring_up
from floe_local.operations.planning import differing_ports, identity_of, manifest_of, request_of
from floe_local.operations.request import UpSettings, Where
from floe_local.plan.env_refs import missing, unset
from floe_local.plan.manifest.reader import check_variables
from floe_local.run.progress import Progress, silent

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from floe_local.operations.bring_up import ImageResolver
    from floe_local.operations.request import StackRequest
    from floe_local.plan.stack.model import ImageNeed, ResolvedImage
    from floe_local.run.engine import Engine
    from floe_local.run.images import Policy
    from floe_local.run.progress import Report


def up(
    where: Where,
    settings: UpSettings | None = None,
    *,
    policy: Policy | None = None,
    report: Report = silent,
) -> UpResult:
    """Bring the stack of a manifest up, and wait until it is ready.

    Args:
        where: which stack.
        settings: how; None: as usual.
        policy: what may be done to get an image; None: what is here, or can be pulled.
        report: told what happens.

    Raises:
        InputError: the stack's name, the manifest, a plugin or a blueprint is wrong; a
            variable is not set.
        MachineError: no engine, no Compose, no image, a taken port, an unreadable volume.
        NotReadyError: a service did not become ready.
    """
    identity_of(where)  # what names no stack is said without an engine
    with ThreadPoolExecutor(max_workers=1) as pool:
        connecting = pool.submit(_connect)  # while the plugins are asked
        manifest = manifest_of(where)
        check_variables(manifest, os.environ)
        request = request_of(manifest, where.stack, live=where.live)
        refuse_unset(request, os.environ)
        for warning in differing_ports(request.compiled):  # before a wait that it may explain
            report(Progress(subject="warning", phase=warning))
        engine = connecting.result()
    return bring_up(
        request,
        settings or UpSettings(),
        engine=engine,
        resolve=_resolver(request, policy, engine, report),
        report=report,
    )


def _connect() -> Engine:
    """Connect, with the docker SDK, which is slow to load."""
    from floe_local.run.engine import Engine  # noqa: PLC0415

    return Engine()


def refuse_unset(request: StackRequest, environ: Mapping[str, str]) -> None:
    """Refuse a stack whose configs refer to variables that are not set.

    Raises:
        InputError: names them (``variable-unset``).
    """
    configs = {
        "the Collector's config": request.compiled.otlp_collector_config,
        "the OpenLineage transport": request.compiled.openlineage_config,
    }
    for where, config in configs.items():
        if lacking := missing(config, environ):
            raise unset(lacking, where)
    for part in request.parts if request.live else ():
        wanted = part.blueprint.live.environment.items()
        unset_ones = [n for n, need in wanted if need == "required" and not environ.get(n)]
        if unset_ones:
            raise unset(unset_ones, f"the backend '{part.blueprint.name}'")


def _resolver(
    request: StackRequest, policy: Policy | None, engine: Engine, report: Report
) -> ImageResolver:
    """Find images as the policy says, through the manifest's mirror."""
    from floe_local.run.images import Policy, resolve  # noqa: PLC0415 - not at import time

    asked = policy or Policy()
    mirrored = asked.model_copy(update={"registry": asked.registry or request.registry})

    def resolved(needs: Sequence[ImageNeed]) -> Mapping[str, ResolvedImage]:
        return resolve(needs, mirrored, engine.client, report)

    return resolved
