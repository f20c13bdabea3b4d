"""The smoke test: send canaries, follow the hops, read back, judge, clean up."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from threading import Event
from time import monotonic
from typing import TYPE_CHECKING, NamedTuple

from floe_local.plan.env_refs import missing, resolve
from floe_local.plan.values import Kind, Signal
from floe_local.prove.canaries import Canaries, deliveries, plan
from floe_local.prove.cleanup import clean
from floe_local.prove.delivery import (
    Delivery,
    ProbeResult,
    Question,
    collector_addresses,
    takes_runs,
)
from floe_local.prove.read.collector import Counters, expected_count, read_baseline, watch_counters
from floe_local.prove.read.http import Http
from floe_local.prove.read.readback import make_ask
from floe_local.prove.report import (
    BackendUsed,
    Bulk,
    Check,
    CleanupResult,
    Durations,
    Report,
    failure_reason,
    mask_secrets,
)
from floe_local.prove.send.clients import resolve_pipeline
from floe_local.prove.send.emit import Stopwatch, send
from floe_local.prove.send.isolation import Messages, capture_logs, clean_environment
from floe_local.prove.targets import Tell, secrets_of, tell_nobody
from floe_local.prove.verdicts import check
from floe_local.signals.lineage import RunPlan, bulk_runs
from floe_local.until import poll_apart

if TYPE_CHECKING:
    from floe_local.plan.plugins.process import Child
    from floe_local.prove.targets import BackendTarget, SmokeOptions, Targets


class _Run(NamedTuple):
    """What one smoke test is about."""

    targets: Targets
    options: SmokeOptions
    canaries: Canaries
    planned: tuple[Delivery, ...]
    tell: Tell
    sender: Child | None


def smoke(
    targets: Targets,
    options: SmokeOptions,
    tell: Tell = tell_nobody,
    sender: Child | None = None,
) -> Report:
    """Prove that each backend receives what is sent to it.

    Talks to URLs only. Hides OTEL_* and OPENLINEAGE_* variables of this process meanwhile.

    Args:
        targets: where canaries go and are read.
        options: how.
        tell: called with what happens, in threads.
        sender: the process that was started before (`isolation.start_sender`).

    Raises:
        InputError: a probe is broken, or a variable that it needs is not set.
    """
    watch = Stopwatch()
    secrets = secrets_of(targets, os.environ)
    canaries = plan(targets.namespace, tuple(collector_addresses(targets)), _signals(targets))
    known = _known(targets)
    run = _Run(known, options, canaries, deliveries(known, canaries), tell, sender)
    with (
        Http(options.threads + 1) as http,
        clean_environment(targets.environment),
        capture_logs() as messages,
    ):
        checks, durations = _checks(run, http, watch)
        accounts = _bulk(run, http, messages)
        cleaning = monotonic()
        results = _clean(run, http)
    ended = monotonic()
    reason = failure_reason(checks, accounts, results, strict=options.strict)
    return Report(
        ok=not reason,
        strict=options.strict,
        reason=reason,
        stack=targets.stack,
        run_id=canaries.id,
        namespace=targets.namespace,
        sampling=targets.sampling,
        backends=tuple(
            BackendUsed(name=t.name, image=t.image, origin=t.origin) for t in targets.backends
        ),
        checks=tuple(mask_secrets(check, secrets) for check in checks),
        bulk=accounts,
        cleanup=tuple(mask_secrets(result, secrets) for result in results),
        durations=durations.model_copy(
            update={"cleanup": ended - cleaning, "total": ended - watch.start}
        ),
    )


def _known(targets: Targets) -> Targets:
    """Put variables into the transports while those of the SDKs' names are not hidden.

    What is not set stays a reference, and fails as the client's.
    """

    def known(target: BackendTarget) -> BackendTarget:
        if missing(target.transport, os.environ):
            return target
        transport = resolve(target.transport, os.environ, "the OpenLineage transport")
        return target.model_copy(update={"transport": transport})

    pipeline = targets.pipeline
    if pipeline is not None:
        pipeline = resolve_pipeline(pipeline, {**os.environ, **targets.environment})
    backends = tuple(map(known, targets.backends))
    return targets.model_copy(update={"backends": backends, "pipeline": pipeline})


def _bulk(run: _Run, http: Http, messages: Messages) -> tuple[Bulk, ...]:
    """Send and account for `count` traces and runs. Loaded only when there are any."""
    if not run.options.count:
        return ()
    run.tell("bulk", "sending", f"{run.options.count} more traces and runs")
    from floe_local.prove.bulk import account_for_each  # noqa: PLC0415 - loads both SDKs

    accounts = account_for_each(run.targets, run.canaries, run.options, http, messages)
    run.tell("bulk", "done", "each is accounted for")
    return accounts


def _clean(run: _Run, http: Http) -> tuple[CleanupResult, ...]:
    lineage = [target for target in run.targets.backends if takes_runs(target)]
    if run.options.keep:
        return tuple(CleanupResult(backend=target.name, kept=True) for target in lineage)
    sent = (plan for one in run.planned for plan in one.sending.planned)
    runs = [*{plan.run_id: plan for plan in sent if isinstance(plan, RunPlan)}.values()]
    if run.options.count:
        runs += bulk_runs(run.canaries.id, run.options.threads)
    return clean(lineage, runs, run.canaries.namespace, http, run.options.threads)


def _signals(targets: Targets) -> frozenset[Signal]:
    """Return what is worth sending: a signal that no backend takes is not."""
    return frozenset(signal for target in targets.backends for signal in target.accepts)


def _checks(run: _Run, http: Http, watch: Stopwatch) -> tuple[tuple[Check, ...], Durations]:
    counters = read_baseline(http, run.targets.collector_metrics)
    run.tell("clients", "sending", "canaries, with the SDKs that pipelines use")
    sent = send(run.planned, run.targets, watch, run.sender)
    answers = [one.is_acknowledged for one in sent if one.ack]
    run.tell("clients", "sent", f"{sum(answers)} of {len(answers)} acknowledged")
    ended = monotonic()
    last = max((one.ack.at for one in sent if one.ack), default=ended)
    followed = _follow(sent, run, counters, watch, last + run.options.deadline)
    durations = Durations(
        load=watch.loaded - watch.start,
        send=ended - watch.start,
        verdict=monotonic() - ended,
        cleanup=0.0,
        total=0.0,
    )
    return tuple(map(check, followed)), durations


def _follow(
    sent: tuple[Delivery, ...],
    run: _Run,
    counters: Counters,
    watch: Stopwatch,
    deadline: float,
) -> tuple[Delivery, ...]:
    """Watch the counters and read back at the same time; put what is found on the deliveries."""
    counted = [expected_count(one, sent) for one in sent]
    stop = Event()
    with ThreadPoolExecutor(1, thread_name_prefix="hops") as pool:
        try:
            watching = pool.submit(
                watch_counters,
                counters,
                [*filter(None, counted)],
                start=watch.start,
                deadline=deadline,
                stop=stop,
            )
            results = _read_back(sent, run, counters.http, watch, deadline)
            if not any(map(_is_only_counted, sent)):
                stop.set()
            hops = watching.result()
        finally:
            stop.set()
    return tuple(
        one._replace(
            hops=hops[count] if count else (),
            results=tuple(results[q] for q in one.questions if q in results),
        )
        for one, count in zip(sent, counted, strict=True)
    )


def _read_back(
    sent: tuple[Delivery, ...],
    run: _Run,
    http: Http,
    watch: Stopwatch,
    deadline: float,
) -> dict[Question, ProbeResult]:
    """Ask each backend for what was acknowledged; what no client could send is not there."""
    by_backend: dict[str, dict[Question, None]] = {}
    for one in sent:
        if one.is_acknowledged:
            by_backend.setdefault(one.target.name, {}).update(dict.fromkeys(one.questions))
    answers = poll_apart(
        {name: list(questions) for name, questions in by_backend.items()},
        make_ask(http),
        deadline=deadline,
        threads=run.options.threads,
        pause_of=lambda question: question.probe.pause_s,
        on_round=partial(_tell_received, run, deadline),
    )
    return {
        question: ProbeResult(
            never=question.never,
            present=question.never and reply.final,
            differences=tuple(differences),
            seconds=at - watch.start,
        )
        for question, differences, reply, at in answers
    }


def _tell_received(run: _Run, deadline: float, backend: str, received: int, count: int) -> None:
    """Tell how far reading back from a backend has come."""
    if received == count:
        run.tell(backend, "received", f"{received} of {count} answers are as they should be")
        return
    waited = run.options.deadline - (deadline - monotonic())
    time = f"{max(0.0, waited):.0f} s of {run.options.deadline:g} s"
    run.tell(backend, "reading back", f"{received} of {count} received, {time}")


def _is_only_counted(delivery: Delivery) -> bool:
    """Tell whether the verdict rests on the Collector's counters alone."""
    target, signal = delivery.target, delivery.signal
    counted = target.kind is Kind.TELEMETRY and signal in target.accepts
    return counted and not target.readback.get(signal)
