"""images list, get, pull, build, save, load."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from floe_local.cli.output import write_json, write_table
from floe_local.cli.progress import progress
from floe_local.cli.session import BuildOption, Session, where

if TYPE_CHECKING:
    from floe_local.operations.images import Action
    from floe_local.run.image_archive import ImageArchive


def list_(session: Session) -> None:
    """Show which image each service would run, and where it comes from.

    Example: `floe-local images list`
    """
    _images(session, "list")


def get(session: Session, *, build: BuildOption = None) -> None:
    """Get every image as `up` does: what is here stays, else it is pulled, else built.

    Example: `floe-local images get --build`
    """
    _images(session, "get", build=build)


def pull(session: Session) -> None:
    """Pull the upstream images.

    Example: `floe-local images pull`
    """
    _images(session, "pull")


def build(session: Session) -> None:
    """Build the images from packages; what is built already is left alone.

    Example: `floe-local images build`
    """
    _images(session, "build")


def save(session: Session, file: Annotated[Path, typer.Argument(help="Where to.")]) -> None:
    """Write the stack's images into one file, for a machine without registry and compiler.

    Example: `floe-local images save images.tar`
    """
    from floe_local.operations import images

    with progress(session) as display:
        archive = images.save(where(session), file, report=display)
    _archive(session, "save", archive)


def load(session: Session, file: Annotated[Path, typer.Argument(help="What to read.")]) -> None:
    """Give the engine the images of a file that `images save` wrote.

    Example: `floe-local images load images.tar`
    """
    from floe_local.operations import images

    with progress(session) as display:
        archive = images.load(file, report=display)
    _archive(session, "load", archive)


def _archive(session: Session, action: str, archive: ImageArchive) -> None:
    if session.json:
        return write_json(f"images {action}", archive)
    rows = [(image.reference, image.origin, image.digest) for image in archive.images]
    return write_table(("image", "origin", "digest"), rows)


def _images(session: Session, action: Action, *, build: bool | None = None) -> None:
    from floe_local.cli.commands.stack import policy
    from floe_local.operations.images import images

    with progress(session) as display:
        asked = policy(build=build, display=display) if action == "get" else None
        result = images(where(session), action, policy=asked, report=display)
    if session.json:
        return write_json(f"images {action}", result)
    rows = [
        (
            image.service,
            image.image.origin if image.image else "not here",
            f"{image.size / 2**20:.0f} MiB" if image.size else "",
            image.image.reference if image.image else "",
            image.wanted or "",
            image.differs,
        )
        for image in result.images
    ]
    headings = ("service", "origin", "size", "image", "upstream", "differs")
    return write_table(headings, rows, folding=3)
