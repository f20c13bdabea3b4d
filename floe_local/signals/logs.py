"""Logs: planned as pure values, sent, and what a backend is expected to hold of them."""

from __future__ import annotations

from dataclasses import dataclass
from time import time_ns
from typing import TYPE_CHECKING, Any

from floe_local.signals.shared.model import KEEP, TEXT, WHOLE, ExpectedItem, OtlpTransport
from floe_local.signals.shared.otlp_json import SCOPE, resource_of
from floe_local.signals.traces import span_id, trace_id

if TYPE_CHECKING:
    from floe_local.signals.shared.model import StoredNames, TracePlan

UNIT = "log_records"
EXPORTER = ("_log_exporter", "OTLPLogExporter")
PLACEHOLDERS = {
    "log": frozenset({"canary", "protocol", "trace_id", "span_id", "body", "severity", "service"})
}
MEANINGS = {"body": "the log record's text", "severity": "`INFO`, `ERROR`, …"}


@dataclass(frozen=True, kw_only=True)
class LogPlan:
    """One log record, inside a span."""

    canary: str
    protocol: OtlpTransport
    service: str
    body: str
    severity: str
    trace_id: str
    span_id: str
    attributes: dict[str, Any]
    case: str = WHOLE
    count: int = 1


def plan(_canary: str, traces: tuple[TracePlan, ...]) -> tuple[LogPlan, ...]:
    """Plan a record inside a span of each trace."""
    return tuple(map(_log, traces))


def _log(trace: TracePlan) -> LogPlan:
    span = trace.spans[2]
    return LogPlan(
        canary=trace.canary,
        protocol=trace.protocol,
        service=span.service,
        body=f"canary {trace.canary} over {trace.protocol} {TEXT}",
        severity="WARN",
        trace_id=trace.trace_id,
        span_id=span.span_id,
        attributes={**KEEP, "floe.canary": trace.canary, "log.text": TEXT},
    )


def never_sent(canary: str) -> LogPlan:
    """Plan a record that no backend may hold."""
    return LogPlan(
        canary=f"{canary}-never",
        protocol="grpc",
        service="",
        body=f"never sent {canary}",
        severity="",
        trace_id=trace_id(),
        span_id=span_id(),
        attributes={},
    )


def expected(plan: LogPlan, _namespace: str, _naming: StoredNames, /) -> list[ExpectedItem]:
    """Return the record."""
    values = {
        "canary": plan.canary,
        "protocol": plan.protocol,
        "service": plan.service,
        "body": plan.body,
        "severity": plan.severity,
        "trace_id": plan.trace_id,
        "span_id": plan.span_id,
    }
    return [ExpectedItem("log", values)]


def send(logs: tuple[LogPlan, ...], exporter: Any) -> None:
    """Emit each record inside its span, exported at once."""
    for log in logs:
        _send(log, exporter)


def _send(plan: LogPlan, exporter: Any) -> None:
    """Emit one record inside its span, exported at once."""
    from opentelemetry import trace as api  # noqa: PLC0415 - heavy
    from opentelemetry._logs import SeverityNumber  # noqa: PLC0415
    from opentelemetry.sdk._logs import LoggerProvider  # noqa: PLC0415
    from opentelemetry.sdk._logs.export import SimpleLogRecordProcessor  # noqa: PLC0415
    from opentelemetry.sdk.resources import Resource  # noqa: PLC0415

    from floe_local.signals.shared.spans import context_of  # noqa: PLC0415

    resource = Resource(resource_of(plan.service, plan.canary))
    provider = LoggerProvider(resource=resource, shutdown_on_exit=False)
    provider.add_log_record_processor(SimpleLogRecordProcessor(exporter))
    span = api.NonRecordingSpan(context_of(plan.trace_id, plan.span_id))
    provider.get_logger(SCOPE, "1.0.0").emit(
        timestamp=time_ns(),
        context=api.set_span_in_context(span),
        severity_number=SeverityNumber[plan.severity],
        severity_text=plan.severity,
        body=plan.body,
        attributes=plan.attributes,
    )
