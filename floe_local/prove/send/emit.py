"""Send all canaries at the same time, each group of them from a process of its own (decision 30)."""

from __future__ import annotations

import os
from contextlib import nullcontext
from pathlib import Path
from signal import SIGALRM
from time import monotonic
from typing import TYPE_CHECKING, Any, NamedTuple

from floe_local.plan.plugins.process import finish
from floe_local.prove.delivery import FLOE_LOCAL, Ack, Delivery, Sending, sendings, takes_runs
from floe_local.prove.send.clients import caller_proxies, client_variables
from floe_local.prove.send.isolation import start_sender
from floe_local.prove.targets import PipelineEnvironment
from floe_local.signals.lineage import RunPlan, event_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from floe_local.plan.plugins.process import Child, ChildOutput
    from floe_local.prove.send.lineage import RunSender
    from floe_local.prove.targets import BackendTarget, Targets
    from floe_local.signals.shared.model import Plan

_LIMIT_S = 20.0
_RUNS_LIMIT_S = 180.0
"""A backend that hangs is waited for, three times (`floe_local.prove.send.lineage`)."""


class Stopwatch:
    """Seconds since it was made. `loaded` is the last time that an SDK was ready."""

    def __init__(self) -> None:
        self.start = self.loaded = monotonic()

    def ready(self, at: float) -> None:
        """Note that an SDK has been imported, at a time of the monotonic clock."""
        self.loaded = max(self.loaded, at)

    def ack(self, outcome: Mapping[str, Any]) -> Ack:
        """Return a client's outcome as an acknowledgement; one without a time came now."""
        at = monotonic() if outcome["at"] is None else outcome["at"]
        return Ack(
            ok=outcome["taken"],
            at=at,
            seconds=at - self.start,
            answered=outcome["answered"],
            error=outcome["error"],
            hint=outcome["hint"],
        )


class Group(NamedTuple):
    """What leaves from one process, which is given some variables.

    `transport`: what leaves are runs, by the transport that a backend's plugin gave; then the
    process sees all that this one sees, as credentials may come from anywhere.
    """

    variables: Mapping[str, str]
    sendings: list[Sending]
    namespace: str
    transport: dict[str, Any] | None = None

    @property
    def limit_s(self) -> float:
        """Seconds that the process has."""
        return _LIMIT_S if self.transport is None else _RUNS_LIMIT_S


def send(
    deliveries: Sequence[Delivery],
    targets: Targets,
    watch: Stopwatch,
    sender: Child | None = None,
) -> tuple[Delivery, ...]:
    """Send the canaries, and put on each delivery how it was acknowledged.

    What takes longest to be stored leaves first.

    Args:
        deliveries: what is sent, by floe-local itself and by clients.
        targets: where to.
        watch: of this smoke test.
        sender: the process that was started for it before (`isolation.start_sender`).
    """
    groups = [*_groups(deliveries, targets, os.environ)]
    if not groups:
        return tuple(deliveries)
    limit_s = max(group.limit_s for group in groups)
    with start_sender() if sender is None else nullcontext(sender) as child:
        child.give(_request(groups), limit_s)
        [talk] = finish([child], limit_s)
    watch.ready(max(talk.said("loaded"), default=0.0))
    acks = {one: watch.ack(outcome) for one, outcome in _outcomes(groups, talk).items()}
    return tuple(one._replace(ack=acks.get(one.sending)) for one in deliveries)


def _groups(
    deliveries: Sequence[Delivery], targets: Targets, environ: Mapping[str, str]
) -> Iterator[Group]:
    """Yield what goes out under the same variables, and the runs of each backend."""
    runs: dict[str, list[Delivery]] = {}
    others: list[Delivery] = []
    for one in deliveries:
        is_own_run = one.sending.client == FLOE_LOCAL and takes_runs(one.target)
        (runs.setdefault(one.target.name, []) if is_own_run else others).append(one)
    pipeline = targets.pipeline or PipelineEnvironment()

    namespace = pipeline.variables.get("OPENLINEAGE_NAMESPACE", "")
    groups: dict[tuple[object, ...], Group] = {}
    for sending in sorted(sendings(others), key=lambda one: one.count, reverse=True):
        is_own = sending.client == FLOE_LOCAL
        variables = (
            caller_proxies(environ)
            if is_own
            else client_variables(sending.signal, pipeline, environ)
        )
        group = groups.setdefault((is_own, *variables.items()), Group(variables, [], namespace))
        group.sendings.append(sending)
    yield from groups.values()
    for same_target in runs.values():
        if own := sendings(same_target):
            yield Group(environ, own, targets.namespace, same_target[0].target.transport)


def _request(groups: Sequence[Group]) -> dict[str, Any]:
    """Return what the process is asked; see `floe_local.prove.send.client_process`."""
    return {
        "groups": [
            {
                "environment": dict(group.variables),
                "folder": None if group.transport is None else str(Path.cwd()),
                "transport": group.transport,
                "limit_s": group.limit_s,
                "sendings": [_as_request(one, group.namespace) for one in group.sendings],
            }
            for group in groups
        ]
    }


def _as_request(sending: Sending, namespace: str) -> dict[str, Any]:
    return {
        "client": sending.client,
        "canary": sending.canary,
        "signal": sending.signal,
        "protocol": sending.protocol,
        "address": sending.address,
        "planned": [part for plan in sending.planned for part in _as_data(plan, namespace)],
    }


def _as_data(plan: Plan, namespace: str) -> list[dict[str, Any]]:
    """A run as its events, in a namespace; all else as it is."""
    return run_events(plan, namespace) if isinstance(plan, RunPlan) else [_fields(plan)]


def run_events(run: RunPlan, namespace: str) -> list[dict[str, Any]]:
    """Return the events of a run: its START and its last one."""
    return [event_of(run, kind, namespace) for kind in ("START", run.ending)]


def _fields(value: Any) -> Any:
    """A plan as data, with the plans in it. `dataclasses.asdict` copies each attribute too."""
    if isinstance(value, tuple):
        return [_fields(item) for item in value]
    return {
        name: _fields(part) if isinstance(part, tuple) else part
        for name, part in vars(value).items()
    }


def _outcomes(groups: Sequence[Group], talk: ChildOutput) -> dict[Sending, dict[str, Any]]:
    """How each fared: `at` (monotonic clock, None: it is not known), `error`, `hint`, `answered`, `taken`."""
    acks = {(ack["group"], ack["index"]): ack for ack in talk.said("ack")}
    return {
        sending: acks.get((number, index)) or _lost(number, group, talk)
        for number, group in enumerate(groups)
        for index, sending in enumerate(group.sendings)
    }


def _lost(number: int, group: Group, talk: ChildOutput) -> dict[str, Any]:
    """What became of a process that did not say how a sending fared."""
    code = next((end["code"] for end in talk.said("ended") if end["group"] == number), None)
    if code == -SIGALRM or (code is None and talk.timed_out):
        how = f"did not end within {group.limit_s:g} s"
    else:
        how = f"ended with {talk.exit_code if code is None else code}"
    last = next((line for line in reversed(talk.stderr.splitlines()) if line.strip()), "")
    error = f"the client's process {how}" + (f": {last.strip()}" if last else "")
    return {"at": None, "error": error, "hint": "", "answered": False, "taken": False}


def run_sender(target: BackendTarget) -> RunSender:
    """Return what sends runs to a backend through its own transport, from this process.

    Raises:
        InputError: the transport needs a variable that is not set.
    """
    from floe_local.prove.send.lineage import RunSender, canary_client  # noqa: PLC0415 - heavy

    return RunSender(canary_client(target.transport or {}))
