"""What real clients send, well and badly used: recorded, and the rules still find the same in it.

At night, as tests/unit/observe/test_recorded.py judges what is recorded. With FLOE_UPDATE_GOLDEN=1
the session files of tests/data/sessions are written again.
"""

from __future__ import annotations

import os
import socket
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from floe_local.observe.session.file import lines_of
from floe_local.observe.verdict import Settings
from tests.clients.harness import clients, session_file
from tests.clients.test_clients import home_of
from tests.clients.test_observed import observed

if TYPE_CHECKING:
    from floe_local.observe.session.model import ObservedSession
    from tests.clients.harness import Client

pytestmark = [pytest.mark.clients, pytest.mark.nightly, pytest.mark.timeout(1200)]


RECORDINGS = [
    pytest.param(client, name, id=f"{client.folder.name}: {name}")
    for client in clients()
    for name in client.recordings
]


@pytest.mark.parametrize(("client", "name"), RECORDINGS)
def test_the_rules_find_in_it_what_is_recorded(client: Client, name: str, tmp_path: Path) -> None:
    recording = client.recordings[name]
    settings = Settings(profiles=recording.profiles, namespace=recording.namespace)
    result = observed(client, recording.run, tmp_path, settings=settings)
    if recording.kept and os.environ.get("FLOE_UPDATE_GOLDEN"):
        file = session_file(client, name)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(_kept(result.session, home_of(client), recording.run), encoding="utf-8")
    assert {one.code: one.count for one in result.verdict.findings} == recording.finds


def _kept(session: ObservedSession, home: Path, line: str) -> str:
    """A session's file, without what it has of this machine."""
    about = replace(session.about, command=tuple(line.split()))
    text = "".join(lines_of(replace(session, about=about)))
    python = Path(sys.executable).resolve()
    for here, anywhere in (
        (str(home), "/client"),
        (str(python.parent), "/usr/bin"),
        (f'"{socket.gethostname()}"', '"host"'),
    ):
        text = text.replace(here, anywhere)
    return text
