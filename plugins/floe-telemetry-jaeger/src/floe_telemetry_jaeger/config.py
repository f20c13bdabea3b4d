"""What a manifest may configure of Jaeger."""

from __future__ import annotations

import re
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from floe_local.plugin_api import only_by_reference
from floe_telemetry_jaeger.defaults import DEFAULTS, Protocol, ServiceType, Storage

_CREDENTIAL_HEADER = re.compile(r"auth|token|key|secret|cookie", re.IGNORECASE)
_HOST_AND_PORT = re.compile(r"^(dns:///)?[^\s/:]+:\d{1,5}$")


class Tls(BaseModel):
    """TLS between the Collector and Jaeger. Paths are those inside the Collector's container."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    insecure: bool = False
    insecure_skip_verify: bool = False
    ca_file: str | None = None
    cert_file: str | None = None
    key_file: str | None = None
    server_name_override: str | None = None


class JaegerConfig(BaseModel):
    """The config of the Jaeger plugin.

    Attributes:
        protocol: OTLP over gRPC or over HTTP.
        endpoint: where the Collector sends: ``host:port`` for grpc, a URL for http.
        tls: TLS of that connection; off by default, as inside one network.
        headers: sent with each export. One that carries a credential is ``${env:NAME}``.
        storage: what Jaeger keeps traces in (for Helm).
        query_service: how Kubernetes exposes Jaeger's query service (for Helm).
        query_url: the query API, asked by ``validate_connection()``.
        query_headers: sent to the query API.
        timeout: seconds that ``validate_connection()`` waits.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    protocol: Protocol = DEFAULTS.protocol
    endpoint: str = DEFAULTS.endpoint
    tls: Tls = Tls(insecure=DEFAULTS.tls.insecure)
    headers: dict[str, str] = DEFAULTS.headers
    storage: Storage = DEFAULTS.storage
    query_service: ServiceType = DEFAULTS.query_service
    query_url: Annotated[str, Field(pattern=r"^https?://")] = DEFAULTS.query_url
    query_headers: dict[str, str] = DEFAULTS.query_headers
    timeout: Annotated[float, Field(gt=0, le=60)] = DEFAULTS.timeout

    @field_validator("headers", "query_headers")
    @classmethod
    def _credentials_by_reference(cls, headers: dict[str, str]) -> dict[str, str]:
        for name, value in headers.items():
            if _CREDENTIAL_HEADER.search(name):
                only_by_reference(value)
        return headers

    @model_validator(mode="after")
    def _endpoint_fits_protocol(self) -> Self:
        if self.endpoint and self.protocol == "grpc" and not _HOST_AND_PORT.match(self.endpoint):
            message = "endpoint: OTLP over gRPC takes host:port, e.g. jaeger:4317"
            raise ValueError(message)
        if self.endpoint and self.protocol == "http" and "://" not in self.endpoint:
            message = "endpoint: OTLP over HTTP takes a URL, e.g. http://jaeger:4318"
            raise ValueError(message)
        return self
