"""Each rule, on what real clients have sent: a session in which it finds something, one in which it does not.

The clients' `client.yaml` name the recordings; tests/clients/test_recorded.py makes them.
"""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from textwrap import dedent
from typing import TYPE_CHECKING

import pytest

from floe_local.observe.rules.profiles import BACKEND, PROFILES, rules_of
from floe_local.observe.session.read import read_files
from floe_local.observe.verdict import Settings, judge
from floe_local.plan.blueprint.lookup import shipped_names
from floe_local.report.verdict import verdict_text
from tests.clients.harness import SESSIONS, clients, session_file

if TYPE_CHECKING:
    from floe_local.observe.session.model import ObservedSession

ROOT = Path(__file__).parents[3]
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


SHOWN = re.compile(r"<!-- of (.+) -->\n\n((?:    .+\n)+)")


def test_the_docs_show_true_findings_word_for_word() -> None:
    """What docs/run.md shows is in the report of what dbt-ol and floe-core have sent."""
    shown = SHOWN.findall((ROOT / "docs" / "run.md").read_text(encoding="utf-8"))
    assert {name.partition("/")[0] for name, _ in shown} == {"dbt-ol", "floe-core"}
    for name, block in shown:
        report = verdict_text(judge(session(name), Settings(profiles=RECORDINGS[name][1].profiles)))
        assert dedent(block) in report


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
