"""What a manifest may configure of AWS X-Ray."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field


class XRayConfig(BaseModel):
    """The config of the X-Ray plugin. Credentials are no part of it: AWS clients find their own.

    Attributes:
        region: the AWS region, e.g. ``eu-west-1``.
        role_arn: a role to take on for sending.
        api_url: asked by ``validate_connection()``; the region's X-Ray API if None.
        timeout: seconds that ``validate_connection()`` waits.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    region: Annotated[str, Field(pattern=r"^([a-z0-9-]+|\$\{env:\w+\})$")] = "${env:AWS_REGION}"
    role_arn: Annotated[str, Field(pattern=r"^arn:aws[\w-]*:iam::\d{12}:role/\S+$")] | None = None
    api_url: Annotated[str, Field(pattern=r"^https?://")] | None = None
    timeout: Annotated[float, Field(gt=0, le=60)] = 5.0

    @property
    def base_url(self) -> str:
        """X-Ray's endpoint in the region."""
        return f"https://xray.{self.region}.amazonaws.com"
