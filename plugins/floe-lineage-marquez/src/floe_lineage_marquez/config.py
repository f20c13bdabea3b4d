"""What a manifest may configure of Marquez."""

from __future__ import annotations

import ipaddress
from contextlib import suppress
from typing import Annotated, Any, Self
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from floe_lineage_marquez.defaults import DEFAULTS, ServiceType, Strategy
from floe_local.plugin_api import only_by_reference


class Namespace(BaseModel):
    """How the namespace of lineage events is made.

    Attributes:
        strategy: ``environment_based`` fills `template` with the value of `environment_var`;
            ``custom`` uses `namespace`; ``centralized`` gives ``environment.platform``;
            ``backend_managed`` leaves it to the backend.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    strategy: Strategy = DEFAULTS.namespace.strategy
    template: str = DEFAULTS.namespace.template
    environment_var: str = DEFAULTS.namespace.environment_var
    namespace: str | None = None
    environment: str | None = None
    platform: str = DEFAULTS.namespace.platform

    @model_validator(mode="after")
    def _has_what_it_needs(self) -> Self:
        needed = {"custom": "namespace", "centralized": "environment"}.get(self.strategy)
        if needed and not getattr(self, needed):
            message = f"strategy '{self.strategy}' needs '{needed}'"
            raise ValueError(message)
        return self


def _is_here(host: str) -> bool:
    with suppress(ValueError):
        return ipaddress.ip_address(host).is_loopback
    return host == "localhost"


class MarquezConfig(BaseModel):
    """The config of the Marquez plugin.

    Attributes:
        url: the base URL of the API; a lineage endpoint at its end is taken off.
        endpoint: the path of the lineage endpoint, relative to `url`.
        timeout: seconds that an emitting client waits, and ``validate_connection()`` too.
        api_key: ``${env:NAME}``; none: Marquez as it comes asks for none.
        environment: short for ``namespace: {strategy: centralized, environment: …}``.
        verify_ssl: whether clients verify the server's certificate.
        drain_timeout: seconds that a client takes to send what is queued, when it ends.
        allow_insecure_http: written as false, a plain ``http://`` other than to this machine
            is refused.
        namespace: how the namespace of events is made.
        db_host: the database's host (for Helm).
        db_port: the database's port (for Helm).
        service: how Kubernetes exposes Marquez (for Helm).
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    url: Annotated[str, Field(pattern=r"^https?://")] = DEFAULTS.url
    endpoint: str = DEFAULTS.endpoint
    timeout: Annotated[float, Field(gt=0, le=300)] = DEFAULTS.timeout
    api_key: str | None = None
    environment: str | None = None
    verify_ssl: bool = DEFAULTS.verify_ssl
    drain_timeout: Annotated[float, Field(gt=0)] | None = None
    allow_insecure_http: bool = DEFAULTS.allow_insecure_http
    namespace: Namespace = Namespace()
    db_host: str = DEFAULTS.db_host
    db_port: Annotated[int, Field(ge=1, le=65535)] = DEFAULTS.db_port
    service: ServiceType = DEFAULTS.service

    @field_validator("endpoint")
    @classmethod
    def _relative(cls, endpoint: str) -> str:
        # A leading slash would drop a path in the base URL when the client joins the two.
        return endpoint.strip("/")

    @field_validator("api_key")
    @classmethod
    def _by_reference(cls, api_key: str | None) -> str | None:
        return api_key if api_key is None else only_by_reference(api_key)

    @model_validator(mode="before")
    @classmethod
    def _environment_of_namespace(cls, values: Any) -> Any:
        # As the plugin that floe publishes reads it.
        if isinstance(values, dict) and values.get("environment") and "namespace" not in values:
            centralized = {"strategy": "centralized", "environment": values["environment"]}
            return {**values, "namespace": centralized}
        return values

    @model_validator(mode="after")
    def _https_where_it_must(self) -> Self:
        host = urlsplit(self.url).hostname or ""
        if self.url.startswith("http://") and not self.allow_insecure_http and not _is_here(host):
            message = "url: plain http, and allow_insecure_http is false"
            raise ValueError(message)
        return self

    @model_validator(mode="after")
    def _base_url_only(self) -> Self:
        base = self.url.rstrip("/").removesuffix(f"/{self.endpoint}")
        # Without its trailing slash, a base path would lose its last part in the join.
        path = base.split("://", 1)[1].partition("/")[2]
        object.__setattr__(self, "url", f"{base}/" if path else base)
        return self
