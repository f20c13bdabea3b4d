"""What a stack is called: in its folder, and among all stacks of the machine."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from typing import TYPE_CHECKING

from floe_local.errors import InputError, MachineError
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
        folder: the folder in which the manifest was named; absolute and free of links, or
            one folder's stacks would be several.
        name: what ``--stack`` gave: a name, or a whole project's of this folder, as ``list``
            shows it; None: the folder's name, made fit for Compose.

    Raises:
        InputError: `name` is not a valid name (``stack-name``).
        MachineError: neither the engine nor a file in JSON can hold the folder's name
            (``folder-name``).
    """
    digest = hashlib.sha256(_utf_8(folder)).hexdigest()[:_HASH_LENGTH]
    chosen = _sanitised(folder.name) if name is None else _validated(name)
    chosen = chosen.removesuffix(f"-{digest}") or chosen
    return StackIdentity(name=chosen, project=f"{chosen}-{digest}", folder=str(folder))


def _utf_8(folder: Path) -> bytes:
    try:
        return str(folder).encode()
    except UnicodeEncodeError:
        raise MachineError(
            "folder-name",
            f"{folder}: the name of a project's folder has to be UTF-8",
            "rename the folder, or copy the project elsewhere",
        ) from None


def _validated(name: str) -> str:
    if not _NAME.fullmatch(name):
        raise InputError(
            "stack-name",
            f"--stack: {name!r} is not a valid stack name",
            "use up to 49 lower-case letters, digits, '-' and '_', a letter or digit first",
        )
    return name


def _sanitised(name: str) -> str:
    """A folder's name in the letters that Compose allows; ``stack`` where none is left."""
    ascii_only = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    letters = re.sub(r"[^a-z0-9_-]+", "-", ascii_only.lower()).strip("-_")
    return letters[:_LONGEST].strip("-_") or "stack"
