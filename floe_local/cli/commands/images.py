"""images list, pull, build."""

from __future__ import annotations

from typing import TYPE_CHECKING

from floe_local.cli.output import write_json, write_table
from floe_local.cli.progress import reporter
from floe_local.cli.session import Session, where

if TYPE_CHECKING:
    from floe_local.operations.images import Action


def list_(session: Session) -> None:
    """Show which image each service would run, and where it comes from.

    Example: `floe-local images list`
    """
    _images(session, "list")


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


def _images(session: Session, action: Action) -> None:
    from floe_local.operations.images import images

    result = images(where(session), action, report=reporter(session))
    if session.json:
        return write_json(f"images {action}", result)
    rows = [
        (
            image.service,
            image.image.reference if image.image else "not here",
            image.image.origin if image.image else "",
            f"{image.size / 2**20:.0f} MiB" if image.size else "",
            image.wanted or "",
        )
        for image in result.images
    ]
    return write_table(("service", "image", "origin", "size", "upstream"), rows)
