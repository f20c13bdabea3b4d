"""Senders in a process of their own: ``python -P -m floe_local.prove.send.client_process KIND``.

The kind is ``exporters`` (the SDK's, every setting explicit) or ``clients`` (configured by their
environment alone). Loads the SDKs, which read no variable while they are loaded that
`floe-local env` may print; a test holds that. Then reads one JSON request on stdin:
``{"limit_s": s, "environment": {…}, "sendings": [{"client", "signal", "protocol", "address", "planned": […]}]}``,
where `environment` is what `env` prints, put in place before any client is made, and `planned` are plans of `floe_local.prove.signals`, or events of one run, as JSON. Answers in JSON lines:
``{"loaded": at}``, ``{"ack": {"index", "at", "error", "hint", "answered", "taken"}}`` for each, ``{"end": true}`` at the end.
`floe_local.prove.send.clients` is the other end. Nothing here may import pydantic: what this process
takes to start is what smoke-test waits for.
"""

from __future__ import annotations

import faulthandler
import gc
import os
import sys
from concurrent.futures import ThreadPoolExecutor
from importlib import import_module
from time import monotonic
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, NamedTuple

from floe_local.plan.plugins.process import Reporter, read_request
from floe_local.prove.send.client_errors import error_message, hint_for
from floe_local.prove.send.isolation import capture_logs
from floe_local.prove.signals.model import telemetry

if TYPE_CHECKING:
    from collections.abc import Callable

    from floe_local.prove.send.isolation import Messages

_SECONDS = 10.0
_PROTOCOLS = {"grpc": "grpc", "http/protobuf": "http"}
_OTEL = (
    "floe_local.prove.signals.spans",
    "floe_local.prove.signals.traces",
    "floe_local.prove.send.exporters",
    "opentelemetry.exporter.otlp.proto.grpc.trace_exporter",
)
MODULES = {
    "exporters": (*_OTEL, "opentelemetry.exporter.otlp.proto.http.trace_exporter"),
    "clients": ("floe_local.prove.send.lineage", *_OTEL),
}
"""For each kind what takes long to load, and is needed in any case."""


_OF_PLANS = frozenset({"spans", "events", "links"})
"""Fields of a plan that hold plans."""


class SendResult(NamedTuple):
    """How a client fared. `answered`: a lineage backend said yes over HTTP.

    `taken`: somebody has it, though a part of a composite transport may have failed.
    """

    error: str = ""
    hint: str = ""
    answered: bool = False
    taken: bool = False


def main() -> None:
    """Let all clients of the request send at the same time, and tell how each fared."""
    gc.disable()  # modules are no garbage, and this process ends before it could matter
    reporter = Reporter.on_stdout()
    for module in MODULES[sys.argv[1]]:
        import_module(module)
    reporter.tell(loaded=monotonic())
    request = read_request(sys.stdin)
    os.environ.update(request["environment"])
    faulthandler.dump_traceback_later(request["limit_s"], exit=True)
    with capture_logs() as messages, ThreadPoolExecutor(len(request["sendings"])) as pool:
        jobs = [pool.submit(_send, one, messages) for one in request["sendings"]]
        for index, job in enumerate(jobs):
            error = job.exception()
            at, outcome = job.result() if error is None else (monotonic(), _failed(error))
            reporter.tell(ack={"index": index, "at": at, **outcome._asdict()})
    reporter.tell(end=True)
    os._exit(0)  # what the SDKs do at exit is done


def _failed(error: BaseException | None) -> SendResult:
    return SendResult(error_message(error), hint_for(error))


def _send(sending: dict[str, Any], messages: Messages) -> tuple[float, SendResult]:
    outcome = _CLIENTS[sending["client"]](sending, messages)
    return monotonic(), outcome


def _plan(value: Any) -> Any:
    """A plan from JSON, without its model."""
    return SimpleNamespace(
        **{
            name: [_plan(item) for item in part] if name in _OF_PLANS else part
            for name, part in value.items()
        }
    )


