"""The SDK's OTLP exporters, every setting explicit; each is imported when it is made."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from floe_local.signals.shared.model import telemetry

if TYPE_CHECKING:
    from floe_local.plan.values import Signal
    from floe_local.prove.send.isolation import Messages

_SECONDS = 5.0
_HOME = "opentelemetry.exporter.otlp.proto"


def exporter(signal: Signal, protocol: str, url: str) -> Any:
    """Return the SDK's exporter for a signal.

    Args:
        signal: traces, metrics or logs.
        protocol: ``grpc`` or ``http``.
        url: ``http://host:port`` without a path.
    """
    factory = _factory(signal, protocol)
    return _grpc(factory, url) if protocol == "grpc" else _http(factory, url, signal)


def exporter_from_environment(signal: str, protocol: str) -> Any:
    """Return the SDK's exporter as the process's environment configures it.

    Raises:
        ImportError: the SDK has no exporter for the protocol.
    """
    return _factory(signal, protocol)(timeout=_SECONDS)


def _factory(signal: str, protocol: str) -> Any:
    module, name = telemetry(signal).EXPORTER
    return getattr(import_module(f"{_HOME}.{protocol}.{module}"), name)


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


class RecordingExporter:
    """An SDK exporter whose results are kept: the SDK's processors drop them.

    After a failure nothing more is tried: each try would wait for its own timeout.
    """

    def __init__(self, exporter: Any, messages: Messages) -> None:
        self._exporter = exporter
        self._messages = messages
        self._failures: list[str] = []
        self._last: Any = None

    def __getattr__(self, name: str) -> Any:
        return getattr(self._exporter, name)

    def export(self, *batch: Any, **options: Any) -> Any:
        """Export, and keep why it failed if it did."""
        if self._failures:
            self._failures.append(self._failures[0])
            return self._last
        self._last = self._exporter.export(*batch, **options)
        if self._last.name != "SUCCESS":
            self._failures.append(self._messages.take() or "the export failed")
        return self._last

    def take(self) -> list[str]:
        """Return the failures since the last call."""
        failures, self._failures = self._failures, []
        return failures
