"""Metrics: planned as pure values, sent, and what a backend is expected to hold of them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from floe_local.signals.shared.model import PREFIX, WHOLE, ExpectedItem, OtlpTransport
from floe_local.signals.shared.otlp_json import SCOPE, resource_of

if TYPE_CHECKING:
    from floe_local.signals.shared.model import StoredNames, TracePlan

Instrument = Literal["counter", "up-down-counter", "gauge", "histogram"]

UNIT = "metric_points"
EXPORTER = ("metric_exporter", "OTLPMetricExporter")
PLACEHOLDERS = {
    "metric": frozenset({"canary", "protocol", "service", "metric", "instrument", "value"})
}
MEANINGS = {
    "metric": "the metric's name",
    "instrument": "`gauge`, `counter` or `histogram`",
    "value": "the data point's value; a histogram's sum",
}
_POINTS: tuple[tuple[Instrument, float], ...] = (
    ("counter", 3),
    ("up-down-counter", -2),
    ("gauge", 21.5),
    ("histogram", 0.25),
)


@dataclass(frozen=True, kw_only=True)
class MetricPlan:
    """One data point of one instrument."""

    canary: str
    protocol: OtlpTransport
    service: str
    name: str
    instrument: Instrument
    value: float
    unit: str
    attributes: dict[str, Any]
    case: str = WHOLE
    count: int = 1


def plan(canary: str, traces: tuple[TracePlan, ...]) -> tuple[MetricPlan, ...]:
    """Plan a point of each instrument, by each protocol."""
    return tuple(
        MetricPlan(
            canary=canary,
            protocol=protocol,
            service=f"{PREFIX}-gateway",
            name=f"floe.canary.{protocol}.{instrument.replace('-', '_')}",
            instrument=instrument,
            value=value,
            unit="1",
            attributes={"floe.canary": canary, "protocol": protocol},
        )
        for protocol in (trace.protocol for trace in traces)
        for instrument, value in _POINTS
    )


def never_sent(canary: str) -> MetricPlan:
    """Plan a point of an instrument that no backend may hold."""
    return MetricPlan(
        canary=f"{canary}-never",
        protocol="grpc",
        service="never",
        name=f"floe.canary.never.{canary}",
        instrument="gauge",
        value=0.0,
        unit="1",
        attributes={},
    )


def expected(plan: MetricPlan, _namespace: str, _naming: StoredNames, /) -> list[ExpectedItem]:
    """Return the point by its instrument."""
    values = {
        "canary": plan.canary,
        "protocol": plan.protocol,
        "service": plan.service,
        "metric": plan.name,
        "instrument": plan.instrument,
        "value": plan.value,
    }
    return [ExpectedItem("metric", values)]


def send(metrics: tuple[MetricPlan, ...], exporter: Any) -> None:
    """Record each point on an instrument of its own and export all at once."""
    from opentelemetry.sdk.metrics import MeterProvider  # noqa: PLC0415 - heavy
    from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader  # noqa: PLC0415
    from opentelemetry.sdk.resources import Resource  # noqa: PLC0415

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
