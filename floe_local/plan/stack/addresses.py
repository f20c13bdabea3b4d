"""Where a stack is reached, from its containers and from the host, and what pipelines set.

Who reads which variable is in docs/env.md (OpenTelemetry: the specification of the
OTLP exporter's variables; OpenLineage: the clients' configuration).
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from floe_local.plan.caller import past_the_proxy
from floe_local.plan.compiler.openlineage import DEFAULT_ENDPOINT, Target, last_segment
from floe_local.plan.compiler.transport import for_host
from floe_local.plan.env_refs import resolve
from floe_local.plan.values import ENVIRONMENT_VARIABLE

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from floe_local.plan.artifacts import Backend
    from floe_local.plan.stack.model import PublishedEndpoint, StackPlan
    from floe_local.plan.values import OtlpProtocol

Viewpoint = Literal["host", "container"]
"""Where something runs that calls the stack: beside it, or in a container of its network."""

TRANSPORT = "OPENLINEAGE__TRANSPORT"
AIRFLOW_TRANSPORT = "AIRFLOW__OPENLINEAGE__TRANSPORT"
JSON_VARIABLES = frozenset({TRANSPORT, AIRFLOW_TRANSPORT})
"""Variables that hold JSON: what takes a reference's place in them is escaped as JSON is."""

_ENDPOINTS = {"grpc": "otlp-grpc", "http/protobuf": "otlp-http"}
_POSTED = frozenset({"http", "async_http"})
_PROXIES = ("http_proxy", "https_proxy", "all_proxy", "grpc_proxy")
_BY_THE_TRANSPORT_ALONE = ("custom_headers", "ssl_context", "sslContext")
"""Settings without which a backend refuses an event, and that no plain variable can say."""


def endpoint_url(plan: StackPlan, service: str, endpoint: str, viewpoint: Viewpoint) -> str | None:
    """The base URL of an endpoint, without a path; None: it is not published."""
    found = plan.service(service)
    for published in found.endpoints if found else ():
        if published.name == endpoint:
            return _url(plan, service, published, viewpoint)
    return None


def _url(plan: StackPlan, service: str, published: PublishedEndpoint, viewpoint: Viewpoint) -> str:
    if viewpoint == "container":
        return f"http://{service}:{published.container_port}"
    return f"http://{url_host(plan.host)}:{published.host_port}"


def url_host(host: str) -> str:
    """A host as a URL has it: an IPv6 address in brackets."""
    return f"[{host}]" if ":" in host else host


def backend_urls(plan: StackPlan, backend: Backend, viewpoint: Viewpoint) -> dict[str, str]:
    """The base URLs of a backend's endpoints, by endpoint name."""
    urls = {
        name: endpoint_url(plan, service, name, viewpoint)
        for name, service in backend.service_of.items()
    }
    return {name: url for name, url in urls.items() if url}


def collector_url(plan: StackPlan, protocol: str, viewpoint: Viewpoint) -> str | None:
    """Where the Collector takes OTLP: `protocol` is ``otlp-grpc`` or ``otlp-http``."""
    found = plan.service(plan.collector) if plan.collector else None
    for published in found.endpoints if found else ():
        if published.protocol == protocol:
            return _url(plan, found.name if found else "", published, viewpoint)
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


def transport_for(plan: StackPlan, viewpoint: Viewpoint) -> dict[str, Any] | None:
    """The OpenLineage transport that pipelines use; None: the stack takes no lineage."""
    transport = (plan.openlineage_config or {}).get("transport")
    if transport is None or viewpoint == "container":
        return transport
    return host_transport(plan, transport)


class PipelineVariables(NamedTuple):
    """What a pipeline sets, and what no variable can say: its name → the reason."""

    variables: dict[str, str]
    omitted: dict[str, str]


def pipeline_environment(
    plan: StackPlan,
    viewpoint: Viewpoint,
    protocol: OtlpProtocol | None = None,
    environ: Mapping[str, str] | None = None,
) -> dict[str, str]:
    """The variables that OpenTelemetry's SDKs and OpenLineage's clients read.

    Values may hold ``${env:NAME}`` references; `resolve_variables` puts the values in.

    Args:
        plan: the stack.
        viewpoint: ``container`` for a pipeline that joins the stack's network.
        protocol: how OTLP travels; None: as the plan says.
        environ: the pipeline's other variables: proxies named there are kept off the stack.
    """
    return pipeline_variables(plan, viewpoint, protocol, environ).variables


