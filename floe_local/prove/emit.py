"""Send all canaries at the same time: each protocol, and each lineage backend, on its own."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from importlib import import_module
from time import monotonic
from typing import TYPE_CHECKING, Any

from floe_local.plan.values import Signal
from floe_local.prove.client_errors import error_message, hint_for
from floe_local.prove.clients import send_by_clients
from floe_local.prove.delivery import FLOE_LOCAL, Ack, Delivery, sendings, takes_runs

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from floe_local.plan.plugins.process import Child
    from floe_local.prove.delivery import Sending
    from floe_local.prove.emit_lineage import RunSender
    from floe_local.prove.exporters import RecordingExporter
    from floe_local.prove.isolation import Messages
    from floe_local.prove.responses import RunResponse
    from floe_local.prove.targets import BackendTarget, PipelineEnvironment, Targets

    Acks = dict[Sending, Ack]


class Stopwatch:
    """Seconds since it was made. `loaded` is the last time that an SDK was ready."""

    def __init__(self) -> None:
        self.start = self.loaded = monotonic()

    def ready(self) -> None:
        """Note that an SDK has been imported."""
        self.loaded = max(self.loaded, monotonic())

    def ack(self, error: str = "", hint: str = "", *, at: float | None = None) -> Ack:
        """Return the acknowledgement of what has been sent up to now, or up to `at`."""
        at = monotonic() if at is None else at
        return Ack(ok=not error, at=at, seconds=at - self.start, error=error, hint=hint)


def send(
    deliveries: Sequence[Delivery],
    targets: Targets,
    messages: Messages,
    watch: Stopwatch,
    client: Child | None = None,
) -> tuple[Delivery, ...]:
    """Send the canaries, and put on each delivery how it was acknowledged.

    First the process of other clients gets its request, then lineage goes out: its backend is the
    slowest to answer, and the OTel SDK can be loaded while it does. Lineage's client is loaded
    here, before this process sends: it changes the warning filters of the whole of it.
    """
    own = [one for one in deliveries if one.sending.client == FLOE_LOCAL]
    runs = _grouped([one for one in own if takes_runs(one.target)], _backend)
    telemetry = _grouped([one for one in own if one.signal is not Signal.LINEAGE], _protocol)
    others = sendings(one for one in deliveries if one.sending.client != FLOE_LOCAL)
    with ThreadPoolExecutor(len(runs) + len(telemetry) + 1, thread_name_prefix="emit") as pool:
        jobs = [pool.submit(_send_by_clients, others, targets.pipeline, watch, client)]
        if runs:
            import_module("floe_local.prove.emit_lineage")
        jobs += [
            pool.submit(_send_lineage, same[0].target, sendings(same), targets.namespace, watch)
            for same in runs.values()
        ]
        jobs += [
            pool.submit(_send_telemetry, sendings(same), messages, watch)
            for same in telemetry.values()
        ]
        acks = {sending: ack for job in jobs for sending, ack in job.result().items()}
    return tuple(one._replace(ack=acks.get(one.sending)) for one in deliveries)


def _send_by_clients(
    others: list[Sending],
    pipeline: PipelineEnvironment | None,
    watch: Stopwatch,
    client: Child | None,
) -> Acks:
    outcomes = send_by_clients(others, pipeline, client) if pipeline else {}
    return {
        sending: watch.ack(outcome["error"], outcome["hint"], at=outcome["at"]).model_copy(
            update={"ok": outcome["taken"], "answered": outcome["answered"]}
        )
        for sending, outcome in outcomes.items()
    }


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
    """Send what goes by one protocol, signal by signal; first what takes longest to be stored."""
    from floe_local.prove.exporters import RecordingExporter, exporter  # noqa: PLC0415 - the SDK

    exporters = {
        one: RecordingExporter(exporter(one.signal, one.protocol, one.address), messages)
        for one in sorted(own, key=lambda one: one.count, reverse=True)
    }
    senders = {one: _sender(one.signal) for one in own}
    watch.ready()
    acks = {}
    for sending, recording in exporters.items():
        senders[sending](sending.planned, recording)
        recording.shutdown()
        acks[sending] = watch.ack(next(iter(recording.take()), ""))
    return acks


def _sender(signal: Signal) -> Callable[[tuple[Any, ...], RecordingExporter], None]:
    """Return what sends the canaries of a signal through an exporter; loads the SDK."""
    module = "emit_traces" if signal is Signal.TRACES else "emit_signals"
    sender: Callable[[tuple[Any, ...], RecordingExporter], None]
    sender = getattr(import_module(f"floe_local.prove.{module}"), f"send_{signal}")
    return sender


def _send_lineage(
    target: BackendTarget, own: list[Sending], namespace: str, watch: Stopwatch
) -> Acks:
    """Send the parent's START, then all other runs at once, then the parent's end.

    Where the START fails, nothing else is tried: each run would wait for its own retries.
    """
    parent, *others = own

    def ack(error: BaseException | None, before: str = "") -> Ack:
        return watch.ack(before + error_message(error), hint_for(error)) if error else watch.ack()

    with ThreadPoolExecutor(len(own), thread_name_prefix="lineage") as pool:
        made = pool.submit(run_sender, target, namespace)
        if failed := made.exception():
            return {sending: ack(failed) for sending in own}
        watch.ready()
        sender = made.result()
        if failed := pool.submit(sender.start, _run(parent)).exception():
            unsent = f"not sent, because run '{parent.canary}' was not taken: "
            return {sending: ack(failed, "" if sending is parent else unsent) for sending in own}
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
    from floe_local.prove.emit_lineage import RunSender, canary_client  # noqa: PLC0415 - heavy

    return RunSender(canary_client(target.transport or {}), namespace)
