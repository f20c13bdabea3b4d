"""Many traces and many runs, each accounted for. Import late: it loads both SDKs."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import contextmanager
from functools import partial
from time import monotonic
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from floe_local.plan.values import Signal
from floe_local.prove.delivery import Question, collector_addresses, takes_runs
from floe_local.prove.read.readback import make_ask
from floe_local.prove.report import Bulk
from floe_local.prove.send.emit import run_events, run_sender
from floe_local.prove.send.exporters import RecordingExporter, exporter
from floe_local.signals import lineage, traces
from floe_local.signals.lineage import RunPlan, bulk_runs, rerun
from floe_local.signals.shared.model import TracePlan
from floe_local.signals.shared.spans import TraceSender
from floe_local.signals.traces import bulk_trace
from floe_local.until import poll

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from floe_local.plan.blueprint.model import Probe
    from floe_local.prove.canaries import Canaries
    from floe_local.prove.read.http import Http
    from floe_local.prove.send.isolation import Messages
    from floe_local.prove.send.lineage import RunSender
    from floe_local.prove.targets import BackendTarget, SmokeOptions, Targets
    from floe_local.signals.shared.model import ExpectedItem, OtlpTransport

Shared = TypeVar("Shared", TracePlan, RunPlan)

_CHUNK = 1000  # plans and answers in memory at a time


class _Sent(NamedTuple):
    """What was acknowledged of a chunk, and the seconds that sending all of it took."""

    items: list[ExpectedItem]
    seconds: float


class _Account(NamedTuple):
    """The running account of one backend."""

    acknowledged: int = 0
    missing: tuple[str, ...] = ()
    send_seconds: float = 0.0
    read_seconds: float = 0.0


def account_for_each(
    targets: Targets, canaries: Canaries, options: SmokeOptions, http: Http, messages: Messages
) -> tuple[Bulk, ...]:
    """Send `options.count` traces and runs in parallel and read each of them back.

    Traces first, then runs: their times do not disturb each other. Memory holds one chunk.
    """
    urls = collector_addresses(targets)
    telemetry = [t for t in targets.backends if _reads(t, Signal.TRACES)]
    accounts: list[Bulk] = []
    if telemetry and urls:
        senders = [_trace_sender(urls, n, messages) for n in range(options.threads)]
        send = partial(_send_traces, senders, canaries.id, tuple(urls))
        accounts += _account(
            telemetry, Signal.TRACES, "+".join(urls), send, options=options, http=http
        )
    for target in targets.backends:
        if takes_runs(target) and _reads(target, Signal.LINEAGE):
            with _run_senders(target, canaries, options.threads) as runs:
                send = partial(_send_runs, runs, target, canaries.namespace)
                accounts += _account(
                    [target], Signal.LINEAGE, "openlineage", send, options=options, http=http
                )
    return tuple(accounts)


def _reads(target: BackendTarget, signal: Signal) -> bool:
    return signal in target.accepts and bool(_probes(target, signal))


def _probes(target: BackendTarget, signal: Signal) -> list[Probe]:
    each = "trace" if signal is Signal.TRACES else "run"
    probes = target.readback.get(signal, ())
    return [probe for probe in probes if probe.each == each and not probe.pause_s]


def _account(
    backends: list[BackendTarget],
    signal: Signal,
    protocol: str,
    send: Callable[[int], _Sent],
    *,
    options: SmokeOptions,
    http: Http,
) -> list[Bulk]:
    kept = {target.name: _Account() for target in backends}
    for start in range(0, options.count, _CHUNK):
        sent = send(min(_CHUNK, options.count - start))
        for target in backends:
            kept[target.name] = _read(
                target, signal, sent, kept[target.name], options=options, http=http
            )
    return [
        Bulk(
            backend=name,
            signal=signal,
            protocol=protocol,
            threads=options.threads,
            sent=options.count,
            acknowledged=account.acknowledged,
            stored=account.acknowledged - len(account.missing),
            missing=account.missing,
            send_seconds=account.send_seconds,
            read_seconds=account.read_seconds,
        )
        for name, account in kept.items()
    ]


def _read(
    target: BackendTarget,
    signal: Signal,
    sent: _Sent,
    account: _Account,
    *,
    options: SmokeOptions,
    http: Http,
) -> _Account:
    started = monotonic()
    questions = [Question(target, p, item) for p in _probes(target, signal) for item in sent.items]
    answers = poll(
        questions, make_ask(http), deadline=started + options.deadline, threads=options.threads
    )
    id_of = "trace_id" if signal is Signal.TRACES else "run_id"
    missing = {q.item.values[id_of] for q, _, reply, _ in answers if not reply.good}
    return _Account(
        acknowledged=account.acknowledged + len(sent.items),
        missing=(*account.missing, *sorted(missing)),
        send_seconds=account.send_seconds + sent.seconds,
        read_seconds=account.read_seconds + monotonic() - started,
    )


def _trace_sender(
    urls: dict[OtlpTransport, str], number: int, messages: Messages
) -> tuple[TraceSender, RecordingExporter]:
    protocol = list(urls)[number % len(urls)]
    recording = RecordingExporter(exporter(Signal.TRACES, protocol, urls[protocol]), messages)
    return TraceSender(recording), recording


def _send_traces(
    senders: list[tuple[TraceSender, RecordingExporter]],
    canary: str,
    protocols: tuple[OtlpTransport, ...],
    count: int,
) -> _Sent:
    plans = [bulk_trace(canary, protocols[n % len(protocols)]) for n in range(count)]

    def share(number: int, acknowledged: list[TracePlan]) -> None:
        sender, recording = senders[number]
        for plan in plans[number :: len(senders)]:
            sender.send(plan)
            if recording.take():
                break  # each of the rest would wait for its own timeout
            acknowledged.append(plan)

    sent, seconds = _shared(share, len(senders))
    return _Sent([traces.expected(trace)[0] for trace in sent], seconds)


def _send_runs(
    senders: list[tuple[RunSender, RunPlan]], target: BackendTarget, namespace: str, count: int
) -> _Sent:
    def share(number: int, acknowledged: list[RunPlan]) -> None:
        sender, job = senders[number]
        for _ in range(number, count, len(senders)):
            plan = rerun(job)
            sender.send(run_events(plan, namespace))
            acknowledged.append(plan)

    runs, seconds = _shared(share, len(senders))
    return _Sent([lineage.expected(run, namespace, target.naming)[0] for run in runs], seconds)


def _shared(share: Callable[[int, list[Shared]], None], threads: int) -> tuple[list[Shared], float]:
    """Let each thread do its share, and append what was acknowledged.

    What a client raises ends its thread's share; the rest of it counts as not sent.
    """
    started = monotonic()
    done: list[list[Shared]] = [[] for _ in range(threads)]
    with ThreadPoolExecutor(threads, thread_name_prefix="bulk") as pool:
        wait([pool.submit(share, number, done[number]) for number in range(threads)])
    return [item for items in done for item in items], monotonic() - started


@contextmanager
def _run_senders(
    target: BackendTarget, canaries: Canaries, threads: int
) -> Iterator[list[tuple[RunSender, RunPlan]]]:
    jobs = bulk_runs(canaries.id, threads)
    senders = [(run_sender(target), job) for job in jobs]
    try:
        yield senders
    finally:
        for sender, _ in senders:
            sender.close()
