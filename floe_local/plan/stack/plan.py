"""Compiled configs and blueprints → the stack: compose model and config files. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from floe_local.plan.blueprint.shipped import COLLECTOR
from floe_local.plan.stack.compose import (
    compose_model,
    compose_service,
    mounted_files,
    secret_variables,
)
from floe_local.plan.stack.helm import helm_changes, helm_environment
from floe_local.plan.stack.hosts import network_aliases
from floe_local.plan.stack.model import (
    PublishedEndpoint,
    StackPlan,
    StackService,
    StackVolume,
)
from floe_local.plan.values import Kind

if TYPE_CHECKING:
    from collections.abc import Mapping

    from floe_local.plan.artifacts import Change
    from floe_local.plan.blueprint.model import Service
    from floe_local.plan.stack.given import Given


def plan_stack(given: Given) -> StackPlan:
    """Plan the stack.

    Raises:
        InputError: two backends claim one host name (``host-clash``), a Helm value cannot
            run locally (``helm-value``), a blueprint's file is missing
            (``blueprint-file``).
    """
    services = _services(given)
    files = {name: mounted_files(name, s, given) for name, s in services.items()}
    composed = {name: _composed(name, s, given, files[name]) for name, s in services.items()}
    volumes = _volumes(given, services)
    return StackPlan(
        identity=given.identity,
        host=given.host,
        compose=compose_model(given.identity, composed, volumes),
        files={path: text for mounted in files.values() for path, text in mounted.items()},
        secrets=tuple(sorted({v for s in services.values() for v in secret_variables(s)})),
        services=tuple(_stack_service(name, s, given) for name, s in services.items()),
        volumes=volumes,
        backends=given.compiled.backends,
        collector=_collector(given),
        openlineage_config=given.compiled.openlineage_config,
        namespace=given.compiled.namespace,
        environment=given.compiled.environment,
        sampling=given.compiled.sampling,
        otlp_protocol=given.otlp_protocol,
        live=given.live,
        client_environment=_client_environment(given),
        changes=given.compiled.provenance + _helm_changes(given),
        moved_ports=given.moved_ports,
    )


def _services(given: Given) -> dict[str, Service]:
    """The services that run, with what Helm values set in their environment."""
    from_helm = [helm_environment(backend) for backend in given.compiled.backends]
    services = {
        name: service
        for part in given.parts
        for name, service in part.blueprint.services.items()
        if name in given.images
    }
    for environment in from_helm:
        for name, variables in environment.items():
            service = services[name]
            services[name] = service.model_copy(
                update={"environment": service.environment | variables}
            )
    return services


def _composed(
    name: str, service: Service, given: Given, files: Mapping[str, str]
) -> dict[str, Any]:
    return compose_service(
        name,
        service,
        given,
        endpoints=_published(name, service, given),
        aliases=network_aliases(given.compiled.backends, given.parts).get(name, ()),
        files=files,
    )


def _published(name: str, service: Service, given: Given) -> tuple[PublishedEndpoint, ...]:
    return tuple(
        PublishedEndpoint(
            name=endpoint.name,
            container_port=endpoint.port,
            host_port=given.ports[f"{name}.{endpoint.name}"],
            protocol=endpoint.protocol,
            path=endpoint.path,
            ui=endpoint.ui,
        )
        for endpoint in service.endpoints
        if f"{name}.{endpoint.name}" in given.ports
    )


def _stack_service(name: str, service: Service, given: Given) -> StackService:
    return StackService(
        name=name,
        backend=given.owner(name).blueprint.name,
        image=given.images[name],
        endpoints=_published(name, service, given),
        ready=service.ready,
        healthcheck=service.healthcheck is not None,
        hint=service.hint,
        misdirected=service.misdirected,
    )


def _volumes(given: Given, services: Mapping[str, Service]) -> tuple[StackVolume, ...]:
    return tuple(
        StackVolume(
            name=f"{given.identity.project}-{name}-{volume}",
            service=name,
            key=f"{name}-{volume}",
            data_version=service.data_version,
            secrets=secret_variables(service),
        )
        for name, service in services.items()
        for volume in service.volumes
    )


def _client_environment(given: Given) -> dict[str, str]:
    """What the sandbox sets where lineage clients run."""
    lineage = {b.blueprint.name for b in given.compiled.backends if b.kind is Kind.LINEAGE}
    played = [p.sandbox for p in given.parts if p.sandbox and p.blueprint.name in lineage]
    return {name: value for sandbox in played for name, value in sandbox.environment.items()}


def _collector(given: Given) -> str | None:
    """The service that takes OTLP from pipelines: the Collector blueprint's."""
    shared = given.blueprints.get(COLLECTOR)
    if shared is None:
        return None
    taking = set(shared.ingest.values())
    return next((s for s, e in shared.endpoints if e.name in taking), None)


def _helm_changes(given: Given) -> tuple[Change, ...]:
    return tuple(c for backend in given.compiled.backends for c in helm_changes(backend))
