"""What a manifest may configure of OpenMetadata."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, field_validator

from floe_local.plugin_api import only_by_reference


class OpenMetadataConfig(BaseModel):
    """The config of the OpenMetadata plugin.

    Attributes:
        url: the base URL of the server, without ``/api``.
        jwt_token: ``${env:NAME}``, the JWT of a bot that may edit lineage.
        timeout: seconds that an emitting client waits, and ``validate_connection()`` too.
        namespace_template: the namespace of events; ``{environment}`` stands for the value of
            `environment_var`. OpenMetadata's settings map namespaces to its services.
        environment_var: the variable that names the environment.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    url: Annotated[str, Field(pattern=r"^https?://")] = "https://${env:OPENMETADATA_HOST}"
    jwt_token: str = "${env:OPENMETADATA_JWT_TOKEN}"  # noqa: S105 - a reference is no secret
    timeout: Annotated[float, Field(gt=0, le=300)] = 5.0
    namespace_template: str = "floe-{environment}"
    environment_var: str = "FLOE_ENVIRONMENT"

    @field_validator("jwt_token")
    @classmethod
    def _by_reference(cls, jwt_token: str) -> str:
        return only_by_reference(jwt_token)

    @field_validator("url")
    @classmethod
    def _base_only(cls, url: str) -> str:
        return url.rstrip("/").removesuffix("/api")
