"""What a manifest may configure."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field


class PrometheusConfig(BaseModel):
    """The config of the Prometheus plugin.

    Attributes:
        url: where Prometheus answers queries.
        labels: put on every series.
        expiration_s: seconds after which a series that got no new point is shown no more.
        timeout: seconds that ``validate_connection()`` waits.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    url: Annotated[str, Field(pattern=r"^https?://")] = "http://prometheus:9090"
    labels: dict[str, str] = {}
    expiration_s: Annotated[int, Field(gt=0)] = 300
    timeout: Annotated[float, Field(gt=0, le=300)] = 5.0
