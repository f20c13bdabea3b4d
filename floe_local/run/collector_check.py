"""A Collector config, judged by the real Collector: started once, or ``otelcol validate``.

By the Collector's image, if the engine has it, else by the binary on PATH, which is asked for a
dry run only. Nothing is pulled or built, and the container has no network.
"""

from __future__ import annotations

import shutil
from contextlib import closing
from itertools import repeat
from typing import TYPE_CHECKING, Any, Literal

from floe_local.errors import FloeError
from floe_local.plan.manifest.model import LocalSettings
from floe_local.plan.stack.requirements import image_needs
from floe_local.plan.values import Frozen, Origin
from floe_local.run.images import Policy, list_images
from floe_local.run.process import run
from floe_local.until import until

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from floe_local.plan.blueprint.model import LocatedBlueprint, Service
    from floe_local.plan.stack.model import ResolvedImage
    from floe_local.run.engine import Engine, IsolatedContainer
    from floe_local.run.images import ImageStatus

BINARIES = ("otelcol-contrib", "otelcol")
VARIABLE = "FLOE_LOCAL_COLLECTOR_CONFIG"
ARGUMENTS = ("validate", f"--config=env:{VARIABLE}")
"""The config goes in as a variable: an engine elsewhere cannot mount files from here."""

COMMAND = (f"--config=env:{VARIABLE}",)

DEADLINE_S = 30
_LOOK_S = 0.1
_STARTED = "Everything is ready."
"""What the Collector logs once all of its components have started."""

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
        engine = _connect()
    except FloeError as error:
        return _skipped(f"no otelcol is on PATH, and {error.reason}")
    with closing(engine):
        status = _image(engine, config, collector)
        if status.image is None:
            return _skipped(f"no otelcol is on PATH, and {status.wanted} is not on the engine")
        (service,) = collector.blueprint.services.values()
        return _ran(engine, status.image, ARGUMENTS, given, service)


def start_config(
    config: Mapping[str, Any], environment: Mapping[str, str], collector: LocatedBlueprint
) -> CollectorVerdict:
    """Start the Collector once on a config, as a stack does, and stop it once it is ready.

    Where the engine or the image is missing, `validate_config` judges instead; a binary on
    PATH that refuses the config is believed.

    Args:
        config: a whole one.
        environment: for the ``${env:NAME}`` in it.
        collector: the Collector's blueprint: how its container is run.
    """
    import yaml  # noqa: PLC0415 - not for those who are skipped

    text = yaml.safe_dump(dict(config), sort_keys=False, allow_unicode=True)
    if any(map(shutil.which, BINARIES)):
        verdict = validate_config(config, environment, collector)
        if verdict.status == "refused":
            return verdict
    try:
        engine = _connect()
    except FloeError:
        return validate_config(config, environment, collector)
    with closing(engine):
        image = _image(engine, config, collector).image
        if image is None:
            return validate_config(config, environment, collector)
        (service,) = collector.blueprint.services.values()
        return _ran(engine, image, COMMAND, {**environment, VARIABLE: text}, service)


def _connect() -> Engine:
    from floe_local.run.engine import Engine  # noqa: PLC0415 - the SDK is slow to load

    return Engine()


def _ran(
    engine: Engine,
    image: ResolvedImage,
    command: Sequence[str],
    environment: Mapping[str, str],
    service: Service,
) -> CollectorVerdict:
    """Run the Collector as the stack does, without a network, and with its volumes in memory."""
    in_memory = dict.fromkeys((*service.volumes.values(), *service.tmpfs), "")
    with engine.isolated(
        image.reference,
        command,
        environment=dict(environment),
        user=service.user,
        tmpfs=in_memory,
    ) as container:
        code = _code(container, stays=command == COMMAND)
        printed = container.output
    return _verdict(code, printed, image.reference, is_partial=image.origin is not Origin.UPSTREAM)


def _code(container: IsolatedContainer, *, stays: bool) -> int:
    """0 once the Collector is ready; else what it ended with, 1 where it should stay or is late."""

    def code() -> int | None:
        ended = container.exit_code
        if ended is not None:
            return ended or int(stays)
        return 0 if _STARTED in container.output else None

    found = until(code, DEADLINE_S, repeat(_LOOK_S), done=lambda code: code is not None)
    return 1 if found is None else found


def _image(engine: Engine, config: Mapping[str, Any], collector: LocatedBlueprint) -> ImageStatus:
    """The image that a stack with this config would run, where it is on the engine."""
    needs = image_needs((collector,), LocalSettings(), config)
    return list_images(needs, Policy(pull=False), engine)[0]


def _verdict(code: int, printed: str, by: str, *, is_partial: bool) -> CollectorVerdict:
    if code == 0:
        return CollectorVerdict(status="valid", by=by)
    lines = [line.strip() for line in printed.splitlines() if line.strip()]
    reason = " ".join(_error_lines(_without_banner(lines)))
    if is_partial and _NO_SUCH_COMPONENT in reason:
        return _skipped(f"{by} was built without a component that the config uses: {reason}")
    return CollectorVerdict(status="refused", by=by, reason=reason)


def _without_banner(lines: Sequence[str]) -> list[str]:
    return [line for line in lines if not line.startswith(("Usage:", "Flags:", "-"))]


def _error_lines(lines: Sequence[str]) -> list[str]:
    """The error that the command ends with, which may have several lines; else the last ones."""
    starts = [index for index, line in enumerate(lines) if line.startswith("Error:")]
    return list(lines[starts[-1] :] if starts else lines)[-_LAST_LINES:]


def _skipped(reason: str) -> CollectorVerdict:
    return CollectorVerdict(status="skipped", reason=reason)
