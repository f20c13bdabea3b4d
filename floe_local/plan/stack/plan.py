"""Compiled configs and blueprints → the stack: compose model and config files. Pure."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from floe_local.errors import InputError
from floe_local.plan.artifacts import Change
from floe_local.plan.blueprint.model import COLLECTOR
from floe_local.plan.nested import MISSING, leaves, steps, value_at
from floe_local.plan.stack.compose import (
    compose_model,
    compose_service,
    mounted_files,
    network_aliases,
    secret_variables,
)
from floe_local.plan.stack.model import (
    PublishedEndpoint,
    StackPlan,
    StackService,
    StackVolume,
)
from floe_local.plan.values import Kind

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from floe_local.plan.artifacts import Backend
    from floe_local.plan.blueprint.model import HelmRule, Service
    from floe_local.plan.stack.model import StackInputs


def plan_stack(inputs: StackInputs) -> StackPlan:
    """Plan the stack.

    Raises:
        InputError: two backends claim one host name (``host-clash``), a Helm value cannot
            run locally (``helm-value``), a blueprint's file is missing
            (``blueprint-file``).
    """
    services = _services(inputs)
    files = {name: mounted_files(name, s, inputs) for name, s in services.items()}
    composed = {name: _composed(name, s, inputs, files[name]) for name, s in services.items()}
    volumes = _volumes(inputs, services)
    return StackPlan(
        identity=inputs.identity,
        host=inputs.host,
        compose=compose_model(inputs.identity, composed, volumes),
        files={path: text for mounted in files.values() for path, text in mounted.items()},
        secrets=tuple(sorted({v for s in services.values() for v in secret_variables(s)})),
        services=tuple(_stack_service(name, s, inputs) for name, s in services.items()),
        volumes=volumes,
        backends=inputs.compiled.backends,
        collector=_collector(inputs),
        openlineage_config=inputs.compiled.openlineage_config,
        namespace=inputs.compiled.namespace,
        environment=inputs.compiled.environment,
        sampling=inputs.compiled.sampling,
        otlp_protocol=inputs.otlp_protocol,
        live=inputs.live,
        client_environment=_client_environment(inputs),
        changes=inputs.compiled.provenance + _helm_changes(inputs),
        moved_ports=inputs.moved_ports,
    )


def _services(inputs: StackInputs) -> dict[str, Service]:
    """The services that run, with what Helm values set in their environment."""
    from_helm = [helm_environment(backend) for backend in inputs.compiled.backends]
    services = {
        name: service
        for part in inputs.parts
        for name, service in part.blueprint.services.items()
        if name in inputs.images
    }
    for environment in from_helm:
        for name, variables in environment.items():
            service = services[name]
            services[name] = service.model_copy(
                update={"environment": service.environment | variables}
            )
    return services


def _composed(
    name: str, service: Service, inputs: StackInputs, files: Mapping[str, str]
) -> dict[str, Any]:
    return compose_service(
        name,
        service,
        inputs,
        endpoints=_published(name, service, inputs),
        aliases=network_aliases(inputs.compiled.backends, inputs.parts).get(name, ()),
        files=files,
    )


def _published(name: str, service: Service, inputs: StackInputs) -> tuple[PublishedEndpoint, ...]:
    return tuple(
        PublishedEndpoint(
            name=endpoint.name,
            container_port=endpoint.port,
            host_port=inputs.ports[f"{name}.{endpoint.name}"],
            protocol=endpoint.protocol,
            path=endpoint.path,
            ui=endpoint.ui,
        )
        for endpoint in service.endpoints
        if f"{name}.{endpoint.name}" in inputs.ports
    )


def _stack_service(name: str, service: Service, inputs: StackInputs) -> StackService:
    return StackService(
        name=name,
        backend=inputs.owner(name).blueprint.name,
        image=inputs.images[name],
        endpoints=_published(name, service, inputs),
        ready=service.ready,
        healthcheck=service.healthcheck is not None,
        hint=service.hint,
        misdirected=service.misdirected,
    )


def _volumes(inputs: StackInputs, services: Mapping[str, Service]) -> tuple[StackVolume, ...]:
    return tuple(
        StackVolume(
            name=f"{inputs.identity.project}-{name}-{volume}",
            service=name,
            key=f"{name}-{volume}",
            data_version=service.data_version,
            secrets=secret_variables(service),
        )
        for name, service in services.items()
        for volume in service.volumes
    )


def _client_environment(inputs: StackInputs) -> dict[str, str]:
    """What the sandbox sets where lineage clients run."""
    lineage = {b.blueprint.name for b in inputs.compiled.backends if b.kind is Kind.LINEAGE}
    sandboxes = [p.sandbox for p in inputs.parts if p.sandbox and p.blueprint.name in lineage]
    return {name: value for sandbox in sandboxes for name, value in sandbox.environment.items()}


def _collector(inputs: StackInputs) -> str | None:
    """The service that takes OTLP from pipelines: the Collector blueprint's."""
    shared = inputs.blueprints.get(COLLECTOR)
    if shared is None:
        return None
    taking = set(shared.ingest.values())
    return next((s for s, e in shared.endpoints if e.name in taking), None)


