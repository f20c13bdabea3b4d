"""Each rule, on what real clients have sent: a session in which it finds something, one in which it does not.

The clients' `client.yaml` name the recordings; tests/clients/test_recorded.py makes them.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import pytest

from floe_local.observe.rules.profiles import BACKEND, PROFILES, rules_of
from floe_local.observe.session.read import read_files
from floe_local.observe.verdict import Settings, judge
from floe_local.plan.blueprint.lookup import shipped_names
from tests.clients.harness import SESSIONS, clients, session_file

if TYPE_CHECKING:
    from floe_local.observe.session.model import ObservedSession

RECORDINGS = {
    f"{client.folder.name}/{name}": (session_file(client, name), one)
    for client in clients()
    for name, one in client.recordings.items()
}
UNBROKEN: dict[tuple[str, str], str] = {}
"""(profile, code) → why no real client can be made to break it."""

LARGEST = 30_000
"""Bytes of a recording: it is read by people."""


@cache
def session(name: str) -> ObservedSession:
    return read_files([RECORDINGS[name][0]])


@pytest.mark.parametrize("name", [name for name, (_, one) in RECORDINGS.items() if one.kept])
def test_the_rules_find_what_a_recording_is_there_for(name: str) -> None:
    recording = RECORDINGS[name][1]
    settings = Settings(profiles=recording.profiles, namespace=recording.namespace)
    found = judge(session(name), settings).findings
    assert {one.code: one.count for one in found} == recording.finds
    assert not recording.finds.keys() & set(recording.passes)


def _rules() -> list[tuple[str, str]]:
    profiles = [*PROFILES, *(f"{BACKEND}{name}" for name in shipped_names())]
    return [(profile, rule.code) for profile in profiles for rule in rules_of(profile)]


@pytest.mark.parametrize(("profile", "code"), _rules())
def test_each_rule_fails_and_passes_on_a_real_client(profile: str, code: str) -> None:
    looked = [one for _, one in RECORDINGS.values() if profile in one.profiles]
    failing = any(code in one.finds for one in looked)
    assert failing is ((profile, code) not in UNBROKEN)
    assert any(code in one.passes for one in looked)


def test_each_session_is_one_of_a_client_and_small() -> None:
    kept = {file for file, one in RECORDINGS.values() if one.kept}
    assert set(SESSIONS.rglob("*.ndjson")) == kept
    assert [file for file in kept if file.stat().st_size > LARGEST] == []
