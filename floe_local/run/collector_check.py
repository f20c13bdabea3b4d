"""A Collector config, judged by the real Collector: ``otelcol validate``, a dry run.

By the binary on PATH, else by the Collector's image, if the engine has it. Nothing is pulled
or built, and the container has no network.
"""

from __future__ import annotations

import shutil
from contextlib import closing
from typing import TYPE_CHECKING, Any, Literal

from floe_local.errors import FloeError
from floe_local.plan.stack.parts import image_needs
from floe_local.plan.values import Frozen, Origin
from floe_local.run.docker_client import connect
from floe_local.run.images import Policy, list_images
from floe_local.run.process import run

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import docker

    from floe_local.plan.blueprint.model import LocatedBlueprint
    from floe_local.plan.stack.model import ResolvedImage
    from floe_local.run.images import ImageStatus

BINARIES = ("otelcol-contrib", "otelcol")
VARIABLE = "FLOE_LOCAL_COLLECTOR_CONFIG"
ARGUMENTS = ("validate", f"--config=env:{VARIABLE}")
"""The config goes in as a variable: an engine elsewhere cannot mount files from here."""

DEADLINE_S = 30
_LAST_LINES = 4
_NO_SUCH_COMPONENT = "unknown type:"


class CollectorVerdict(Frozen):
    """What the Collector says of a config; `by` is which Collector it was."""

    status: Literal["valid", "refused", "skipped"]
    by: str = ""
    reason: str = ""


def validate_config(
    config: Mapping[str, Any], environment: Mapping[str, str], collector: LocatedBlueprint
) -> CollectorVerdict:
    """Ask the Collector whether it would run a config.

    Args:
        config: a whole one.
        environment: for the ``${env:NAME}`` in it.
        collector: the Collector's blueprint; its one image is what is looked for.

    Raises:
        MachineError: the Collector did not come to an end.
    """
    import yaml  # noqa: PLC0415 - not for those who are skipped

    given = {**environment, VARIABLE: yaml.safe_dump(dict(config), sort_keys=False)}
    binary = next(filter(None, map(shutil.which, BINARIES)), None)
    if binary:
        done = run([binary, *ARGUMENTS], env=given, timeout_s=DEADLINE_S, check=False)
        return _verdict(done.returncode, done.output, binary, is_partial=False)
    try:
        client = connect()
    except FloeError as error:
        return _skipped(f"no otelcol is on PATH, and {error.reason}")
    with closing(client):
        needs = image_needs((collector,), {}, collector_config=config)
        return _in_container(client, given, list_images(needs, Policy(pull=False), client)[0])


def _in_container(
    client: docker.DockerClient, environment: Mapping[str, str], status: ImageStatus
) -> CollectorVerdict:
    if status.image is None:
        return _skipped(f"no otelcol is on PATH, and {status.wanted} is not on the engine")
    container = client.containers.create(
        status.image.reference,
        list(ARGUMENTS),
        environment=dict(environment),
        network_mode="none",
        cap_drop=["ALL"],
        read_only=True,
    )
    try:
        container.start()
        code = container.wait(timeout=DEADLINE_S)["StatusCode"]
        printed = container.logs().decode("utf-8", "replace")
    finally:
        container.remove(force=True)
    return _verdict(code, printed, status.image.reference, is_partial=_is_partial(status.image))


def _is_partial(image: ResolvedImage) -> bool:
    """Whether it may lack components of the upstream Collector, as one that was built here may."""
    return image.origin is not Origin.UPSTREAM


def _verdict(code: int, printed: str, by: str, *, is_partial: bool) -> CollectorVerdict:
    if code == 0:
        return CollectorVerdict(status="valid", by=by)
    lines = [line.strip() for line in printed.splitlines() if line.strip()]
    reason = " ".join(_without_banner(lines)[-_LAST_LINES:])
    if is_partial and _NO_SUCH_COMPONENT in reason:
        return _skipped(f"{by} was built without a component that the config uses: {reason}")
    return CollectorVerdict(status="refused", by=by, reason=reason)


def _without_banner(lines: Sequence[str]) -> list[str]:
    return [line for line in lines if not line.startswith(("Usage:", "Flags:", "-"))]


def _skipped(reason: str) -> CollectorVerdict:
    return CollectorVerdict(status="skipped", reason=reason)
