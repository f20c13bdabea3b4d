"""Lineage on AWS: Marquez, and the AWS catalog beside it.

ADR-0035 names 'AWS Glue + Marquez'. Glue itself takes no OpenLineage; the catalog on top of it
(Amazon DataZone, SageMaker) does, by PostLineageEvent. So each event goes to both.
"""

from __future__ import annotations

from typing import Any

from floe_lineage_marquez import MarquezPlugin

from floe_lineage_aws.config import AwsConfig
from floe_local.plugin_api import (
    Configured,
    CredentialError,
    LineageBackendPlugin,
    ask_backend,
    resolved,
)


class AwsPlugin(Configured[AwsConfig], LineageBackendPlugin):
    """Lineage backend plugin for AWS: two transports in one.

    Keywords are the fields of `AwsConfig`.
    """

    name = "aws"
    version = "0.1.0"
    floe_api_version = "2.0.0"
    config_model = AwsConfig

    def configure(self, config: AwsConfig) -> None:
        """Replace the whole config, Marquez's with it."""
        super().configure(config)
        self.marquez = MarquezPlugin()
        self.marquez.configure(config.marquez)

    def get_transport_config(self) -> dict[str, Any]:
        """Give a composite: Marquez over HTTP, and the catalog by AWS's own API."""
        catalog = {"type": "amazon_datazone_api", "domainId": self.config.domain_id}
        if self.config.region:
            catalog["region"] = self.config.region
        return {
            "type": "composite",
            "continue_on_failure": True,
            "transports": {"marquez": self.marquez.get_transport_config(), "datazone": catalog},
        }

    def get_namespace_strategy(self) -> dict[str, Any]:
        """Give Marquez's: one event has one namespace."""
        return self.marquez.get_namespace_strategy()

    def get_helm_values(self) -> dict[str, Any]:
        """Give Marquez's: the catalog runs elsewhere."""
        return self.marquez.get_helm_values()

    def validate_connection(self) -> bool:
        """Ask Marquez for its namespaces, and the catalog for the domain.

        Raises:
            ConnectionError: one of them does not answer, or there is no such domain.
            CredentialError: one of them refuses the credentials, or there are none.
        """
        self.marquez.validate_connection()
        url, headers = _signed(self.config)
        answer = ask_backend(
            url, backend="The AWS catalog", headers=headers, timeout_s=self.config.timeout
        )
        if not isinstance(answer, dict) or answer.get("id") != resolved(self.config.domain_id):
            message = f"what answers at {url} is not the AWS catalog: set region"
            raise ConnectionError(message)
        return True


def _signed(config: AwsConfig) -> tuple[str, dict[str, str]]:
    """Where the domain is asked for, and the headers, signed as boto3 would."""
    from botocore.auth import SigV4Auth  # noqa: PLC0415 - compiling a config signs nothing
    from botocore.awsrequest import AWSRequest  # noqa: PLC0415
    from botocore.session import get_session  # noqa: PLC0415

    session = get_session()
    credentials = session.get_credentials()
    region = config.region or session.get_config_variable("region")
    if credentials is None:
        message = "no AWS credentials: export AWS_ACCESS_KEY_ID=… and AWS_SECRET_ACCESS_KEY=…"
        raise CredentialError(message)
    if not region:
        message = "no AWS region: set region, or export AWS_DEFAULT_REGION=…"
        raise ConnectionError(message)
    url = f"{config.api_url or f'https://datazone.{region}.api.aws'}/v2/domains/{config.domain_id}"
    request = AWSRequest("GET", resolved(url))
    SigV4Auth(credentials, "datazone", region).add_auth(request)
    return url, dict(request.headers)
