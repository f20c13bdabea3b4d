"""Clients as pipelines have them: they know what `floe-local env` prints, and nothing else.

One process is used for all of those that have the same variables: an SDK takes longer to load than to
send.
"""

from __future__ import annotations

import os
import re
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any, NamedTuple

from floe_local.errors import InputError
from floe_local.plan.caller import PROXIES, is_loopback
from floe_local.plan.plugins.process import ChildOutput, finish
from floe_local.plan.stack.addresses import TRANSPORT, proxy_exceptions, resolve_variables
from floe_local.plan.values import Signal
from floe_local.prove.delivery import FLOE_LOCAL
from floe_local.prove.send.isolation import start_senders
from floe_local.prove.signals.lineage import RunPlan, event_of
from floe_local.prove.targets import PipelineEnvironment

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from floe_local.prove.delivery import Sending
    from floe_local.prove.send.isolation import Senders
    from floe_local.prove.signals.model import OtlpTransport, Plan

SDK = "opentelemetry-sdk"
GRPC_ONLY = "otlp-grpc"
OPENLINEAGE = "openlineage-python"
POST = "http-post"

_ENDPOINT = "OTEL_EXPORTER_OTLP_ENDPOINT"
_URL = "OPENLINEAGE_URL"
_LIMIT_S = 20.0

_HOST = re.compile(r"://(?:[^/@\s\"]*@)?\[?([^/:\]\s\"]+)")

DEAD_PROXIES = dict.fromkeys(
    ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"), "http://127.0.0.1:9"
)
"""The proxies of a client's shell: nothing listens on the port that is called discard."""


class Client(NamedTuple):
    """A kind of client, and the variables of which it needs one."""

    name: str
    signal: Signal
    variables: tuple[str, ...]


CLIENTS = (
    Client(SDK, Signal.TRACES, (_ENDPOINT,)),
    Client(GRPC_ONLY, Signal.TRACES, (_ENDPOINT,)),
    Client(OPENLINEAGE, Signal.LINEAGE, (_URL, TRANSPORT)),
    Client(POST, Signal.LINEAGE, (_URL,)),
)


def unserved_reason(client: Client, pipeline: PipelineEnvironment) -> str:
    """Return why a client cannot be served by any variable; empty where it can."""
    if reason := pipeline.unserved.get(client.name):
        return f"{client.name}: {reason}"
    if not any(name in pipeline.variables for name in client.variables):
        return f"{client.name}: `floe-local env` prints no {' and no '.join(client.variables)}"
    return ""


def address_of(client: Client, pipeline: PipelineEnvironment) -> str:
    """Return where a client sends, as far as a variable says it; else that variable's name."""
    return pipeline.variables.get(client.variables[0], client.variables[-1])


def otlp_protocol(client: Client, pipeline: PipelineEnvironment) -> OtlpTransport:
    """Return by what the Collector gets a client's telemetry: ``grpc`` or ``http``."""
    chosen = pipeline.variables.get("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc")
    return "http" if client.name == SDK and chosen != "grpc" else "grpc"


def resolve_pipeline(
    pipeline: PipelineEnvironment, environ: Mapping[str, str]
) -> PipelineEnvironment:
    """Return the variables as a shell sets them, one after the other; secrets are in memory only.

    Where one refers to a variable that is not set, no client can be served.
    """
    known = dict(environ)
    try:
        for name, value in pipeline.variables.items():
            known |= resolve_variables({name: value}, known)
    except InputError as error:
        return pipeline.model_copy(
            update={"unserved": dict.fromkeys((one.name for one in CLIENTS), error.reason)}
        )
    variables = {name: known[name] for name in pipeline.variables}
    return pipeline.model_copy(update={"variables": variables})


