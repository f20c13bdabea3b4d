"""Data points of OTLP metrics."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sandbox_recorder.decoders.found import PacksJson, found
from sandbox_recorder.decoders.otlp_values import parse_request, plain

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sandbox_recorder.decoders.found import Found
    from sandbox_recorder.messages import Messages

_INSTRUMENTS = {
    "gauge": "gauge",
    "histogram": "histogram",
    "exponential_histogram": "exponential-histogram",
    "summary": "summary",
}


class OtlpMetrics(PacksJson):
    """Reads MetricsRequest; an item is one data point."""

    def __init__(self, messages: Messages) -> None:
        self._messages = messages

    def decode(self, body: bytes, content_type: str) -> Iterator[Found]:
        """One item for each data point, found by the metric's name and by attributes."""
        request = parse_request(self._messages, "sandbox.otlp.MetricsRequest", body, content_type)
        for group in request.resource_metrics:
            resource = plain(group.resource.attributes)
            for scoped in group.scope_metrics:
                for metric in scoped.metrics:
                    yield from _points(metric, resource)


def _points(metric: Any, resource: dict[str, Any]) -> Iterator[Found]:
    kind = metric.WhichOneof("data")
    if kind is None:
        return
    data = getattr(metric, kind)
    for point in data.data_points:
        attributes = plain(point.attributes)
        item = {
            "name": metric.name,
            "instrument": _instrument(kind, data),
            "unit": metric.unit,
            **(_number(point) if kind in {"gauge", "sum"} else _distribution(point)),
            "time": str(point.time_unix_nano),
            "attributes": attributes,
            "resource": resource,
        }
        yield found([metric.name, *attributes.values(), *resource.values()], item)


def _instrument(kind: str, data: Any) -> str:
    if kind == "sum":
        return "counter" if data.is_monotonic else "up-down-counter"
    return _INSTRUMENTS[kind]


def _number(point: Any) -> dict[str, Any]:
    kind = point.WhichOneof("value")
    return {"value": getattr(point, kind) if kind else None}


def _distribution(point: Any) -> dict[str, Any]:
    """The sum is the value, so that a single recorded value is found as such."""
    return {"value": point.sum, "count": point.count}
