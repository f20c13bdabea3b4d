"""Whatever a plugin says, and whatever stdout can write: no traceback, one document."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.conftest import PluginSite

    Run = Callable[[str, str, str], tuple[int, str, str]]

RAISES = (
    "def get_otlp_exporter_config(self):\n"
    "    raise ValueError('é\\x1b[31m\\x00 [/red] ✓ 🌊 \\ud800')"
)
CONFIG = (
    "def get_otlp_exporter_config(self):\n"
    "    return {'exporters': {'otlp/x': {'endpoint': 'acme:4317', 'headers': {'x': '✓ 🌊'},"
    " 'tls': {'insecure': True}}}, 'service': {'pipelines': {'traces': {'receivers': ['otlp'],"
    " 'exporters': ['otlp/x']}}}}"
)
TOLD = r"\x1b[31m\x00 [/red]"
MAIN = "import sys; from floe_local.cli.main import main; sys.argv[0] = 'floe-local'; main()"


@pytest.fixture
def run(plugin_site: PluginSite, telemetry_source: Any, project: Path) -> Run:
    """Give a function that runs a command, with a plugin `odd` of these members installed."""
    (project / "manifest.yaml").write_text("plugins: {telemetry_backend: odd}\n")
    path = os.pathsep.join([str(plugin_site.folder), *filter(None, sys.path)])

    def run(members: str, command: str, encoding: str) -> tuple[int, str, str]:
        points = {"floe.telemetry_backends": {"odd": "Plugin"}}
        plugin_site.add(telemetry_source(members), module="odd_plugin", points=points)
        environ = {**os.environ, "PYTHONIOENCODING": encoding, "PYTHONPATH": path}
        argv = [sys.executable, "-c", MAIN, *command.split()]
        ended = subprocess.run(argv, env=environ, capture_output=True, check=False, timeout=100)
        return ended.returncode, ended.stdout.decode(encoding), ended.stderr.decode(encoding)

    return run


@pytest.mark.parametrize("encoding", ["utf-8", "latin-1"])
@pytest.mark.parametrize("members", [RAISES, CONFIG])
def test_a_document_is_one_in_any_encoding(members: str, encoding: str, run: Run) -> None:
    _, out, err = run(members, "plugins show odd --json", encoding)
    document = json.loads(out)
    assert document["ok"] is (members is CONFIG)
    assert "✓ 🌊" in json.dumps(document, ensure_ascii=False)
    assert TOLD in document.get("error", {"reason": TOLD})["reason"]
    assert not err


@pytest.mark.parametrize(
    ("members", "command", "code"),
    [
        (RAISES, "explain", 2),
        (RAISES, "plugins test odd", 1),
        (CONFIG, "plugins show odd", 0),
        (CONFIG, "plugins test odd", 0),
    ],
)
def test_a_command_ends_as_it_should_in_ascii(
    members: str, command: str, code: int, run: Run
) -> None:
    ended, out, err = run(members, command, "ascii")
    assert ended == code, err
    assert "Traceback" not in err
    assert not {"\x1b", "\x00"} & set(out + err)
    assert TOLD in out + err or members is CONFIG
