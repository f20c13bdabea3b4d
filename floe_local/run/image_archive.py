"""Images in one file, for a machine that has neither a registry nor a compiler.

The file is what ``docker save`` writes, so that ``docker load`` takes it as well, with a member
of floe-local's own that says which image is which: `CONTENTS`.
"""

from __future__ import annotations

import io
import tarfile
from typing import TYPE_CHECKING

from pydantic import ValidationError

from floe_local.errors import InputError, MachineError
from floe_local.plan.values import Frozen, Origin
from floe_local.run.images import origin_of
from floe_local.run.progress import silent, timed

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from floe_local.run.engine import Engine
    from floe_local.run.progress import OnProgress

CONTENTS = "floe-local-images.json"


class ArchivedImage(Frozen):
    """An image in an archive: its name, the digest that is its id, and what it is."""

    reference: str
    digest: str
    origin: Origin


class ImageArchive(Frozen):
    """An archive of images. `size` is the file's, in bytes."""

    file: str
    size: int
    images: tuple[ArchivedImage, ...]


class _Contents(Frozen):
    images: tuple[ArchivedImage, ...]


def save_images(
    references: Sequence[str], file: Path, engine: Engine, report: OnProgress = silent
) -> ImageArchive:
    """Write images that the engine has into one file. It gets its name when it is whole.

    Raises:
        MachineError: ``image-missing``: the engine has no image of that name.
        OSError: the file cannot be written.
    """
    contents = _Contents(images=tuple(_describe(name, engine) for name in references))
    tell = timed(report, file.name)
    partial = file.with_name(f"{file.name}.part")
    try:
        with partial.open("wb") as target:
            written = 0
            for chunk in engine.export(references):
                target.write(chunk)
                written += len(chunk)
                tell("saving", f"{written // 10**6} MB")
        _append(partial, contents)
        partial.replace(file)
    finally:
        partial.unlink(missing_ok=True)
    tell("saved", str(file))
    return ImageArchive(file=str(file), size=file.stat().st_size, images=contents.images)


def load_images(file: Path, engine: Engine, report: OnProgress = silent) -> ImageArchive:
    """Give the engine the images of an archive.

    Raises:
        InputError: ``images-archive``: it is not an archive that `save_images` wrote.
        MachineError: ``images-archive``: the engine has other images than it should now.
        OSError: the file cannot be read.
    """
    contents = _read_contents(file)
    tell = timed(report, file.name)
    tell("loading", f"{len(contents.images)} images")
    with file.open("rb") as stream:
        engine.load(stream)
    for image in contents.images:
        found = engine.image(image.reference)
        if found is None or found.id != image.digest:
            there = found.id if found else "nothing"
            reason = f"{file}: {image.reference} should be {image.digest}, the engine has {there}"
            raise MachineError("images-archive", reason, "Save the images again.")
    tell("loaded", str(file))
    return ImageArchive(file=str(file), size=file.stat().st_size, images=contents.images)


def _describe(reference: str, engine: Engine) -> ArchivedImage:
    image = engine.image(reference)
    if image is None:
        hint = "`floe-local images get` gets what is missing."
        raise MachineError("image-missing", f"the engine has no image {reference}", hint)
    return ArchivedImage(reference=reference, digest=image.id, origin=origin_of(image.labels))


def _append(archive: Path, contents: _Contents) -> None:
    text = contents.model_dump_json(indent=2).encode()
    member = tarfile.TarInfo(CONTENTS)
    member.size = len(text)
    with tarfile.open(archive, "a") as tar:
        tar.addfile(member, io.BytesIO(text))


def _read_contents(file: Path) -> _Contents:
    try:
        with tarfile.open(file, "r:") as tar:
            member = tar.extractfile(CONTENTS)
            return _Contents.model_validate_json(member.read() if member else b"")
    except (tarfile.TarError, KeyError, ValidationError) as error:
        reason = f"{file} is not an archive of floe-local's images"
        hint = "`floe-local images save images.tar` writes one."
        raise InputError("images-archive", reason, hint) from error
