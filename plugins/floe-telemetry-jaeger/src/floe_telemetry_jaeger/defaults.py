"""The config of a Jaeger plugin that a manifest only names.

Apart from `floe_telemetry_jaeger.config`, which takes its defaults from here: importing
pydantic costs more time than all the rest of compiling a manifest.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

Protocol = Literal["grpc", "http"]
Storage = Literal["memory", "badger", "cassandra", "elasticsearch", "opensearch"]
ServiceType = Literal["ClusterIP", "NodePort", "LoadBalancer"]


class DefaultTls(NamedTuple):
    """No TLS: Collector and Jaeger share a private network."""

    insecure: bool = True
    insecure_skip_verify: bool = False
    ca_file: str | None = None
    cert_file: str | None = None
    key_file: str | None = None
    server_name_override: str | None = None


class Defaults(NamedTuple):
    """What `JaegerConfig` describes, field by field."""

    protocol: Protocol = "grpc"
    endpoint: str = ""
    tls: DefaultTls = DefaultTls()
    headers: dict[str, str] = {}
    storage: Storage = "memory"
    query_service: ServiceType = "LoadBalancer"
    query_url: str = "http://jaeger:16686"
    query_headers: dict[str, str] = {}
    timeout: float = 5.0


DEFAULTS = Defaults()
