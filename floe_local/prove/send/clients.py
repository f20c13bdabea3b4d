"""Clients as pipelines have them: they know what `floe-local env` prints, and nothing else."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from floe_local.errors import InputError
from floe_local.plan.caller import PROXIES, is_loopback
from floe_local.plan.stack.addresses import TRANSPORT, proxy_exceptions, resolve_variables
from floe_local.plan.values import Signal

if TYPE_CHECKING:
    from collections.abc import Mapping

    from floe_local.prove.targets import PipelineEnvironment
    from floe_local.signals.shared.model import OtlpTransport

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
