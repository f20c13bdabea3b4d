"""What a stack is called: in its folder, and among all stacks of the machine."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from typing import TYPE_CHECKING

from floe_local.errors import InputError
from floe_local.plan.stack.model import StackIdentity

if TYPE_CHECKING:
    from pathlib import Path

_LONGEST = 40
_HASH_LENGTH = 8
# As long as a project's name may be: `down --stack` takes one as `list` shows it.
_NAME = re.compile(rf"[a-z0-9][a-z0-9_-]{{0,{_LONGEST + _HASH_LENGTH}}}")


def identify(folder: Path, name: str | None = None) -> StackIdentity:
    """The identity of the stack `name` of `folder`.

    Two folders of one name give two projects: the project ends in a hash of the path.

    Args:
        folder: the manifest's folder; absolute, or the hash depends on where one stands.
        name: what ``--stack`` gave; None: the folder's name, made fit for Compose.

    Raises:
        InputError: `name` is no name (``stack-name``).
    """
    chosen = _sanitised(folder.name) if name is None else _validated(name)
    digest = hashlib.sha256(str(folder).encode("utf-8", "surrogatepass")).hexdigest()
    return StackIdentity(
        name=chosen, project=f"{chosen}-{digest[:_HASH_LENGTH]}", folder=str(folder)
    )


def _validated(name: str) -> str:
    if not _NAME.fullmatch(name):
        raise InputError(
            "stack-name",
            f"--stack: {name!r} is no name for a stack",
            "use up to 49 lower-case letters, digits, '-' and '_', a letter or digit first",
        )
    return name


def _sanitised(name: str) -> str:
    """A folder's name in the letters that Compose allows; ``stack`` where none is left."""
    ascii_only = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    letters = re.sub(r"[^a-z0-9_-]+", "-", ascii_only.lower()).strip("-_")
    return letters[:_LONGEST].strip("-_") or "stack"
