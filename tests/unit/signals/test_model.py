"""A signal is one module: a fourth is read, compiled, planned, counted, sent and read back as others are."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import floe_local
from floe_local.plan.values import Signal
from floe_local.prove.canaries import TELEMETRY
from floe_local.signals import lineage, logs, metrics, signal_words, traces
from floe_local.signals.shared.model import module_of
from tests.unit.signals import profiles

if TYPE_CHECKING:
    from floe_local.signals.shared.model import SignalModule, TelemetrySignal

MODULES: tuple[SignalModule, ...] = (traces, metrics, logs, lineage)
THROUGH_COLLECTOR: tuple[TelemetrySignal, ...] = (traces, metrics, logs, profiles)


def test_each_module_is_a_signal_and_each_signal_a_module() -> None:
    assert sorted(signal_words()) == sorted(Signal)
    assert [module_of(signal) for signal in Signal] == list(MODULES)
    assert [module_of(signal) for signal in TELEMETRY] == list(THROUGH_COLLECTOR[:3])


@pytest.fixture(scope="module")
def with_a_fourth(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What the code does with a fourth signal: the code as it is, and one more file."""
    folder = tmp_path_factory.mktemp("fourth")
    code = Path(floe_local.__file__).parent
    room = folder / "floe_local" / "signals"
    room.mkdir(parents=True)
    for above, below in ((code, room.parent), (code / "signals", room)):
        for path in above.iterdir():
            if path.name not in {"signals", "__pycache__"}:
                (below / path.name).symlink_to(path)
    (room / "profiles.py").write_bytes(Path(profiles.__file__).read_bytes())
    script = Path(__file__).with_name("with_a_fourth.py")
    done = subprocess.run(
        [sys.executable, "-P", str(script), str(folder)],
        env={**os.environ, "PYTHONPATH": str(folder)},
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr.decode()
    facts: dict[str, Any] = json.loads(done.stdout)
    return facts


def test_a_fourth_follows_the_others(with_a_fourth: dict[str, Any]) -> None:
    assert with_a_fourth["words"] == ["traces", "metrics", "logs", "lineage", "profiles"]


def test_a_blueprint_is_checked_for_a_fourth(with_a_fourth: dict[str, Any]) -> None:
    of_another, unknown, broken = with_a_fourth["refused"]
    assert "'span' is never sent as profiles: write profile" in of_another
    assert "'dataset' or 'profile'" in unknown
    assert "no JMESPath" in broken


def test_a_fourth_is_compiled_and_delivered(with_a_fourth: dict[str, Any]) -> None:
    assert with_a_fourth["exporters"] == {"profiles": ["otlp_grpc"]}
    assert with_a_fourth["sendings"] == [
        ["profiles", "grpc", "profiles", 7],
        ["profiles", "http", "profiles", 7],
    ]
    assert (with_a_fourth["exported"], with_a_fourth["exporter"]) == (1, "OTLPSpanExporter")


def test_a_fourth_is_counted_and_read_back(with_a_fourth: dict[str, Any]) -> None:
    assert with_a_fourth["counted"] == [7, 14]
    assert with_a_fourth["hop"] == "passed"
    assert with_a_fourth["questions"] == [[7, False], [7, True]]
