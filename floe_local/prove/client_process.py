"""Clients configured by their environment alone: ``python -P -m floe_local.prove.client_process``.

Loads the SDKs, which read no variable while they are
loaded that `floe-local env` may print; a test holds that. Then reads one JSON request on stdin:
``{"limit_s": s, "environment": {…}, "sendings": [{"client", "planned": […]}]}``,
where `environment` is what `env` prints, put in place before any client is made, and `planned` are traces of `floe_local.prove.canaries`, or events of one run, as JSON. Answers in JSON lines:
``{"ack": {"index", "at", "error", "hint", "answered", "taken"}}`` for each, ``{"end": true}`` at the end.
`floe_local.prove.clients` is the other end. Nothing here may import pydantic: what this process
takes to start is what smoke-test waits for.
"""

from __future__ import annotations

import faulthandler
import gc
import json
import os
import sys
from concurrent.futures import ThreadPoolExecutor
from importlib import import_module
from time import monotonic
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, NamedTuple

from floe_local.plan.plugins.process import Reporter
from floe_local.prove.client_errors import error_message, hint_for
from floe_local.prove.isolation import captured_logs

if TYPE_CHECKING:
    from collections.abc import Callable

    from floe_local.prove.isolation import Messages

_SECONDS = 10.0
_PROTOCOLS = {"grpc": "grpc", "http/protobuf": "http"}
MODULES = (
    "floe_local.prove.emit_lineage",
    "floe_local.prove.emit_traces",
    "floe_local.prove.exporters",
    "opentelemetry.exporter.otlp.proto.grpc.trace_exporter",
)
"""What takes long to load, and clients need in any case."""


class Outcome(NamedTuple):
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
    for module in MODULES:
        import_module(module)
    request = json.load(sys.stdin)
    os.environ.update(request["environment"])
    faulthandler.dump_traceback_later(request["limit_s"], exit=True)
    with captured_logs() as messages, ThreadPoolExecutor(len(request["sendings"])) as pool:
        jobs = [pool.submit(_send, one, messages) for one in request["sendings"]]
        for index, job in enumerate(jobs):
            error = job.exception()
            at, outcome = job.result() if error is None else (monotonic(), _failed(error))
            reporter.tell(ack={"index": index, "at": at, **outcome._asdict()})
    reporter.tell(end=True)
    os._exit(0)  # what the SDKs do at exit is done


def _failed(error: BaseException | None) -> Outcome:
    return Outcome(error_message(error), hint_for(error))


def _send(sending: dict[str, Any], messages: Messages) -> tuple[float, Outcome]:
    outcome = _CLIENTS[sending["client"]](sending["planned"], messages)
    return monotonic(), outcome


def _plan(value: Any) -> Any:
    """A plan from JSON, without its model: objects in lists become plans, others stay."""
    return SimpleNamespace(**{name: _parts(part) for name, part in value.items()})


def _parts(value: Any) -> Any:
    if isinstance(value, list):
        return [_plan(item) if isinstance(item, dict) else item for item in value]
    if isinstance(value, dict):
        return {name: _parts(part) for name, part in value.items()}
    return value


def _opentelemetry_sdk(traces: list[Any], messages: Messages) -> Outcome:
    """What opentelemetry-sdk makes of the variables: the protocol decides on the exporter."""
    protocol = os.environ.get("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc")
    return _export(traces, _PROTOCOLS.get(protocol, protocol), messages)


def _otlp_grpc(traces: list[Any], messages: Messages) -> Outcome:
    """A client that knows gRPC only, and does not read OTEL_EXPORTER_OTLP_PROTOCOL."""
    return _export(traces, "grpc", messages)


def _export(traces: list[Any], protocol: str, messages: Messages) -> Outcome:
    from floe_local.prove.emit_traces import send_traces  # noqa: PLC0415 - loads the SDK
    from floe_local.prove.exporters import (  # noqa: PLC0415 - beside it
        RecordingExporter,
        exporter_from_environment,
    )

    exporter = RecordingExporter(exporter_from_environment("traces", protocol), messages)
    send_traces(tuple(_plan(trace) for trace in traces), exporter)
    exporter.shutdown()
    error = next(iter(exporter.take()), "")
    return Outcome(error, taken=not error)


def _openlineage_python(events: list[Any], _messages: Messages) -> Outcome:
    """openlineage-python, whatever of the variables it prefers."""
    from openlineage.client.client import OpenLineageClient  # noqa: PLC0415 - heavy

    from floe_local.prove.emit_lineage import RunSender  # noqa: PLC0415 - beside it

    sender = RunSender(OpenLineageClient(), os.environ["OPENLINEAGE_NAMESPACE"])
    for event in events:
        sender.emit(event)
    sender.close()
    run_id = events[0]["run"]["runId"]
    answered, error = sender.response(run_id)
    taken = error is None or sender.is_taken(run_id)
    return _failed(error)._replace(answered=answered, taken=taken)


def _http_post(events: list[Any], _messages: Messages) -> Outcome:
    """A client that posts to OPENLINEAGE_URL as it stands, with the API key where there is one."""
    import requests  # noqa: PLC0415 - the clients of telemetry do without
    from openlineage.client.serde import Serde  # noqa: PLC0415 - heavy

    from floe_local.prove.emit_lineage import run_event  # noqa: PLC0415 - beside it

    url, key = os.environ["OPENLINEAGE_URL"], os.environ.get("OPENLINEAGE_API_KEY")
    headers = {"Content-Type": "application/json"}
    headers |= {"Authorization": f"Bearer {key}"} if key else {}
    for event in events:
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
    return Outcome(answered=True, taken=True)


_CLIENTS: dict[str, Callable[[list[Any], Messages], Outcome]] = {
    "opentelemetry-sdk": _opentelemetry_sdk,
    "otlp-grpc": _otlp_grpc,
    "openlineage-python": _openlineage_python,
    "http-post": _http_post,
}

if __name__ == "__main__":
    main()