def _floe_local(sending: dict[str, Any], messages: Messages) -> SendResult:
    """The SDK's exporter, every setting explicit."""
    from floe_local.prove.send.exporters import exporter  # noqa: PLC0415 - loads the SDK

    made = exporter(sending["signal"], sending["protocol"], sending["address"])
    return _export(sending, made, messages)


def _opentelemetry_sdk(sending: dict[str, Any], messages: Messages) -> SendResult:
    """What opentelemetry-sdk makes of the variables: the protocol decides on the exporter."""
    protocol = os.environ.get("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc")
    return _export(sending, _from_environment(_PROTOCOLS.get(protocol, protocol)), messages)


def _otlp_grpc(sending: dict[str, Any], messages: Messages) -> SendResult:
    """A client that knows gRPC only, and does not read OTEL_EXPORTER_OTLP_PROTOCOL."""
    return _export(sending, _from_environment("grpc"), messages)


def _from_environment(protocol: str) -> Any:
    from floe_local.prove.send.exporters import exporter_from_environment  # noqa: PLC0415 - the SDK

    return exporter_from_environment("traces", protocol)


def _export(sending: dict[str, Any], exporter: Any, messages: Messages) -> SendResult:
    from floe_local.prove.send.exporters import RecordingExporter  # noqa: PLC0415 - beside the SDK

    signal = sending["signal"]
    recording = RecordingExporter(exporter, messages)
    telemetry(signal).send(tuple(map(_plan, sending["planned"])), recording)
    recording.shutdown()
    error = next(iter(recording.take()), "")
    return SendResult(error, taken=not error)


def _openlineage_python(sending: dict[str, Any], _messages: Messages) -> SendResult:
    """openlineage-python, whatever of the variables it prefers."""
    from openlineage.client.client import OpenLineageClient  # noqa: PLC0415 - heavy

    from floe_local.prove.send.lineage import RunSender  # noqa: PLC0415 - beside it

    events = sending["planned"]
    sender = RunSender(OpenLineageClient(), os.environ["OPENLINEAGE_NAMESPACE"])
    for event in events:
        sender.emit(event)
    sender.close()
    run_id = events[0]["run"]["runId"]
    answered, error = sender.response(run_id)
    taken = error is None or sender.is_taken(run_id)
    return _failed(error)._replace(answered=answered, taken=taken)


def _http_post(sending: dict[str, Any], _messages: Messages) -> SendResult:
    """A client that posts to OPENLINEAGE_URL as it stands, with the API key where there is one."""
    import requests  # noqa: PLC0415 - the clients of telemetry do without
    from openlineage.client.serde import Serde  # noqa: PLC0415 - heavy

    from floe_local.prove.send.lineage import run_event  # noqa: PLC0415 - beside it

    url, key = os.environ["OPENLINEAGE_URL"], os.environ.get("OPENLINEAGE_API_KEY")
    headers = {"Content-Type": "application/json"}
    headers |= {"Authorization": f"Bearer {key}"} if key else {}
    for event in sending["planned"]:
        response = requests.post(
            url,
            data=Serde.to_json(run_event(event)).encode(),
            headers=headers,
            timeout=_SECONDS,
            allow_redirects=False,
        )
        if response.status_code // 100 != 2:  # noqa: PLR2004 - the class of HTTP statuses
            reason = f"{response.status_code} {response.reason} to POST {url}"
            raise requests.HTTPError(reason, response=response)
    return SendResult(answered=True, taken=True)


_CLIENTS: dict[str, Callable[[dict[str, Any], Messages], SendResult]] = {
    "floe-local": _floe_local,
    "opentelemetry-sdk": _opentelemetry_sdk,
    "otlp-grpc": _otlp_grpc,
    "openlineage-python": _openlineage_python,
    "http-post": _http_post,
}

if __name__ == "__main__":
    main()
