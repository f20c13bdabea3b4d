"""images list, get, pull, build."""

from __future__ import annotations

from typing import TYPE_CHECKING

from floe_local.cli.output import write_json, write_table
from floe_local.cli.progress import reporter
from floe_local.cli.session import Build, Session, where

if TYPE_CHECKING:
    from floe_local.operations.images import Action
    from floe_local.run.images import Policy


def list_(session: Session) -> None:
    """Show which image each service would run, and where it comes from.

    Example: `floe-local images list`
    """
    _images(session, "list")


def get(session: Session, *, build: Build = None) -> None:
    """Get every image as `up` does: what is here stays, else it is pulled, else built.

    Example: `floe-local images get --build`
    """
    from floe_local.cli.commands.stack import policy

    _images(session, "get", policy(build=build))


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


def _images(session: Session, action: Action, policy: Policy | None = None) -> None:
    from floe_local.operations.images import images

    result = images(where(session), action, policy=policy, report=reporter(session))
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
