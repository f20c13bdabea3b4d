"""Send all canaries at the same time: each protocol, and each lineage backend, on its own."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from importlib import import_module
from textwrap import shorten
from time import monotonic
from typing import TYPE_CHECKING, Any

from floe_local.errors import FloeError
from floe_local.plan.values import Signal
from floe_local.prove.delivery import Ack, Delivery, sendings, takes_runs

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from floe_local.prove.delivery import Sending
    from floe_local.prove.emit_lineage import RunSender
    from floe_local.prove.exporters import RecordingExporter
    from floe_local.prove.isolation import Messages
    from floe_local.prove.responses import RunResponse
    from floe_local.prove.targets import BackendTarget

    Acks = dict[Sending, Ack]

_USER_INFO = re.compile(r"//[^/@\s]+@")
_WRAPPER_LENGTH = 120
_NO_PATH = "the path is not the backend's: mend `url` and `endpoint` of the plugin's transport"
_NO_ENTRY = "the backend refuses the credentials of the plugin's transport: mend its `auth`"
_HINTS: dict[object, str] = {404: _NO_PATH, 405: _NO_PATH, 401: _NO_ENTRY, 403: _NO_ENTRY}


class Stopwatch:
    """Seconds since it was made. `loaded` is the last time that an SDK was ready."""

    def __init__(self) -> None:
        self.start = self.loaded = monotonic()

    def ready(self) -> None:
        """Note that an SDK has been imported."""
        self.loaded = max(self.loaded, monotonic())

    def ack(self, error: str = "", hint: str = "") -> Ack:
        """Return the acknowledgement of what has been sent up to now."""
        now = monotonic()
        return Ack(ok=not error, at=now, seconds=now - self.start, error=error, hint=hint)


def send(
    deliveries: Sequence[Delivery], namespace: str, messages: Messages, watch: Stopwatch
) -> tuple[Delivery, ...]:
    """Send the canaries, and put on each delivery how it was acknowledged.

    Lineage goes first: its backend is the slowest to answer, and the OTel SDK can be
    loaded while it does. Its client is loaded here, before there are threads: it changes
    the warning filters of the whole process while it loads.
    """
    runs = _grouped([one for one in deliveries if takes_runs(one.target)], _backend)
    telemetry = _grouped([one for one in deliveries if one.signal is not Signal.LINEAGE], _protocol)
    if runs:
        import_module("floe_local.prove.emit_lineage")
    with ThreadPoolExecutor(len(runs) + len(telemetry) + 1, thread_name_prefix="emit") as pool:
        jobs = [
            pool.submit(_send_lineage, own[0].target, sendings(own), namespace, watch)
            for own in runs.values()
        ]
        jobs += [
            pool.submit(_send_telemetry, sendings(own), messages, watch)
            for own in telemetry.values()
        ]
        acks = {sending: ack for job in jobs for sending, ack in job.result().items()}
    return tuple(one._replace(ack=acks.get(one.sending)) for one in deliveries)


def _grouped(
    deliveries: list[Delivery], name_of: Callable[[Delivery], str]
) -> dict[str, list[Delivery]]:
    groups: dict[str, list[Delivery]] = {}
    for delivery in deliveries:
        groups.setdefault(name_of(delivery), []).append(delivery)
    return groups


def _backend(delivery: Delivery) -> str:
    return delivery.target.name


def _protocol(delivery: Delivery) -> str:
    return delivery.sending.protocol


def _send_telemetry(own: list[Sending], messages: Messages, watch: Stopwatch) -> Acks:
    """Send what goes by one protocol, signal by signal."""
    from floe_local.prove.exporters import RecordingExporter, exporter  # noqa: PLC0415 - the SDK

    acks = {}
    for sending in own:
        made = exporter(sending.signal, sending.protocol, sending.address)
        recording = RecordingExporter(made, messages)
        watch.ready()
        _SENDERS[sending.signal](sending.planned, recording)
        recording.shutdown()
        acks[sending] = watch.ack(next(iter(recording.take()), ""))
    return acks


def _send_traces(traces: tuple[Any, ...], exporter: RecordingExporter) -> None:
    from floe_local.prove.emit_traces import TraceSender  # noqa: PLC0415 - loads the SDK

    sender = TraceSender(exporter)
    for trace in traces:
        sender.send(trace)


def _send_metrics(metrics: tuple[Any, ...], exporter: RecordingExporter) -> None:
    from floe_local.prove.emit_signals import send_metrics  # noqa: PLC0415 - loads the SDK

    send_metrics(metrics, exporter)


def _send_logs(logs: tuple[Any, ...], exporter: RecordingExporter) -> None:
    from floe_local.prove.emit_signals import send_log  # noqa: PLC0415 - loads the SDK

    for log in logs:
        send_log(log, exporter)


_SENDERS: dict[Signal, Callable[[tuple[Any, ...], RecordingExporter], None]] = {
    Signal.TRACES: _send_traces,
    Signal.METRICS: _send_metrics,
    Signal.LOGS: _send_logs,
}


def _send_lineage(
    target: BackendTarget, own: list[Sending], namespace: str, watch: Stopwatch
) -> Acks:
    """Send the parent's START, then all other runs at once, then the parent's end."""
    parent, *others = own

    def ack(error: BaseException | None) -> Ack:
        return watch.ack(error_message(error), hint_for(error))

    with ThreadPoolExecutor(len(own), thread_name_prefix="lineage") as pool:
        made = pool.submit(run_sender, target, namespace)
        failed = made.exception() or pool.submit(made.result().start, _run(parent)).exception()
        if failed:
            return {sending: ack(failed) for sending in own}
        watch.ready()
        sender = made.result()
        jobs = {sending: pool.submit(sender.send, _run(sending)) for sending in others}
        acks = {sending: ack(job.exception()) for sending, job in jobs.items()}
        acks[parent] = ack(pool.submit(sender.end, _run(parent)).exception())
        pool.submit(sender.close)  # what it raises, the transports keep
    return {
        sending: _with_response(ack, sender.response(_run(sending).run_id))
        for sending, ack in acks.items()
    }


def _run(sending: Sending) -> Any:
    [run] = sending.planned
    return run


def _with_response(ack: Ack, response: RunResponse) -> Ack:
    """Put what the transports were answered into the ack of what did not fail as a whole."""
    if not ack.ok:
        return ack
    found = {"answered": response.answered, "hint": hint_for(response.error)}
    return ack.model_copy(update={**found, "error": error_message(response.error)})


def run_sender(target: BackendTarget, namespace: str) -> RunSender:
    """Return what sends runs to a backend through its own transport.

    Raises:
        InputError: the transport needs a variable that is not set.
    """
    from floe_local.prove.emit_lineage import RunSender, made  # noqa: PLC0415 - heavy

    return RunSender(made(target.transport or {}), namespace)


def error_message(error: BaseException | None) -> str:
    """Return why a client failed, empty when it did not.

    A transport may be anybody's code and raise anything. Where it raised one error from
    another, the first of them has the reason.
    """
    if isinstance(error, FloeError):
        return f"{error.reason}; {error.hint}"
    if error is None:
        return ""
    first = _first(error)
    if first is error:
        return _named(error)
    return f"{shorten(_named(error), _WRAPPER_LENGTH, placeholder='…')}: {_named(first)}"


def hint_for(error: BaseException | None) -> str:
    """Return what to do about a client's failure, empty where only its kind of hop tells."""
    first = _first(error) if error else None
    if isinstance(first, FloeError):
        return first.hint
    if isinstance(first, ImportError):
        return f"install what its transport needs beside floe-local: {first.name or first}"
    status: object = getattr(getattr(first, "response", None), "status_code", None)
    return _HINTS.get(status, "")


def _first(error: BaseException) -> BaseException:
    while error.__cause__:
        error = error.__cause__
    return error


def _named(error: BaseException) -> str:
    return _USER_INFO.sub("//", f"{type(error).__name__}: {error}")
