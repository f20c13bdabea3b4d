"""What the bodies hold: one decoder for each kind of body and signal."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from sandbox_recorder.decoders import datadog, openlineage
from sandbox_recorder.decoders.otlp_logs import OtlpLogs
from sandbox_recorder.decoders.otlp_metrics import OtlpMetrics
from sandbox_recorder.decoders.otlp_traces import OtlpTraces

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sandbox_recorder.decoders.found import Decoder
    from sandbox_recorder.messages import Messages

Decoders: TypeAlias = "Mapping[tuple[str, str], Decoder]"
"""By their name in a route, and the signal of the route."""


def make_decoders(messages: Messages) -> Decoders:
    """All decoders."""
    return {
        ("otlp", "traces"): OtlpTraces(messages),
        ("otlp", "metrics"): OtlpMetrics(messages),
        ("otlp", "logs"): OtlpLogs(messages),
        ("datadog-traces", "traces"): datadog.Traces(messages),
        ("datadog-series", "metrics"): datadog.SeriesPoints(messages),
        ("datadog-sketches", "metrics"): datadog.Sketches(messages),
        ("datadog-logs", "logs"): datadog.Logs(),
        ("openlineage", "lineage"): openlineage.Events(),
    }