def _helm_changes(inputs: StackInputs) -> tuple[Change, ...]:
    return tuple(c for backend in inputs.compiled.backends for c in helm_changes(backend))


def helm_environment(backend: Backend) -> dict[str, dict[str, str]]:
    """The environment variables that Helm values set: service → name → value."""
    environment: dict[str, dict[str, str]] = {}
    for rule in backend.blueprint.helm:
        value = value_at(backend.helm_values, steps(rule.path))
        if value is not MISSING and rule.service and rule.environment:
            environment.setdefault(rule.service, {})[rule.environment] = as_text(value)
    return environment


def helm_changes(backend: Backend) -> tuple[Change, ...]:
    """What becomes of each Helm value that floe-local does not just ignore.

    Raises:
        InputError: a value is not one of those that run locally (``helm-value``).
    """
    rules = backend.blueprint.helm
    for rule in rules:
        _refuse_other_values(backend, rule)
    honoured = tuple(_honoured(backend, rule) for rule in rules if rule.environment)
    known = {rule.path for rule in rules}
    ignored = tuple(
        Change(
            rule="helm-not-honoured",
            where=f"{backend.name}: {path}",
            before=value,
            after=None,
            why="this Helm value has no counterpart in the local stack",
        )
        for path, value in _paths(backend)
        if not any(path == p or path.startswith(f"{p}.") for p in known)
    )
    return tuple(change for change in honoured if change) + ignored


def _honoured(backend: Backend, rule: HelmRule) -> Change | None:
    value = value_at(backend.helm_values, steps(rule.path))
    if value is MISSING:
        return None
    return Change(
        rule="helm-environment",
        where=f"{backend.name}: {rule.path}",
        before=value,
        after=f"{rule.environment}={as_text(value)} in service {rule.service}",
        why="the blueprint honours this Helm value",
    )


def _refuse_other_values(backend: Backend, rule: HelmRule) -> None:
    value = value_at(backend.helm_values, steps(rule.path))
    if value is MISSING or not rule.one_of or value in rule.one_of:
        return
    possible = ", ".join(as_text(v) for v in rule.one_of)
    raise InputError(
        "helm-value",
        f"{backend.who or backend.name}: its Helm value {rule.path} is {as_text(value)}; "
        f"locally it can be: {possible}",
        f"configure the plugin so that {rule.path} is {possible} in the local environment",
    )


def as_text(value: Any) -> str:
    """A Helm value as an environment variable holds it: text as it is, the rest as JSON."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _paths(backend: Backend) -> Iterator[tuple[str, Any]]:
    return ((".".join(path), value) for path, value in leaves(backend.helm_values))
