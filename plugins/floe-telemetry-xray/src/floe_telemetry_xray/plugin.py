"""AWS X-Ray as a telemetry backend: traces, over OTLP, signed."""

from __future__ import annotations

from typing import Any

from floe_local.plugin_api import (
    Configured,
    CredentialError,
    TelemetryBackendPlugin,
    ask_backend,
    resolved,
)
from floe_telemetry_xray.config import XRayConfig

EXPORTER = "otlp_http/xray"
EXTENSION = "sigv4auth/xray"
NOTHING = b"{}"


class XRayPlugin(Configured[XRayConfig], TelemetryBackendPlugin):
    """Telemetry backend plugin for AWS X-Ray (its OTLP endpoint takes traces only).

    Keywords are the fields of `XRayConfig`.
    """

    name = "xray"
    version = "0.1.0"
    floe_api_version = "2.0.0"
    config_model = XRayConfig

    def get_otlp_exporter_config(self) -> dict[str, Any]:
        """Give an OTLP exporter, the extension that signs for it, and the traces pipeline."""
        signing: dict[str, Any] = {"region": self.config.region, "service": "xray"}
        if self.config.role_arn:
            signing["assume_role"] = {"arn": self.config.role_arn}
        exporter = {
            "traces_endpoint": f"{self.config.base_url}/v1/traces",
            "auth": {"authenticator": EXTENSION},
        }
        pipeline = {"receivers": ["otlp"], "processors": [], "exporters": [EXPORTER]}
        return {
            "extensions": {EXTENSION: signing},
            "exporters": {EXPORTER: exporter},
            "service": {"extensions": [EXTENSION], "pipelines": {"traces": pipeline}},
        }

    def get_helm_values(self) -> dict[str, Any]:
        """Give none: X-Ray runs elsewhere."""
        return {}

    def validate_connection(self) -> bool:
        """Ask X-Ray where spans go: its OTLP endpoint works with Transaction Search only.

        Raises:
            ConnectionError: nothing answers there, or Transaction Search is off.
            CredentialError: there are no credentials, or they are refused.
        """
        url = f"{self.config.api_url or self.config.base_url}/GetTraceSegmentDestination"
        answer = ask_backend(
            url,
            backend="X-Ray",
            headers=_signed(resolved(url), resolved(self.config.region)),
            timeout_s=self.config.timeout,
            post=NOTHING,
        )
        found = answer.get("Destination") if isinstance(answer, dict) else None
        if found != "CloudWatchLogs":
            message = (
                f"X-Ray at {url} keeps spans in {found!r}: turn CloudWatch Transaction Search on"
            )
            raise ConnectionError(message)
        return True


def _signed(url: str, region: str) -> dict[str, str]:
    """The headers of the request, signed with the credentials that AWS clients find."""
    from botocore.auth import SigV4Auth  # noqa: PLC0415 - compiling a config signs nothing
    from botocore.awsrequest import AWSRequest  # noqa: PLC0415
    from botocore.session import get_session  # noqa: PLC0415

    credentials = get_session().get_credentials()
    if credentials is None:
        message = "no AWS credentials: export AWS_ACCESS_KEY_ID=… and AWS_SECRET_ACCESS_KEY=…"
        raise CredentialError(message)
    request = AWSRequest("POST", url, {"Content-Type": "application/json"}, NOTHING)
    SigV4Auth(credentials, "xray", region).add_auth(request)
    return dict(request.headers)
