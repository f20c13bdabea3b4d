"""Sends for others: ``python -P -m floe_local.prove.send.client_process``.

Loads the SDKs, which read no variable meanwhile that `floe-local env` may print; a test holds
that. Then reads one JSON request on stdin, ``{"groups": [{"environment": {…}, "folder", "limit_s",
"transport", "sendings": [{"client", "canary", "signal", "protocol", "address", "planned": […]}]}]}``.
Each group leaves from a fork of this process, into whose environment `environment` is put before any
client is made. `planned` are plans of `floe_local.signals`, or the events of one run, as
JSON; where there is a `transport`, all sendings are runs, the parent first, which leave by it.

Answers in JSON lines: ``{"loaded": at}``, ``{"ack": {"group", "index", "at", "error", "hint", "answered", "taken"}}``
for each, ``{"ended": {"group", "code"}}`` for each group, ``{"end": true}`` at the end.
`floe_local.prove.send.emit` is the other end. Nothing here may import pydantic: what this process
takes to start is what smoke-test waits for.
"""

from __future__ import annotations

import gc
import os
import signal
import sys
from concurrent.futures import ThreadPoolExecutor
from importlib import import_module
from time import monotonic
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, NamedTuple

from floe_local.plan.plugins.process import Reporter, read_request
from floe_local.prove.send.client_errors import error_message, hint_for
from floe_local.prove.send.isolation import capture_logs
from floe_local.signals.shared.model import telemetry

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from floe_local.prove.send.isolation import Messages
    from floe_local.prove.send.lineage import RunSender

    Outcomes = Iterable[tuple[float, "SendResult"]]

_SECONDS = 10.0
_PROTOCOLS = {"grpc": "grpc", "http/protobuf": "http"}
MODULES: dict[str, tuple[str, ...]] = {
    "telemetry": (
        "floe_local.signals.shared.spans",
        "floe_local.signals.traces",
        "floe_local.prove.send.exporters",
        "opentelemetry.exporter.otlp.proto.grpc.trace_exporter",
        "opentelemetry.exporter.otlp.proto.http.trace_exporter",
    ),
    "lineage": ("floe_local.prove.send.lineage",),
}
"""What takes long to load, and is needed in any case. What needs no lineage does not wait for it."""

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
    """Let all groups of the request send at the same time, and tell how each fared."""
    gc.disable()  # modules are no garbage, and this process ends before it could matter
    reporter = Reporter.on_stdout()
    _load(MODULES["telemetry"])
    groups = list(enumerate(read_request(sys.stdin)["groups"]))
    forks = {number: _fork(number, group) for number, group in groups if not _has_runs(group)}
    _load(MODULES["lineage"])
    reporter.tell(loaded=monotonic())
    forks |= {number: _fork(number, group) for number, group in groups if number not in forks}
    for number, (process, lines) in forks.items():
        with os.fdopen(lines, encoding="utf-8") as acks:
            for line in acks:
                reporter.pass_on(line)
        _, status = os.waitpid(process, 0)
        reporter.tell(ended={"group": number, "code": os.waitstatus_to_exitcode(status)})
    reporter.tell(end=True)


def _load(modules: Iterable[str]) -> None:
    for module in modules:
        import_module(module)


def _has_runs(group: dict[str, Any]) -> bool:
    return any(one["signal"] == "lineage" for one in group["sendings"])


def _fork(number: int, group: dict[str, Any]) -> tuple[int, int]:
    """Send a group from a process of its own: its id, and the pipe on which it tells its acks.

    No SDK has started a thread yet, nor opened a connection.
    """
    reading, writing = os.pipe()
    if process := os.fork():
        os.close(writing)
        return process, reading
    signal.setitimer(signal.ITIMER_REAL, group["limit_s"])  # ends this process
    reporter = Reporter(os.fdopen(writing, "w", encoding="utf-8"))
    os.environ.update(group["environment"])
    if group["folder"]:
        os.chdir(group["folder"])
    for index, (at, result) in enumerate(_send_group(group)):
        reporter.tell(ack={"group": number, "index": index, "at": at, **result._asdict()})
    os._exit(0)  # what the SDKs do at exit is done


def _send_group(group: dict[str, Any]) -> Outcomes:
    """Send all of a group; when each was done, and how it fared."""
    with capture_logs() as messages, ThreadPoolExecutor(len(group["sendings"])) as pool:
        if group["transport"]:
            yield from _send_runs(group["transport"], group["sendings"], pool)
            return
        jobs = [pool.submit(_send, one, messages) for one in group["sendings"]]
        for job in jobs:
            error = job.exception()
            yield job.result() if error is None else (monotonic(), _failed(error))


def _send(sending: dict[str, Any], messages: Messages) -> tuple[float, SendResult]:
    outcome = _CLIENTS[sending["client"]](sending, messages)
    return monotonic(), outcome


def _send_runs(
    transport: dict[str, Any], runs: list[dict[str, Any]], pool: ThreadPoolExecutor
) -> Outcomes:
    """Send the parent's START, then all other runs at once, then the parent's end.

    Where the START fails, nothing else is tried: each run would wait for its own retries.
    """
    from floe_local.prove.send.lineage import RunSender, canary_client  # noqa: PLC0415 - heavy

    made = pool.submit(lambda: RunSender(canary_client(transport)))
    if failed := made.exception():
        return [(monotonic(), _failed(failed))] * len(runs)
    sender = made.result()
    parent, *others = runs
    start, end = parent["planned"]
    if failed := pool.submit(sender.emit, start).exception():
        unsent = f"not sent, because run '{parent['canary']}' was not taken: "
        rest = [(monotonic(), _failed(failed, unsent))] * len(others)
        return [(monotonic(), _failed(failed)), *rest]
    jobs = [pool.submit(sender.send, one["planned"]) for one in others]
    ends = [(monotonic(), error) for error in (job.exception() for job in jobs)]
    ends.insert(0, (monotonic(), pool.submit(sender.emit, end).exception()))
    pool.submit(sender.close).exception()  # its error is kept by the recording transports
    return [
        (at, _failed(error) if error else _run_result(sender, run))
        for run, (at, error) in zip(runs, ends, strict=True)
    ]


def _run_result(sender: RunSender, run: dict[str, Any]) -> SendResult:
    """What a run's events were answered, where the client itself did not fail."""
    answered, error = sender.response(_run_id(run))
    return SendResult(error_message(error), hint_for(error), answered=answered, taken=True)


def _run_id(run: dict[str, Any]) -> str:
    return str(run["planned"][0]["run"]["runId"])


def _failed(error: BaseException, before: str = "") -> SendResult:
    return SendResult(before + error_message(error), hint_for(error))


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

    sender = RunSender(OpenLineageClient())
    sender.send(sending["planned"])
    sender.close()
    result = _run_result(sender, sending)
    return result._replace(taken=not result.error or sender.is_taken(_run_id(sending)))


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
