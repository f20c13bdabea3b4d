"""The smoke test: send canaries, follow the hops, read back, judge, clean up."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from threading import Event
from time import monotonic
from typing import TYPE_CHECKING, NamedTuple

from floe_local.plan.env_refs import required, resolve
from floe_local.plan.values import Frozen, Kind, Signal
from floe_local.prove.acknowledged import Ack, Stopwatch
from floe_local.prove.canaries import Canaries, bulk_runs, plan
from floe_local.prove.cleanup import clean
from floe_local.prove.counters import Counters, Hops, baseline, watched
from floe_local.prove.emit import addresses, emit, takes_runs
from floe_local.prove.hops import Expected
from floe_local.prove.http import Http
from floe_local.prove.isolation import Messages, captured_logs, clean_environment
from floe_local.prove.options import SmokeOptions
from floe_local.prove.poll import poll_apart
from floe_local.prove.readback import Question, asker, not_held, questions
from floe_local.prove.report import (
    BackendUsed,
    Bulk,
    Check,
    CleanupResult,
    Durations,
    Hop,
    Report,
    fault,
)
from floe_local.prove.secrets import masked, secrets_of
from floe_local.prove.targets import BackendTarget, Targets
from floe_local.prove.verdicts import Evidence, Seen, check

if TYPE_CHECKING:
    from collections.abc import Iterator

_TELEMETRY = (Signal.TRACES, Signal.METRICS, Signal.LOGS)


class _Way(NamedTuple):
    """One way by which a canary goes; `key` is what its acknowledgement is called by."""

    signal: Signal
    protocol: str
    key: str
    canary: str
    where: str


class _Run(Frozen):
    """What one smoke test is about."""

    targets: Targets
    options: SmokeOptions
    canaries: Canaries


def smoke(targets: Targets, options: SmokeOptions) -> Report:
    """Prove that each backend receives what is sent to it.

    Talks to URLs only. Hides OTEL_* and OPENLINEAGE_* variables of this process meanwhile.

    Raises:
        InputError: a probe is broken, or a variable that it needs is not set.
    """
    watch = Stopwatch()
    secrets = secrets_of(targets, os.environ)
    canaries = plan(targets.namespace, tuple(addresses(targets)), _signals(targets))
    run = _Run(targets=_known(targets), options=options, canaries=canaries)
    with (
        Http(options.threads + 1) as http,
        clean_environment(targets.environment),
        captured_logs() as messages,
    ):
        checks, durations = _checks(run, http, messages, watch)
        accounts = _bulk(run, http, messages)
        cleaning = monotonic()
        results = _clean(run, http)
    ended = monotonic()
    reason = fault(checks, accounts, results, strict=options.strict)
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
        checks=tuple(masked(check, secrets) for check in checks),
        bulk=accounts,
        cleanup=tuple(masked(result, secrets) for result in results),
        durations=durations.model_copy(
            update={"cleanup": ended - cleaning, "total": ended - watch.start}
        ),
    )


def _known(targets: Targets) -> Targets:
    """Put variables into the transports while those of the SDKs' names are not hidden.

    What is not set stays a reference, and fails as the client's.
    """

    def known(target: BackendTarget) -> BackendTarget:
        if not all(os.environ.get(name) for name in required(target.transport)):
            return target
        transport = resolve(target.transport, os.environ, "the OpenLineage transport")
        return target.model_copy(update={"transport": transport})

    return targets.model_copy(update={"backends": tuple(map(known, targets.backends))})


def _bulk(run: _Run, http: Http, messages: Messages) -> tuple[Bulk, ...]:
    """Send and account for `count` traces and runs. Loaded only when there are any."""
    if not run.options.count:
        return ()
    from floe_local.prove.bulk import accounted  # noqa: PLC0415 - loads both SDKs

    return accounted(run.targets, run.canaries, run.options, http, messages)


def _clean(run: _Run, http: Http) -> tuple[CleanupResult, ...]:
    lineage = [target for target in run.targets.backends if takes_runs(target)]
    if run.options.keep:
        return tuple(CleanupResult(backend=target.name, kept=True) for target in lineage)
    runs = [*run.canaries.runs]
    if run.options.count:
        runs += bulk_runs(run.canaries.id, run.options.threads)
    return clean(lineage, runs, run.canaries.namespace, http, run.options.threads)


def _signals(targets: Targets) -> frozenset[Signal]:
    """Return what is worth sending: a signal that no backend takes is not."""
    return frozenset(signal for target in targets.backends for signal in target.accepts)


def _checks(
    run: _Run, http: Http, messages: Messages, watch: Stopwatch
) -> tuple[tuple[Check, ...], Durations]:
    counters = baseline(http, run.targets.collector_metrics)
    acks = emit(run.targets, run.canaries, messages, watch)
    sent = monotonic()
    deadline = max((ack.at for ack in acks), default=sent) + run.options.deadline
    hops, seen = _follow(run, acks, counters, watch, deadline)
    checks = tuple(check(evidence) for evidence in _evidence(run, acks, hops, seen))
    durations = Durations(
        load=watch.loaded - watch.start,
        send=sent - watch.start,
        verdict=monotonic() - sent,
        cleanup=0.0,
        total=0.0,
    )
    return checks, durations


def _follow(
    run: _Run, acks: tuple[Ack, ...], counters: Counters, watch: Stopwatch, deadline: float
) -> tuple[Hops, list[Seen]]:
    """Watch the counters and read back at the same time, under one deadline."""
    asked: dict[str, list[Question]] = {}
    for question in _questions(run):
        if _acknowledged(question, acks):
            asked.setdefault(question.target.name, []).append(question)
    expected = [item for target in run.targets.backends for item in _expected(run, target, acks)]
    stop = Event()
    with ThreadPoolExecutor(1, thread_name_prefix="hops") as pool:
        try:
            watching = pool.submit(
                watched, counters, expected, start=watch.start, deadline=deadline, stop=stop
            )
            answers = poll_apart(
                asked,
                asker(counters.http),
                deadline=deadline,
                threads=run.options.threads,
                pause_of=lambda question: question.probe.pause_s,
            )
            if not _only_counted(run):
                stop.set()
            hops = watching.result()
        finally:
            stop.set()
    return hops, [
        Seen(
            backend=question.target.name,
            signal=question.signal,
            key=question.subject.key,
            never=question.never,
            said_yes=question.never and reply.final,
            differences=tuple(differences),
            seconds=at - watch.start,
        )
        for question, differences, reply, at in answers
    ]


def _questions(run: _Run) -> Iterator[Question]:
    for target in run.targets.backends:
        for signal in target.accepts:
            yield from questions(target, signal, run.canaries)


def _acknowledged(question: Question, acks: tuple[Ack, ...]) -> bool:
    """Tell whether it is worth asking: what no client could send will not be there."""
    own = [ack for ack in _of(question.target, question.signal, acks) if ack.ok]
    return any(question.never or ack.key == question.subject.key for ack in own)


def _of(target: BackendTarget, signal: Signal, acks: tuple[Ack, ...]) -> list[Ack]:
    backend = target.name if signal is Signal.LINEAGE else ""
    return [ack for ack in acks if ack.signal is signal and ack.backend == backend]


def _only_counted(run: _Run) -> bool:
    """Tell whether a backend's verdict rests on the Collector's counters alone."""
    return any(
        signal in _TELEMETRY and not target.readback.get(signal)
        for target in run.targets.backends
        for signal in target.accepts
    )


def _expected(run: _Run, target: BackendTarget, acks: tuple[Ack, ...]) -> list[Expected]:
    return [
        Expected(
            signal=signal,
            protocol=ack.key,
            accepted=_count(run.canaries, signal, ack.key),
            exported=sum(_count(run.canaries, signal, a.key) for a in own if a.ok),
            exporters=target.exporters.get(signal, ()),
        )
        for signal in target.accepts
        if signal in _TELEMETRY
        for own in [_of(target, signal, acks)]
        for ack in own
        if ack.ok
    ]


def _count(canaries: Canaries, signal: Signal, protocol: str) -> int:
    """How many items of a signal go in by a protocol, as the Collector counts them."""
    if signal is Signal.TRACES:
        return sum(len(t.spans) for t in canaries.traces if t.protocol == protocol)
    planned = canaries.metrics if signal is Signal.METRICS else canaries.logs
    return sum(item.protocol == protocol for item in planned)


def _evidence(run: _Run, acks: tuple[Ack, ...], hops: Hops, seen: list[Seen]) -> list[Evidence]:
    return [
        Evidence(
            target=target,
            signal=way.signal,
            protocol=way.protocol,
            canary=way.canary,
            where=way.where,
            ack=next((a for a in _of(target, way.signal, acks) if a.key == way.key), None),
            counters=_counted(target, way, hops),
            seen=tuple(
                one
                for one in seen
                if (one.backend, one.signal) == (target.name, way.signal)
                and (one.never or one.key == way.key)
            ),
            not_held=not_held(target, way.signal, run.canaries).get(way.key, ""),
        )
        for target in run.targets.backends
        for way in _ways(run, target)
    ]


def _counted(target: BackendTarget, way: _Way, hops: Hops) -> tuple[Hop, ...]:
    exporters = target.exporters.get(way.signal, ())
    wanted = (way.signal, way.key, exporters)
    return next((p for e, p in hops.items() if (e.signal, e.protocol, e.exporters) == wanted), ())


def _ways(run: _Run, target: BackendTarget) -> Iterator[_Way]:
    """Yield the ways by which canaries go to a backend: one check for each."""
    if target.kind is Kind.LINEAGE:
        where = str((target.transport or {}).get("url", target.name))
        for canary in run.canaries.runs:
            yield _Way(Signal.LINEAGE, "openlineage", canary.scenario, canary.scenario, where)
        return
    urls = addresses(run.targets)
    for signal in _TELEMETRY:
        ways = urls.items() if signal in target.accepts and urls else [("otlp", "")]
        for protocol, url in ways:
            yield _Way(signal, protocol, protocol, signal.value, url)
