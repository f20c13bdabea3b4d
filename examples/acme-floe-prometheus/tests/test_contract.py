"""The plugin keeps the contract; no stack is needed."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from floe_local.testing import PluginConformance


class TestPrometheus(PluginConformance):
    kind: ClassVar[str] = "telemetry"
    plugin: ClassVar[str | Path] = Path(__file__).parents[1]
