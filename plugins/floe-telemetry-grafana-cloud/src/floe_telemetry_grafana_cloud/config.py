"""What a manifest may configure of Grafana Cloud."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, field_validator

from floe_local.plugin_api import only_by_reference


class GrafanaCloudConfig(BaseModel):
    """The config of the Grafana Cloud plugin.

    Attributes:
        zone: the zone of the stack's OTLP gateway, e.g. ``prod-eu-west-2``.
        instance_id: the number of the stack's OTLP instance: the user name.
        token: ``${env:NAME}``, an access policy's token that may write all three signals.
        endpoint: the whole base URL instead, up to ``/otlp``.
        timeout: seconds that ``validate_connection()`` waits.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    zone: Annotated[str, Field(pattern=r"^([a-z0-9-]+|\$\{env:\w+\})$")] = (
        "${env:GRAFANA_CLOUD_ZONE}"
    )
    instance_id: Annotated[str, Field(pattern=r"^(\d+|\$\{env:\w+\})$")] = (
        "${env:GRAFANA_CLOUD_INSTANCE_ID}"
    )
    token: str = "${env:GRAFANA_CLOUD_API_KEY}"  # noqa: S105 - a reference is no secret
    endpoint: Annotated[str, Field(pattern=r"^https?://")] | None = None
    timeout: Annotated[float, Field(gt=0, le=60)] = 5.0

    @property
    def base_url(self) -> str:
        """What ``/v1/traces`` and its kin are appended to."""
        return (self.endpoint or f"https://otlp-gateway-{self.zone}.grafana.net/otlp").rstrip("/")

    @field_validator("token")
    @classmethod
    def _by_reference(cls, token: str) -> str:
        return only_by_reference(token)
