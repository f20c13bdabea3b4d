"""`images list`, `get`, `pull`, `build`, `save`, `load`: the images of a stack's services."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from floe_local.operations.request import request_stack
from floe_local.plan.values import Frozen
from floe_local.run.engine import Engine
from floe_local.run.image_archive import ImageArchive, load_images, save_images
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
    from pathlib import Path

    from floe_local.operations.stacks import Where
    from floe_local.plan.stack.model import ImageNeed
    from floe_local.run.progress import OnProgress

Action = Literal["list", "get", "pull", "build"]


class ImageList(Frozen):
    """What is here for each service of the stack."""

    images: tuple[ImageStatus, ...] = ()


def images(
    where: Where,
    action: Action = "list",
    *,
    policy: Policy | None = None,
    report: OnProgress = silent,
) -> ImageList:
    """Look at, get (as `up` does), pull or build the images that the manifest's stack needs.

    Raises:
        InputError: the manifest, a plugin, a blueprint or a recipe is wrong.
        MachineError: no engine; an image cannot be pulled or built.
    """
    needs, policy = _needs(where, policy)
    engine = Engine()
    if action == "get":
        resolve(needs, policy, engine, report)
    if action == "pull":
        return ImageList(images=pull_images(needs, policy, engine, report))
    if action == "build":
        return ImageList(images=build_images(needs, policy, engine, report))
    return ImageList(images=list_images(needs, policy, engine))


def save(where: Where, file: Path, *, report: OnProgress = silent) -> ImageArchive:
    """Write the images that the manifest's stack would run into one file.

    Raises:
        InputError: the manifest, a plugin, a blueprint or a recipe is wrong.
        MachineError: no engine; an image is not here (``image-missing``).
    """
    needs, policy = _needs(where, None)
    engine = Engine()
    listed = list_images(needs, policy, engine)
    names = [one.image.reference if one.image else one.recipe or one.wanted or "" for one in listed]
    return save_images(list(dict.fromkeys(names)), file, engine, report)


def load(file: Path, *, report: OnProgress = silent) -> ImageArchive:
    """Give the engine the images of a file that `save` wrote.

    Raises:
        InputError: it is not such a file.
        MachineError: no engine.
    """
    return load_images(file, Engine(), report)


def _needs(where: Where, policy: Policy | None) -> tuple[tuple[ImageNeed, ...], Policy]:
    request = request_stack(where)
    given = policy or Policy()
    return request.image_needs, given.model_copy(update={"registry": request.local.registry})
