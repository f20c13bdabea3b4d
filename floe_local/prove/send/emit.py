"""Send all canaries at the same time: each protocol, and each lineage backend, on its own."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from importlib import import_module
from time import monotonic
from typing import TYPE_CHECKING, Any

from floe_local.plan.values import Signal
from floe_local.prove.delivery import FLOE_LOCAL, Ack, Delivery, sendings, takes_runs
from floe_local.prove.send.client_errors import error_message, hint_for
from floe_local.prove.send.clients import send_by_processes

if TYPE_CHECKING:
    from collections.abc import Sequence

    from floe_local.prove.delivery import Sending
    from floe_local.prove.send.isolation import Senders
    from floe_local.prove.send.lineage import RunResponse, RunSender
    from floe_local.prove.targets import BackendTarget, PipelineEnvironment, Targets

    Acks = dict[Sending, Ack]


class Stopwatch:
    """Seconds since it was made. `loaded` is the last time that an SDK was ready."""

    def __init__(self) -> None:
        self.start = self.loaded = monotonic()

    def ready(self, at: float) -> None:
        """Note that an SDK has been imported, at a time of the monotonic clock."""
        self.loaded = max(self.loaded, at)

    def ack(self, error: str = "", hint: str = "", *, at: float | None = None) -> Ack:
        """Return the acknowledgement of what has been sent up to now, or up to `at`."""
        at = monotonic() if at is None else at
        return Ack(ok=not error, at=at, seconds=at - self.start, error=error, hint=hint)


def send(
    deliveries: Sequence[Delivery],
    targets: Targets,
    watch: Stopwatch,
    senders: Senders | None = None,
) -> tuple[Delivery, ...]:
    """Send the canaries, and put on each delivery how it was acknowledged.

    floe-local's own lineage leaves from this process, all else from others (decision 30), which
    get first what takes longest to be stored. Lineage's client is loaded here, before this
    process sends: it changes the warning filters of the whole of it.
    """
    runs: dict[str, list[Delivery]] = {}
    others = []
    for one in deliveries:
        if takes_runs(one.target) and one.sending.client == FLOE_LOCAL:
            runs.setdefault(one.target.name, []).append(one)
        elif one.signal is not Signal.LINEAGE or one.sending.client != FLOE_LOCAL:
            others.append(one)
    largest_first = sorted(sendings(others), key=lambda one: one.count, reverse=True)
    with ThreadPoolExecutor(len(runs) + 1, thread_name_prefix="emit") as pool:
        jobs = [pool.submit(_send_by_processes, largest_first, targets.pipeline, watch, senders)]
        if runs:
            import_module("floe_local.prove.send.lineage")
        jobs += [
            pool.submit(_send_lineage, same[0].target, sendings(same), targets.namespace, watch)
            for same in runs.values()
        ]
        acks = {sending: ack for job in jobs for sending, ack in job.result().items()}
    return tuple(one._replace(ack=acks.get(one.sending)) for one in deliveries)


def _send_by_processes(
    others: list[Sending],
    pipeline: PipelineEnvironment | None,
    watch: Stopwatch,
    senders: Senders | None,
) -> Acks:
    outcomes, loaded = send_by_processes(others, pipeline, senders)
    watch.ready(loaded)
    return {
        sending: watch.ack(outcome["error"], outcome["hint"], at=outcome["at"]).model_copy(
            update={"ok": outcome["taken"], "answered": outcome["answered"]}
        )
        for sending, outcome in outcomes.items()
    }


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
        watch.ready(monotonic())
        sender = made.result()
        if failed := pool.submit(sender.start, _run(parent)).exception():
            unsent = f"not sent, because run '{parent.canary}' was not taken: "
            return {sending: ack(failed, "" if sending is parent else unsent) for sending in own}
        jobs = {sending: pool.submit(sender.send, _run(sending)) for sending in others}
        acks = {sending: ack(job.exception()) for sending, job in jobs.items()}
        acks[parent] = ack(pool.submit(sender.end, _run(parent)).exception())
        pool.submit(sender.close)  # its error is kept by the recording transports
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
    from floe_local.prove.send.lineage import RunSender, canary_client  # noqa: PLC0415 - heavy

    return RunSender(canary_client(target.transport or {}), namespace)
