"""Where a smoke test sends and reads, for a stack of ours or of somebody else's."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from floe_local.plan.compiler.endpoints import parse_address
from floe_local.plan.compiler.transport import each_transport, single_transports
from floe_local.plan.env_refs import missing, references
from floe_local.plan.stack.addresses import (
    backend_urls,
    collector_url,
    endpoint_url,
    host_transport,
    pipeline_variables,
    transport_for,
)
from floe_local.plan.values import Frozen, Signal
from floe_local.prove.send.clients import CLIENTS, DEAD_PROXIES, GRPC_ONLY, OPENLINEAGE, POST
from floe_local.prove.targets import BackendTarget, PipelineEnvironment, Targets

if TYPE_CHECKING:
    from collections.abc import Mapping

    from floe_local.operations.request import StackRequest
    from floe_local.plan.artifacts import Backend
    from floe_local.plan.blueprint.model import Cleanup, Request
    from floe_local.plan.stack.model import StackPlan, StackService

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
        backends=tuple(_of_stack(plan, backend, environ) for backend in plan.backends),
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


def _of_stack(plan: StackPlan, backend: Backend, environ: Mapping[str, str]) -> BackendTarget:
    transport = backend.transport
    service = _primary_service(plan, backend)
    target = _target(
        backend,
        backend_urls(plan, backend, "host"),
        None if transport is None else host_transport(plan, transport),
        environ,
    )
    if service is None:
        return target
    image = service.image
    return target.model_copy(update={"origin": image.origin, "image": image.reference})


def _target(
    backend: Backend,
    urls: Mapping[str, str],
    transport: dict[str, Any] | None,
    environ: Mapping[str, str],
) -> BackendTarget:
    """A backend as it is reached at base URLs by endpoint name, and by `transport`."""
    blueprint = backend.blueprint
    sent = {s for s in blueprint.accepts if s is Signal.LINEAGE or backend.exporters.get(s)}
    target = BackendTarget(
        backend=backend,
        accepts=tuple(s for s in blueprint.accepts if s in sent),
        unexported=tuple(s for s in blueprint.accepts if s not in sent),
        endpoints={**backend.live_endpoints, **urls},
        readback=blueprint.readback,
        cleanup=blueprint.cleanup,
        transport=transport,
    )
    return without_unset_probes(target, environ)


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


def _primary_service(plan: StackPlan, backend: Backend) -> StackService | None:
    """The service that answers for a backend: where it takes signals, else its first."""
    services = backend.service_of
    taking = [services[e] for e in backend.blueprint.ingest.values() if e in services]
    names = [*taking, *services.values()]
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
    return Targets(
        stack=request.identity.name,
        namespace=options.namespace or request.compiled.namespace,
        otlp_grpc=options.otlp_grpc,
        otlp_http=options.otlp_http,
        collector_metrics=options.collector_metrics,
        sampling=request.compiled.sampling,
        pipeline=PipelineEnvironment(unserved=dict.fromkeys((c.name for c in CLIENTS), _FOREIGN)),
        backends=tuple(
            _elsewhere(backend, options.backends, environ) for backend in request.compiled.backends
        ),
    )


def _elsewhere(
    backend: Backend, given: Mapping[str, str], environ: Mapping[str, str]
) -> BackendTarget:
    names = [endpoint.name for _, endpoint in backend.blueprint.endpoints]
    found = {n: given.get(f"{backend.name}.{n}", given.get(backend.name)) for n in names}
    urls = {name: url for name, url in found.items() if url}
    ingest = backend.blueprint.ingest.get("openlineage", "")
    lineage = {**backend.live_endpoints, **urls}.get(ingest)
    transport = backend.transport
    if transport is not None and lineage:
        transport = with_base_url(backend, lineage)
    return _target(backend, urls, transport, environ)


def with_base_url(backend: Backend, url: str) -> dict[str, Any]:
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
