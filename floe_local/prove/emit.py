"""Send all canaries at the same time: each protocol, and each lineage backend, on its own."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from importlib import import_module
from textwrap import shorten
from typing import TYPE_CHECKING, Any

from floe_local.errors import FloeError
from floe_local.plan.values import Kind, Signal
from floe_local.prove.acknowledged import Ack, Stopwatch, Watched

if TYPE_CHECKING:
    from collections.abc import Callable

    from floe_local.prove.canaries import Canaries, Protocol, RunPlan
    from floe_local.prove.emit_lineage import RunSender
    from floe_local.prove.heard import Answer
    from floe_local.prove.isolation import Messages
    from floe_local.prove.targets import BackendTarget, Targets

_USER_INFO = re.compile(r"//[^/@\s]+@")
_WRAPPER_LENGTH = 120
_NO_PATH = "the path is not the backend's: mend `url` and `endpoint` of the plugin's transport"
_NO_ENTRY = "the backend refuses the credentials of the plugin's transport: mend its `auth`"
_ADVICE: dict[object, str] = {404: _NO_PATH, 405: _NO_PATH, 401: _NO_ENTRY, 403: _NO_ENTRY}


def emit(
    targets: Targets, canaries: Canaries, messages: Messages, watch: Stopwatch
) -> tuple[Ack, ...]:
    """Send the canaries and return who acknowledged what.

    Lineage goes first: its backend is the slowest to answer, and the OTel SDK can be
    loaded while it does. Its client is loaded here, before there are threads: it changes
    the warning filters of the whole process while it loads.
    """
    backends = [t for t in targets.backends if canaries.runs and takes_runs(t)]
    signals = _planned(canaries)
    if backends:
        import_module("floe_local.prove.emit_lineage")
    with ThreadPoolExecutor(len(backends) + 2, thread_name_prefix="emit") as pool:
        jobs = [pool.submit(_lineage, target, canaries, watch) for target in backends]
        jobs += [
            pool.submit(
                _telemetry, signals, canaries, protocol, url, messages=messages, watch=watch
            )
            for protocol, url in addresses(targets).items()
            if signals
        ]
        return tuple(ack for job in jobs for ack in job.result())


def takes_runs(target: BackendTarget) -> bool:
    """Tell whether runs can be sent to a backend."""
    return target.kind is Kind.LINEAGE and target.transport is not None


def addresses(targets: Targets) -> dict[Protocol, str]:
    """Return where the Collector takes OTLP, by protocol."""
    urls: dict[Protocol, str | None] = {"grpc": targets.otlp_grpc, "http": targets.otlp_http}
    return {protocol: url for protocol, url in urls.items() if url}


def _planned(canaries: Canaries) -> list[Signal]:
    plans: dict[Signal, tuple[Any, ...]] = {
        Signal.TRACES: canaries.traces,
        Signal.METRICS: canaries.metrics,
        Signal.LOGS: canaries.logs,
    }
    return [signal for signal, planned in plans.items() if planned]


def _telemetry(
    signals: list[Signal],
    canaries: Canaries,
    protocol: Protocol,
    url: str,
    *,
    messages: Messages,
    watch: Stopwatch,
) -> list[Ack]:
    from floe_local.prove.exporters import exporter  # noqa: PLC0415 - loads the SDK

    acks = []
    for signal in signals:
        watched = Watched(exporter(signal, protocol, url), messages)
        watch.ready()
        _SENDERS[signal](canaries, protocol, watched)
        watched.shutdown()
        acks.append(watch.ack(signal, protocol, watched.take()))
    return acks


def _send_traces(canaries: Canaries, protocol: Protocol, watched: Watched) -> None:
    from floe_local.prove.emit_traces import TraceSender  # noqa: PLC0415 - loads the SDK

    sender = TraceSender(watched)
    for trace in canaries.traces:
        if trace.protocol == protocol:
            sender.send(trace)


def _send_metrics(canaries: Canaries, protocol: Protocol, watched: Watched) -> None:
    from floe_local.prove.emit_signals import send_metrics  # noqa: PLC0415 - loads the SDK

    send_metrics(tuple(m for m in canaries.metrics if m.protocol == protocol), watched)


def _send_logs(canaries: Canaries, protocol: Protocol, watched: Watched) -> None:
    from floe_local.prove.emit_signals import send_log  # noqa: PLC0415 - loads the SDK

    for log in canaries.logs:
        if log.protocol == protocol:
            send_log(log, watched)


_SENDERS: dict[Signal, Callable[[Canaries, Protocol, Watched], None]] = {
    Signal.TRACES: _send_traces,
    Signal.METRICS: _send_metrics,
    Signal.LOGS: _send_logs,
}


def _lineage(target: BackendTarget, canaries: Canaries, watch: Stopwatch) -> list[Ack]:
    """Send the parent's START, then all other runs at once, then the parent's end."""
    parent, *others = canaries.runs

    def ack(run: RunPlan, error: BaseException | None) -> Ack:
        own = watch.ack(
            Signal.LINEAGE, run.scenario, [told(error)] if error else [], backend=target.name
        )
        return own.model_copy(update={"advice": advice(error)})

    with ThreadPoolExecutor(len(canaries.runs), thread_name_prefix="lineage") as pool:
        made = pool.submit(run_sender, target, canaries.namespace)
        failed = made.exception() or pool.submit(made.result().start, parent).exception()
        if failed:
            return [ack(run, failed) for run in canaries.runs]
        watch.ready()
        sender = made.result()
        sent = [(run, pool.submit(sender.send, run)) for run in others]
        acks = [(run, ack(run, job.exception())) for run, job in sent]
        ended = ack(parent, pool.submit(sender.end, parent).exception())
        pool.submit(sender.close)  # what it raises, the transports heard
    return [_heard(one, sender.answer(run.run_id)) for run, one in [(parent, ended), *acks]]


def _heard(ack: Ack, answer: Answer) -> Ack:
    """Put what the transports heard into an acknowledgement of what did not fail as a whole."""
    if not ack.ok:
        return ack
    found = {"answered": answer.answered, "advice": advice(answer.error)}
    return ack.model_copy(update={**found, "detail": told(answer.error)})


def run_sender(target: BackendTarget, namespace: str) -> RunSender:
    """Return what sends runs to a backend through its own transport.

    Raises:
        InputError: the transport needs a variable that is not set.
    """
    from floe_local.prove.emit_lineage import RunSender, made  # noqa: PLC0415 - heavy

    return RunSender(made(target.transport or {}), namespace)


def told(error: BaseException | None) -> str:
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


def advice(error: BaseException | None) -> str:
    """Return what to do about a client's failure, empty where only its kind of hop tells."""
    first = _first(error) if error else None
    if isinstance(first, FloeError):
        return first.hint
    if isinstance(first, ImportError):
        return f"install what its transport needs beside floe-local: {first.name or first}"
    status: object = getattr(getattr(first, "response", None), "status_code", None)
    return _ADVICE.get(status, "")


def _first(error: BaseException) -> BaseException:
    while error.__cause__:
        error = error.__cause__
    return error


def _named(error: BaseException) -> str:
    return _USER_INFO.sub("//", f"{type(error).__name__}: {error}")