def pipeline_variables(
    plan: StackPlan,
    viewpoint: Viewpoint,
    protocol: OtlpProtocol | None = None,
    environ: Mapping[str, str] | None = None,
) -> PipelineVariables:
    """`pipeline_environment`, with the variables that are left out, and why."""
    variables = {ENVIRONMENT_VARIABLE: plan.environment}
    variables |= proxy_exceptions(stack_hosts(plan, viewpoint), environ or {})
    variables |= _telemetry(plan, viewpoint, protocol or plan.otlp_protocol)
    transport = transport_for(plan, viewpoint)
    if transport is None:
        return PipelineVariables(variables, {})
    variables["OPENLINEAGE_NAMESPACE"] = plan.namespace
    lineage, omitted = _lineage(transport)
    return PipelineVariables(variables | lineage | plan.client_environment, omitted)


def stack_hosts(plan: StackPlan, viewpoint: Viewpoint) -> tuple[str, ...]:
    """The hosts of all addresses in the stack; others, a SaaS's, are none of them."""
    if viewpoint == "host":
        return (plan.host,)
    services = [service.name for service in plan.services]
    aliases = [host for backend in plan.backends for host, _ in backend.hosts]
    return tuple(dict.fromkeys([*services, *aliases]))


def proxy_exceptions(hosts: Iterable[str], environ: Mapping[str, str]) -> dict[str, str]:
    """NO_PROXY, in both spellings, with `hosts` besides what is there; empty without a proxy."""
    if not any(environ.get(name) for p in _PROXIES for name in (p, p.upper())):
        return {}
    names = ("NO_PROXY", "no_proxy")
    exceptions = past_the_proxy(",".join(environ.get(name, "") for name in names), hosts)
    # gRPC reads it instead of no_proxy.
    if own := environ.get("no_grpc_proxy"):
        exceptions["no_grpc_proxy"] = past_the_proxy(own, hosts)["no_proxy"]
    return exceptions


def airflow_variables(plan: StackPlan, viewpoint: Viewpoint) -> dict[str, str]:
    """What Airflow's OpenLineage provider prefers to the client's variables, and airflow.cfg to.

    See its configuration reference, section ``openlineage``.
    """
    transport = transport_for(plan, viewpoint)
    if transport is None:
        return {}
    return {
        AIRFLOW_TRANSPORT: _as_json(transport),
        "AIRFLOW__OPENLINEAGE__NAMESPACE": plan.namespace,
    }


def spark_settings(plan: StackPlan, viewpoint: Viewpoint) -> PipelineVariables:
    """What ``spark-submit --conf`` is given, so that a job's lineage reaches the stack.

    The listener's package, io.openlineage:openlineage-spark, is the job's own to name.
    """
    transport = transport_for(plan, viewpoint)
    if transport is None:
        return PipelineVariables({}, {})
    settings, omitted = _spark_transport(transport, "spark.openlineage.transport")
    if not settings:
        return PipelineVariables({}, omitted)
    listener = {"spark.extraListeners": "io.openlineage.spark.agent.OpenLineageSparkListener"}
    namespace = {"spark.openlineage.namespace": plan.namespace}
    return PipelineVariables(listener | namespace | settings, omitted)


def _spark_transport(transport: dict[str, Any], key: str) -> PipelineVariables:
    """A transport in the keys of openlineage-java; a composite's parts each below their name."""
    if transport.get("type") == "composite":
        children = transport.get("transports") or {}
        named = children if isinstance(children, dict) else _named_children(children)
        parts = [_spark_transport(part, f"{key}.transports.{n}") for n, part in named.items()]
        settings = {k: v for part in parts for k, v in part.variables.items()}
        omitted = {k: v for part in parts for k, v in part.omitted.items()}
        return PipelineVariables(
            {f"{key}.type": "composite"} | settings if settings else {}, omitted
        )
    if reason := _not_for_spark(transport):
        return PipelineVariables({}, {key: reason})
    settings = {"type": "http", "url": transport["url"]}
    settings |= {k: transport[k] for k in ("endpoint", "compression") if transport.get(k)}
    settings |= {f"auth.{k}": v for k, v in (transport.get("auth") or {}).items()}
    settings |= {f"headers.{k}": v for k, v in (transport.get("custom_headers") or {}).items()}
    if "timeout" in transport:
        settings["timeoutInMillis"] = str(int(float(transport["timeout"]) * 1000))
    return PipelineVariables({f"{key}.{k}": str(v) for k, v in settings.items()}, {})


