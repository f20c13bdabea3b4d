"""The config of a Marquez plugin that a manifest only names.

Apart from `floe_lineage_marquez.config`, which takes its defaults from here: importing
pydantic costs more time than all the rest of compiling a manifest.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

Strategy = Literal["environment_based", "custom", "centralized", "backend_managed"]
ServiceType = Literal["ClusterIP", "NodePort", "LoadBalancer"]


class DefaultNamespace(NamedTuple):
    """What `Namespace` describes, field by field."""

    strategy: Strategy = "environment_based"
    template: str = "floe-{environment}"
    environment_var: str = "FLOE_ENVIRONMENT"
    namespace: str | None = None
    environment: str | None = None
    platform: str = "floe"


class Defaults(NamedTuple):
    """What `MarquezConfig` describes, field by field."""

    url: str = "http://marquez:5000"
    endpoint: str = "api/v1/lineage"
    timeout: float = 5.0
    api_key: str | None = None
    environment: str | None = None
    verify_ssl: bool = True
    drain_timeout: float | None = None
    allow_insecure_http: bool = True
    namespace: DefaultNamespace = DefaultNamespace()
    db_host: str = "postgresql"
    db_port: int = 5432
    service: ServiceType = "ClusterIP"


DEFAULTS = Defaults()
