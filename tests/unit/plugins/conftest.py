from __future__ import annotations

from textwrap import dedent, indent
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

TELEMETRY = """
from floe_core.plugins import TelemetryBackendPlugin

class Plugin(TelemetryBackendPlugin):
    name = "odd"
    version = "9.9.9"
    floe_api_version = "2.0.0"

    def get_otlp_exporter_config(self):
        return {"exporters": {"otlp_grpc/odd": {"endpoint": "odd:4317"}}}

    def get_helm_values(self):
        return {}

    def validate_connection(self):
        return True
"""


@pytest.fixture
def telemetry_source() -> Callable[..., str]:
    """Give the source of a telemetry plugin, with members replaced or added."""

    def source(members: str = "", *, top: str = "") -> str:
        return f"{dedent(top)}\n{TELEMETRY}\n{indent(dedent(members), '    ')}"

    return source
