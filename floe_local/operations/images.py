"""`images list`, `get`, `pull`, `build`: the images of a stack's services."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from floe_local.operations.planning import request_stack
from floe_local.plan.values import Frozen
from floe_local.run.docker_client import connect
from floe_local.run.images import (
    ImageStatus,
    Policy,
    build_images,
    list_images,
    pull_images,
    resolve,
)
from floe_local.run.progress import silent

if TYPE_CHECKING:
    from floe_local.operations.request import Where
    from floe_local.run.progress import Report

Action = Literal["list", "get", "pull", "build"]


class ImageList(Frozen):
    """What is here for each service of the stack."""

    images: tuple[ImageStatus, ...] = ()


def images(
    where: Where,
    action: Action = "list",
    *,
    policy: Policy | None = None,
    report: Report = silent,
) -> ImageList:
    """Look at, get (as `up` does), pull or build the images that the manifest's stack needs.

    Raises:
        InputError: the manifest, a plugin, a blueprint or a recipe is wrong.
        MachineError: no engine; an image cannot be pulled or built.
    """
    request = request_stack(where)
    needs = request.image_needs
    policy = (policy or Policy()).model_copy(update={"registry": request.registry})
    client = connect()
    if action == "get":
        resolve(needs, policy, client, report)
    if action == "pull":
        return ImageList(images=pull_images(needs, policy, client, report))
    if action == "build":
        return ImageList(images=build_images(needs, policy, client, report))
    return ImageList(images=list_images(needs, policy, client))