def _named_children(children: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    return {str(child.get("name") or f"part{n}"): child for n, child in enumerate(children)}


def _not_for_spark(transport: dict[str, Any]) -> str | None:
    """Why Spark's listener cannot use a transport; None: it can."""
    if transport.get("type") not in _POSTED:
        return f"floe-local knows no Spark settings for type '{transport.get('type')}'"
    auth = (transport.get("auth") or {}).get("type", "api_key")
    if auth not in {"api_key", "jwt"}:
        return f"openlineage-java has no authentication of type '{auth}'"
    if transport["url"].lower().startswith("https:") and transport.get("verify", True) is not True:
        return f"openlineage-java has no `verify: {json.dumps(transport['verify'])}`"
    return None


def resolve_variables(variables: Mapping[str, str], environ: Mapping[str, str]) -> dict[str, str]:
    """The variables with every reference replaced, inside of JSON, too.

    Raises:
        InputError: one is not set (``variable-unset``).
    """
    return {name: _resolved(name, value, environ) for name, value in variables.items()}


def _resolved(name: str, value: str, environ: Mapping[str, str]) -> str:
    if name in JSON_VARIABLES:
        return _as_json(resolve(json.loads(value), environ, name))
    return str(resolve(value, environ, name))


def _telemetry(plan: StackPlan, viewpoint: Viewpoint, protocol: OtlpProtocol) -> dict[str, str]:
    url = collector_url(plan, _ENDPOINTS[protocol], viewpoint)
    if url is None:
        return {}
    variables = {"OTEL_EXPORTER_OTLP_ENDPOINT": url, "OTEL_EXPORTER_OTLP_PROTOCOL": protocol}
    if protocol == "grpc" and url.startswith("http://"):
        # Some SDKs, and floe-core, do not take it from the scheme.
        variables["OTEL_EXPORTER_OTLP_INSECURE"] = "true"
    return variables


def _lineage(transport: dict[str, Any]) -> PipelineVariables:
    """The whole address for clients that post to OPENLINEAGE_URL as it is; all of it as JSON.

    OPENLINEAGE_ENDPOINT is the address's last segment: a client that joins the two comes to
    the same address. OPENLINEAGE__TRANSPORT has origin and path apart, as the Java client
    wants it; openlineage-python prefers it to the others.
    """
    whole = {TRANSPORT: _as_json(transport)}
    reason = _not_plain(transport)
    if reason:
        return PipelineVariables(whole, {"OPENLINEAGE_URL": reason})
    address = Target(transport["url"], transport.get("endpoint", DEFAULT_ENDPOINT)).address
    plain = {"OPENLINEAGE_URL": address, "OPENLINEAGE_ENDPOINT": last_segment(address)}
    key = (transport.get("auth") or {}).get("apiKey")
    return PipelineVariables(plain | ({"OPENLINEAGE_API_KEY": key} if key else {}) | whole, {})


def _not_plain(transport: dict[str, Any]) -> str | None:
    """Why an address and an API key do not say all that a backend needs; None: they do."""
    kind, url = transport.get("type"), str(transport.get("url", ""))
    if kind not in _POSTED:
        return f"the transport's type is '{kind}', and that variable means 'http'"
    if url.startswith("${"):
        return f"the address is only known where the pipeline runs ({url})"
    if "type" in (auth := transport.get("auth") or {}) and auth["type"] != "api_key":
        return f"it cannot say authentication of type '{auth['type']}'"
    verify = transport.get("verify", True)
    if url.lower().startswith("https:") and verify is not True:
        return f"it cannot say `verify: {json.dumps(verify)}`"
    unsaid = [key for key in _BY_THE_TRANSPORT_ALONE if transport.get(key)]
    return f"it cannot say `{unsaid[0]}`" if unsaid else None


def _as_json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)
