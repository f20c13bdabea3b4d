"""The SDK's OTLP exporters, every setting explicit. Imported late: they are heavy."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from floe_local.plan.values import Signal

if TYPE_CHECKING:
    from floe_local.prove.canaries import Protocol

_SECONDS = 5.0
_HOME = "opentelemetry.exporter.otlp.proto"
_CLASSES = {
    Signal.TRACES: ("trace_exporter", "OTLPSpanExporter"),
    Signal.METRICS: ("metric_exporter", "OTLPMetricExporter"),
    Signal.LOGS: ("_log_exporter", "OTLPLogExporter"),
}


def exporter(signal: Signal, protocol: Protocol, url: str) -> Any:
    """Return the SDK's exporter for a signal.

    Args:
        signal: traces, metrics or logs.
        protocol: what it speaks.
        url: ``http://host:port`` without a path.
    """
    module, name = _CLASSES[signal]
    factory = getattr(import_module(f"{_HOME}.{protocol}.{module}"), name)
    return _grpc(factory, url) if protocol == "grpc" else _http(factory, url, signal)


def _grpc(factory: Any, url: str) -> Any:
    from grpc import Compression  # type: ignore[import-untyped]  # noqa: PLC0415 - heavy

    return factory(
        endpoint=url,
        insecure=url.startswith("http://"),
        timeout=_SECONDS,
        compression=Compression.NoCompression,
        channel_options=(("grpc.enable_http_proxy", 0),),
    )


def _http(factory: Any, url: str, signal: Signal) -> Any:
    from opentelemetry.exporter.otlp.proto.http import Compression  # noqa: PLC0415
    from requests import Session  # noqa: PLC0415

    return factory(
        endpoint=f"{url.rstrip('/')}/v1/{signal}",
        timeout=_SECONDS,
        compression=Compression.NoCompression,
        session=Session(),
    )
