"""Where a smoke test sends and reads, for a stack of ours or of somebody else's."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from floe_local.plan.compiler.endpoints import parse_address
from floe_local.plan.compiler.transport import each_transport, single_transports
from floe_local.plan.env_refs import missing, references
from floe_local.plan.stack.environment import pipeline_variables
from floe_local.plan.stack.parts import endpoints_of
from floe_local.plan.stack.vantage import (
    backend_urls,
    collector_url,
    endpoint_url,
    host_transport,
    transport_for,
)
from floe_local.plan.values import Frozen, Kind, Origin, Placement, Signal
from floe_local.prove.send.clients import CLIENTS, DEAD_PROXIES, GRPC_ONLY, OPENLINEAGE, POST
from floe_local.prove.targets import BackendTarget, PipelineEnvironment, Targets

if TYPE_CHECKING:
    from collections.abc import Mapping

    from floe_local.operations.request import StackRequest
    from floe_local.plan.artifacts import CompiledBackend
    from floe_local.plan.blueprint.model import Blueprint, Cleanup, Request
    from floe_local.plan.stack.model import StackBackend, StackPlan, StackService

METRICS_ENDPOINT = "metrics"
"""The endpoint of the Collector's blueprint that has its own counters."""

_TAKES_THE_SHELLS_CREDENTIALS = frozenset({"amazon_datazone_api", "gcplineage"})
"""Transports that take a cloud account's credentials from wherever its SDK finds them."""

_FOREIGN = "`floe-local env` knows the stacks that floe-local started only"


class EndpointOptions(Frozen):
    """A stack that floe-local did not start: base URLs.

    `backends` maps ``backend.endpoint`` (the blueprint's endpoint names), or a backend's
    name for all its endpoints, to base URLs.
    """

    otlp_grpc: str | None = None
    otlp_http: str | None = None
    collector_metrics: str | None = None
    namespace: str | None = None
    backends: dict[str, str] = {}


def targets_of(plan: StackPlan, environ: Mapping[str, str]) -> Targets:
    """The targets of a stack that floe-local planned.

    Args:
        plan: of the stack.
        environ: the variables that are set; what cannot be read back without one is not.
    """
    metrics = plan.collector and endpoint_url(plan, plan.collector, METRICS_ENDPOINT, "host")
    return Targets(
        stack=plan.name,
        namespace=plan.namespace,
        otlp_grpc=collector_url(plan, "otlp-grpc", "host"),
        otlp_http=collector_url(plan, "otlp-http", "host"),
        collector_metrics=f"{metrics}/metrics" if metrics else None,
        sampling=plan.sampling,
        environment=plan.client_environment,
        pipeline=_pipeline(plan),
        backends=tuple(without_unset_probes(_target(plan, b), environ) for b in plan.backends),
    )


def _pipeline(plan: StackPlan) -> PipelineEnvironment:
    """What `env` prints, and which clients it cannot serve."""
    variables, omitted = pipeline_variables(plan, "host", environ=DEAD_PROXIES)
    unserved = {}
    if plan.otlp_protocol != "grpc":
        unserved[GRPC_ONLY] = f"pipelines send {plan.otlp_protocol} (local.otlp_protocol)"
    if "OPENLINEAGE_URL" in omitted:
        unserved[POST] = f"OPENLINEAGE_URL is left out: {omitted['OPENLINEAGE_URL']}"
    transport = transport_for(plan, "host") or {}
    kinds = {str(part.get("type")) for part in single_transports(transport)}
    if plan.live and kinds & _TAKES_THE_SHELLS_CREDENTIALS:
        unserved[OPENLINEAGE] = (
            "its transport reads credentials that `floe-local env` does not print"
        )
    return PipelineEnvironment(variables=variables, unserved=unserved)


def _target(plan: StackPlan, backend: StackBackend) -> BackendTarget:
    shown = _primary_service(plan, backend)
    transport = backend.transport
    return BackendTarget(
        name=backend.name,
        kind=backend.kind,
        **_signals(backend, backend.accepts),
        endpoints={**backend.elsewhere, **backend_urls(plan, backend, "host")},
        readback=backend.readback,
        cleanup=backend.cleanup,
        naming=backend.naming,
        exporters=backend.exporters,
        transport=None if transport is None else host_transport(plan, transport),
        origin=shown.image.origin if shown else Origin.UPSTREAM,
        image=shown.image.reference if shown else "",
    )


