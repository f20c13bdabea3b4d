"""What a manifest may configure of Atlan."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, field_validator

from floe_local.plugin_api import only_by_reference


class AtlanConfig(BaseModel):
    """The config of the Atlan plugin.

    Attributes:
        host: the tenant's host, e.g. ``acme.atlan.com``.
        connector: the connector type whose connection takes the events; in Atlan, a connection
            of that type must be there, named as the namespace of the events.
        api_key: ``${env:NAME}``, an API token of Atlan.
        timeout: seconds that an emitting client waits, and ``validate_connection()`` too.
        base_url: asked by ``validate_connection()``; ``https://<host>`` if None.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    host: Annotated[str, Field(pattern=r"^([A-Za-z0-9.-]+|\$\{env:\w+\})$")] = "${env:ATLAN_HOST}"
    connector: Annotated[str, Field(pattern=r"^[a-z0-9-]+$")] = "spark"
    api_key: str = "${env:ATLAN_API_KEY}"
    timeout: Annotated[float, Field(gt=0, le=300)] = 5.0
    base_url: Annotated[str, Field(pattern=r"^https?://")] | None = None

    @field_validator("api_key")
    @classmethod
    def _by_reference(cls, api_key: str) -> str:
        return only_by_reference(api_key)
