"""Whatever a plugin says, and whatever stdout can write: no traceback, one document."""

from __future__ import annotations

import io
import json
import signal
import sys
from typing import TYPE_CHECKING, Any

import pytest

from floe_local.cli.main import run_command_line

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
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


@pytest.fixture
def run(
    plugin_site: PluginSite, telemetry_source: Any, project: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Run]:
    """Give a function that runs a command, with a plugin `odd` of these members installed."""
    (project / "manifest.yaml").write_text("plugins: {telemetry_backend: odd}\n")
    before = signal.getsignal(signal.SIGTERM)

    def run(members: str, command: str, encoding: str) -> tuple[int, str, str]:
        points = {"floe.telemetry_backends": {"odd": "Plugin"}}
        plugin_site.add(telemetry_source(members), module="odd_plugin", points=points)
        monkeypatch.setenv("PYTHONIOENCODING", encoding)  # for the plugin's own process
        monkeypatch.setattr(sys, "argv", ["floe-local", *command.split()])
        out, err = (io.TextIOWrapper(io.BytesIO(), encoding=encoding) for _ in range(2))
        with monkeypatch.context() as patch:
            patch.setattr(sys, "stdout", out)
            patch.setattr(sys, "stderr", err)
            code = run_command_line()
        written = [_bytes_of(stream).decode(encoding) for stream in (out, err)]
        return code, written[0], written[1]

    yield run
    signal.signal(signal.SIGTERM, before)


def _bytes_of(stream: io.TextIOWrapper) -> bytes:
    stream.flush()
    assert isinstance(stream.buffer, io.BytesIO)
    return stream.buffer.getvalue()


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
