"""Volumes, stamped when they are made with what their contents depend on.

A volume's labels never change afterwards: Compose would offer to make it anew. So a volume
is made here, before Compose runs, with labels that the compose file does not mention
(docs/decisions/0007-a-volume-is-stamped-when-it-is-made.md).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from floe_local.errors import MachineError
from floe_local.plan.stack.model import STACK_LABEL
from floe_local.run.workspace import fingerprint

if TYPE_CHECKING:
    from collections.abc import Mapping

    from floe_local.plan.stack.model import StackPlan, StackVolume
    from floe_local.run.engine import Engine
    from floe_local.run.holdings import Volume

WRITTEN_BY = "dev.floe.local.written-by"
DATA_VERSION = "dev.floe.local.data-version"
PASSWORDS = "dev.floe.local.passwords"


def prepare_volumes(plan: StackPlan, engine: Engine, passwords: Mapping[str, str]) -> None:
    """Make the volumes that are missing; refuse those that the stack could not read.

    Args:
        plan: the stack.
        engine: where the volumes are.
        passwords: the generated passwords, by variable.

    Raises:
        MachineError: a volume holds another data format (``volume-version``), or was written
            with a password that is lost (``volume-password``).
    """
    stamps = {v.name: _stamp(v, plan, engine, passwords) for v in plan.volumes}
    found = {v.name: engine.volume(v.name) for v in plan.volumes}
    for volume in found.values():
        if volume:
            _refuse_unreadable(volume, stamps[volume.name])
    for wanted in plan.volumes:
        if found[wanted.name] is None:
            engine.create_volume(wanted.name, _labels(wanted, plan) | stamps[wanted.name])


def _labels(volume: StackVolume, plan: StackPlan) -> dict[str, str]:
    """What Compose puts on a volume of its own, but for the hash that makes it compare."""
    return {
        STACK_LABEL: plan.project,
        "com.docker.compose.project": plan.project,
        "com.docker.compose.volume": volume.key,
    }


def _stamp(
    volume: StackVolume, plan: StackPlan, engine: Engine, passwords: Mapping[str, str]
) -> dict[str, str]:
    service = plan.service(volume.service)
    if service is None:
        return {}
    stamp = {WRITTEN_BY: service.image.reference}
    if volume.data_version:
        version = engine.image_environment(service.image.reference).get(volume.data_version)
        stamp |= {DATA_VERSION: version} if version else {}
    if volume.secrets:
        stamp |= {PASSWORDS: fingerprint(passwords, volume.secrets)}
    return stamp


def _refuse_unreadable(volume: Volume, stamp: Mapping[str, str]) -> None:
    """A volume without a stamp was made by plain Compose: nothing is known against it."""
    was, now = volume.labels.get(DATA_VERSION), stamp.get(DATA_VERSION)
    if was and now and was != now:
        writer = volume.labels.get(WRITTEN_BY, "another image")
        raise MachineError(
            "volume-version",
            f"volume {volume.name} holds data of version {was}, written by {writer}; "
            f"{stamp[WRITTEN_BY]} is version {now} and cannot read it",
            f"go on with {writer} (local.images in the manifest), or give the data up with "
            "`floe-local down --volumes`",
        )
    if volume.labels.get(PASSWORDS, stamp.get(PASSWORDS)) != stamp.get(PASSWORDS):
        raise MachineError(
            "volume-password",
            f"volume {volume.name} was made with a password that is not in the stack's .env "
            "any more",
            "restore .floe-local/<stack>/.env, or give the data up with "
            "`floe-local down --volumes`",
        )
