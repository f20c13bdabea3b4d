"""Keeps the last sessions in a folder."""

from __future__ import annotations

import os
from pathlib import Path
from time import gmtime, strftime
from typing import TYPE_CHECKING

from floe_local.observe.session.file import lines_of

if TYPE_CHECKING:
    from floe_local.observe.session.model import ObservedSession

FOLDER = Path(".floe-local") / ".sessions"
_KEPT = 10


def prepare(project: Path) -> Path:
    """Make the folder for a project's sessions; git ignores it.

    Raises:
        OSError: it cannot be made.
    """
    folder = project / FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    ignore = folder.parent / ".gitignore"
    if not ignore.exists():
        ignore.write_text("*\n", encoding="utf-8")
    return folder


def keep(session: ObservedSession, folder: Path) -> Path:
    """Write a session to a file that only its owner reads; the oldest beyond ten go.

    Raises:
        OSError: it cannot be written; then no part of it is there.
    """
    stamp = strftime("%Y%m%dT%H%M%SZ", gmtime(session.about.started))
    path = folder / f"{stamp}-{session.about.session_id[:8]}.ndjson"
    partial = path.with_suffix(".part")
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8", errors="surrogatepass") as file:
            file.writelines(lines_of(session))
        partial.replace(path)
    except OSError:
        partial.unlink(missing_ok=True)
        raise
    for old in sorted(folder.glob("*.ndjson"))[:-_KEPT]:
        old.unlink(missing_ok=True)
    return path
