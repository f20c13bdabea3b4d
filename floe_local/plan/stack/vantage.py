"""Where a stack is reached, from its containers and from the host; what pipelines set."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from floe_local.plan.compiler.transport import for_host

if TYPE_CHECKING:
    from collections.abc import Iterator

    from floe_local.plan.artifacts import Backend
    from floe_local.plan.stack.model import PublishedEndpoint, StackPlan

Vantage = Literal["host", "container"]


def endpoint_url(plan: StackPlan, service: str, endpoint: str, vantage: Vantage) -> str | None:
    """The base URL of an endpoint, without a path; None: it is not published."""
    found = plan.service(service)
    for published in found.endpoints if found else ():
        if published.name == endpoint:
            return _url(plan, service, published, vantage)
    return None


def _url(plan: StackPlan, service: str, published: PublishedEndpoint, vantage: Vantage) -> str:
    if vantage == "container":
        return f"http://{service}:{published.container_port}"
    return f"http://{url_host(plan.host)}:{published.host_port}"


def url_host(host: str) -> str:
    """A host as a URL has it: an IPv6 address in brackets."""
    return f"[{host}]" if ":" in host else host


def backend_urls(plan: StackPlan, backend: Backend, vantage: Vantage) -> dict[str, str]:
    """The base URLs of a backend's endpoints, by endpoint name."""
    urls = {
        name: endpoint_url(plan, service, name, vantage)
        for name, service in backend.service_of.items()
    }
    return {name: url for name, url in urls.items() if url}


def collector_url(plan: StackPlan, protocol: str, vantage: Vantage) -> str | None:
    """Where the Collector takes OTLP: `protocol` is ``otlp-grpc`` or ``otlp-http``."""
    found = plan.service(plan.collector) if plan.collector else None
    for published in found.endpoints if found else ():
        if published.protocol == protocol:
            return _url(plan, found.name if found else "", published, vantage)
    return None


def host_address_map(plan: StackPlan) -> dict[tuple[str, int], tuple[str, int]]:
    """What plugins call, and where that is from the host: (name, port) → (host, port).

    Every name of a backend's containers, with every port of theirs that is published.
    """
    return {
        (name.rstrip(".").lower(), published.container_port): (plan.host, published.host_port)
        for backend in plan.backends
        for name in _names(backend)
        for published in _published(plan, backend)
    }


def _names(backend: Backend) -> set[str]:
    return {host for host, _ in backend.hosts} | set(backend.service_of.values())


def _published(plan: StackPlan, backend: Backend) -> Iterator[PublishedEndpoint]:
    for name in dict.fromkeys(backend.service_of.values()):
        service = plan.service(name)
        yield from service.endpoints if service else ()


def host_transport(plan: StackPlan, transport: dict[str, Any]) -> dict[str, Any]:
    """A transport with the URLs of the stack's services as the host reaches them."""
    return for_host(transport, host_address_map(plan))


def transport_for(plan: StackPlan, vantage: Vantage) -> dict[str, Any] | None:
    """The OpenLineage transport that pipelines use; None: the stack takes no lineage."""
    transport = (plan.openlineage_config or {}).get("transport")
    if transport is None or vantage == "container":
        return transport
    return host_transport(plan, transport)