def send_by_processes(
    sendings: Sequence[Sending],
    pipeline: PipelineEnvironment | None,
    senders: Senders | None = None,
) -> tuple[dict[Sending, dict[str, Any]], float]:
    """Send, all at the same time; what has the same variables goes from one process.

    Args:
        sendings: what is sent, by floe-local itself and by clients.
        pipeline: the variables that clients are given.
        senders: processes that were started for them before.

    Returns:
        For each sending how it fared: `at` (monotonic clock, None: it is not known), `error`,
        `hint`, `answered`, `taken`. And when the last SDK was loaded (monotonic clock).
    """
    pipeline = pipeline or PipelineEnvironment()
    groups = [*_by_variables(sendings, pipeline)]
    namespace = pipeline.variables.get("OPENLINEAGE_NAMESPACE", "")
    ready = dict(senders or {})
    children = []
    with ExitStack() as stack:
        for variables, group in groups:
            kind = "exporters" if group[0].client == FLOE_LOCAL else "clients"
            child = ready.pop(kind, None) or stack.enter_context(start_senders([kind]))[kind]
            child.give(_request(group, namespace, variables), _LIMIT_S)
            children.append(child)
        talks = finish(children, _LIMIT_S)
    outcomes = {
        sending: _outcome(index, talk)
        for (_, group), talk in zip(groups, talks, strict=True)
        for index, sending in enumerate(group)
    }
    return outcomes, max((at for talk in talks for at in talk.said("loaded")), default=0.0)


def _by_variables(
    sendings: Sequence[Sending], pipeline: PipelineEnvironment
) -> Iterator[tuple[dict[str, str], list[Sending]]]:
    """Yield what goes out under the same variables: proxies may differ from signal to signal."""

    def variables_of(sending: Sending) -> tuple[bool, dict[str, str]]:
        if sending.client == FLOE_LOCAL:
            return True, caller_proxies(os.environ)
        return False, client_variables(sending.signal, pipeline, os.environ)

    left = [(variables_of(sending), sending) for sending in sendings]
    while left:
        key, _ = left[0]
        yield key[1], [sending for variables, sending in left if variables == key]
        left = [(variables, sending) for variables, sending in left if variables != key]


def caller_proxies(environ: Mapping[str, str]) -> dict[str, str]:
    """Return the caller's own proxies."""
    return {name: value for name, value in environ.items() if name.lower() in PROXIES}


def client_variables(
    signal: Signal, pipeline: PipelineEnvironment, environ: Mapping[str, str]
) -> dict[str, str]:
    """Return a client's variables: what `env` prints, and proxies.

    Those are dead, as NO_PROXY keeps them off the stack; a backend elsewhere, for which it names
    no exception, is reached by the caller's own.
    """
    excepted = pipeline.variables.get("NO_PROXY", "").split(",")
    names = {name for one in CLIENTS for name in one.variables if one.signal is signal}
    hosts = [
        host
        for name in names & pipeline.variables.keys()
        for host in _HOST.findall(pipeline.variables[name])
    ]
    if all(host in excepted or is_loopback(host) for host in hosts):
        return {**DEAD_PROXIES, **pipeline.variables}
    own = caller_proxies(environ)
    return {**own, **pipeline.variables, **proxy_exceptions(excepted, own)}


def _request(
    sendings: Sequence[Sending], namespace: str, environment: Mapping[str, str]
) -> dict[str, Any]:
    return {
        "environment": environment,
        "sendings": [
            {
                "client": sending.client,
                "signal": sending.signal,
                "protocol": sending.protocol,
                "address": sending.address,
                "planned": [part for plan in sending.planned for part in _as_data(plan, namespace)],
            }
            for sending in sendings
        ],
    }


def _as_data(plan: Plan, namespace: str) -> list[dict[str, Any]]:
    """A run as its events, in the namespace that `env` prints; all else as it is."""
    if isinstance(plan, RunPlan):
        return [event_of(plan, kind, namespace) for kind in ("START", plan.ending)]
    return [_fields(plan)]


def _fields(value: Any) -> Any:
    """A plan as data, with the plans in it. `dataclasses.asdict` copies each attribute too."""
    if isinstance(value, tuple):
        return [_fields(item) for item in value]
    return {
        name: _fields(part) if isinstance(part, tuple) else part
        for name, part in vars(value).items()
    }


def _outcome(index: int, talk: ChildOutput) -> dict[str, Any]:
    """How a client fared; where its process did not say, how that ended."""
    for ack in talk.said("ack"):
        if ack["index"] == index:
            return {name: value for name, value in ack.items() if name != "index"}
    how = f"did not end within {_LIMIT_S:g} s" if talk.timed_out else f"ended with {talk.exit_code}"
    last = next((line for line in reversed(talk.stderr.splitlines()) if line.strip()), "")
    error = f"the client's process {how}" + (f": {last.strip()}" if last else "")
    return {"at": None, "error": error, "hint": "", "answered": False, "taken": False}