def without_unset_probes(target: BackendTarget, environ: Mapping[str, str]) -> BackendTarget:
    """The target without what it takes a second credential to ask, where that is not set.

    A signal is read back by all of its probes or by none: half a look proves half of it.
    """

    def unset(*requests: Request) -> tuple[str, ...]:
        asked = [(r.headers, target.endpoints.get(r.endpoint)) for r in requests]
        return missing(asked, environ)

    def can_remove(rule: Cleanup) -> bool:
        return not unset(rule.request, rule.verify)

    wanted = {s: unset(*(p.request for p in ps)) for s, ps in target.readback.items()}
    return target.model_copy(
        update={
            "readback": {s: ps for s, ps in target.readback.items() if not wanted[s]},
            "unset": {signal: names for signal, names in wanted.items() if names},
            "cleanup": tuple(rule for rule in target.cleanup if can_remove(rule)),
        }
    )


def _signals(
    backend: StackBackend | CompiledBackend, accepts: tuple[Signal, ...]
) -> dict[str, tuple[Signal, ...]]:
    """What the backend takes, told apart by whether its plugin exports it."""
    sent = {s for s in accepts if s is Signal.LINEAGE or backend.exporters.get(s)}
    return {
        "accepts": tuple(s for s in accepts if s in sent),
        "unexported": tuple(s for s in accepts if s not in sent),
    }


def _primary_service(plan: StackPlan, backend: StackBackend) -> StackService | None:
    """The service that answers for a backend: where it takes signals, else its first."""
    taking = [backend.service_of[e] for e in backend.ingest.values() if e in backend.service_of]
    names = [*taking, *backend.service_of.values()]
    return plan.service(names[0]) if names else None


def targets_elsewhere(
    request: StackRequest, options: EndpointOptions, environ: Mapping[str, str]
) -> Targets:
    """The targets of a stack that somebody else runs, with the manifest's backends.

    Args:
        request: names the backends.
        options: where the stack is.
        environ: as for `targets_of`.
    """
    blueprints = {part.blueprint.name: part.blueprint for part in request.parts}
    return Targets(
        stack=request.identity.name,
        namespace=options.namespace or request.compiled.namespace,
        otlp_grpc=options.otlp_grpc,
        otlp_http=options.otlp_http,
        collector_metrics=options.collector_metrics,
        sampling=request.compiled.sampling,
        pipeline=PipelineEnvironment(unserved=dict.fromkeys((c.name for c in CLIENTS), _FOREIGN)),
        backends=tuple(
            without_unset_probes(
                _elsewhere(backend, blueprints[backend.told_by], options.backends), environ
            )
            for backend in request.compiled.backends
        ),
    )


def _elsewhere(
    backend: CompiledBackend, blueprint: Blueprint, urls: Mapping[str, str]
) -> BackendTarget:
    given = {
        endpoint.name: urls.get(f"{backend.name}.{endpoint.name}", urls.get(backend.name))
        for _, endpoint in endpoints_of(blueprint)
    }
    own = {} if backend.placement is Placement.SANDBOXED else blueprint.live.endpoints
    endpoints = {**own, **{name: url for name, url in given.items() if url}}
    lineage = endpoints.get(blueprint.ingest.get("openlineage", ""))
    transport = backend.transport
    if transport is not None and lineage:
        transport = with_base_url(backend, lineage)
    return BackendTarget(
        name=backend.name,
        kind=Kind.TELEMETRY if transport is None else Kind.LINEAGE,
        **_signals(backend, blueprint.accepts),
        endpoints=endpoints,
        readback=blueprint.readback,
        cleanup=blueprint.cleanup,
        naming=blueprint.naming,
        exporters=backend.exporters,
        transport=transport,
    )


def with_base_url(backend: CompiledBackend, url: str) -> dict[str, Any]:
    """The backend's transport, with `url` in place of the address that the plugin calls.

    An address that is only known when it runs is the plugin's, too: what is given wins.
    """
    called = {(host.rstrip(".").lower(), port) for host, port in backend.hosts}

    def moved(one: dict[str, Any]) -> dict[str, Any]:
        given = one.get("url")
        address = parse_address(given)
        if address is None:
            return {**one, "url": url.rstrip("/")} if references(given) else one
        if (address.host.rstrip(".").lower(), address.port) not in called:
            return one
        return {**one, "url": url.rstrip("/") + address.rest}

    return each_transport(backend.transport or {}, moved)
