"""Send planned metrics and logs through the real OTel SDK. Import late: it is heavy."""

from __future__ import annotations

import math
from time import time_ns
from typing import TYPE_CHECKING, Any

from opentelemetry import trace as api
from opentelemetry._logs import SeverityNumber
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import SimpleLogRecordProcessor
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.resources import Resource

from floe_local.prove.otlp_json import SCOPE, resource_of
from floe_local.prove.send.traces import context_of

if TYPE_CHECKING:
    from floe_local.prove.canaries import LogPlan, MetricPlan


def send_metrics(metrics: tuple[MetricPlan, ...], exporter: Any) -> None:
    """Record each point on an instrument of its own and export all at once."""
    reader = PeriodicExportingMetricReader(exporter, export_interval_millis=math.inf)
    resource = Resource(resource_of(metrics[0].service, metrics[0].canary))
    provider = MeterProvider([reader], resource=resource, shutdown_on_exit=False)
    meter = provider.get_meter(SCOPE, "1.0.0")
    for plan in metrics:
        _record(meter, plan)
    provider.force_flush()


def _record(meter: Any, plan: MetricPlan) -> None:
    if plan.instrument == "counter":
        meter.create_counter(plan.name, unit=plan.unit).add(plan.value, plan.attributes)
    elif plan.instrument == "up-down-counter":
        meter.create_up_down_counter(plan.name, unit=plan.unit).add(plan.value, plan.attributes)
    elif plan.instrument == "gauge":
        meter.create_gauge(plan.name, unit=plan.unit).set(plan.value, plan.attributes)
    else:
        meter.create_histogram(plan.name, unit=plan.unit).record(plan.value, plan.attributes)


def send_logs(logs: tuple[LogPlan, ...], exporter: Any) -> None:
    """Emit each record inside its span, exported at once."""
    for log in logs:
        send_log(log, exporter)


def send_log(plan: LogPlan, exporter: Any) -> None:
    """Emit one record inside its span, exported at once."""
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
