"""What a manifest may configure of lineage on AWS."""

from __future__ import annotations

from typing import Annotated

from floe_lineage_marquez.config import MarquezConfig
from pydantic import BaseModel, ConfigDict, Field


class AwsConfig(BaseModel):
    """The config of the AWS lineage plugin. Credentials are no part of it: boto3 finds its own.

    Attributes:
        domain_id: the domain of the catalog (Amazon DataZone, SageMaker), ``dzd_…``.
        region: the domain's AWS region; what boto3 finds if None.
        marquez: the config of the Marquez beside it, as of floe-lineage-marquez.
        api_url: asked by ``validate_connection()``; the region's DataZone API if None.
        timeout: seconds that ``validate_connection()`` waits for the catalog.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    domain_id: Annotated[str, Field(pattern=r"^(dzd[-_][\w-]{1,36}|\$\{env:\w+\})$")] = (
        "${env:DATAZONE_DOMAIN_ID}"
    )
    region: Annotated[str, Field(pattern=r"^[a-z0-9-]+$")] | None = None
    marquez: MarquezConfig = MarquezConfig()
    api_url: Annotated[str, Field(pattern=r"^https?://")] | None = None
    timeout: Annotated[float, Field(gt=0, le=60)] = 5.0
