"""What a manifest may configure of Datadog."""

from __future__ import annotations

import os
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, field_validator

from floe_local.plugin_api import only_by_reference

DEFAULT_SITE = "datadoghq.com"


def site_of_environment() -> str:
    """The site that Datadog's own tools would use: DD_SITE, else the first one."""
    return os.environ.get("DD_SITE") or DEFAULT_SITE


class DatadogConfig(BaseModel):
    """The config of the Datadog plugin.

    Attributes:
        api_key: ``${env:NAME}``; Datadog's keys are 32 hexadecimal digits.
        site: the Datadog site, e.g. ``datadoghq.eu``; DD_SITE if it is set, else US1.
        hostname: the host of what names none. Without one the Collector asks the metadata
            services of several clouds each time that it starts, or checks its config.
        host_metadata: whether the Collector's own machine is reported as a host.
        api_url: asked by ``validate_connection()``; the site's API if None.
        timeout: seconds that ``validate_connection()`` waits.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    api_key: str = "${env:DD_API_KEY}"
    site: Annotated[str, Field(pattern=r"^[a-z0-9.-]+$")] = Field(
        default_factory=site_of_environment
    )
    hostname: Annotated[str, Field(pattern=r"^[A-Za-z0-9.-]{1,255}$")] = "otel-collector"
    host_metadata: bool = False
    api_url: Annotated[str, Field(pattern=r"^https?://")] | None = None
    timeout: Annotated[float, Field(gt=0, le=60)] = 5.0

    @field_validator("api_key")
    @classmethod
    def _by_reference(cls, api_key: str) -> str:
        return only_by_reference(api_key)
