"""`validate_connection()` of each plugin of a backend that runs elsewhere, against real servers."""

from __future__ import annotations

import socket
from base64 import b64encode
from functools import partial
from time import monotonic
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest
from floe_lineage_atlan import AtlanPlugin
from floe_lineage_aws import AwsPlugin
from floe_lineage_openmetadata import OpenMetadataPlugin
from floe_telemetry_datadog import DatadogPlugin
from floe_telemetry_grafana_cloud import GrafanaCloudPlugin
from floe_telemetry_xray import XRayPlugin

from floe_local.plugin_api import CredentialError

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.servers import AnsweringServer

SECRETS = {
    "DD_API_KEY": "0123456789abcdef0123456789abcdef",
    "GRAFANA_CLOUD_API_KEY": "glc_grafana-secret",
    "AWS_ACCESS_KEY_ID": "AKIAODDODDODDODDODD1",
    "AWS_SECRET_ACCESS_KEY": "aws-secret-aws-secret",
    "ATLAN_API_KEY": "atlan-secret-atlan-secret",
    "OPENMETADATA_JWT_TOKEN": "open.meta.data-secret",
}
OTHERS = {
    "GRAFANA_CLOUD_INSTANCE_ID": "4711",
    "AWS_REGION": "eu-west-1",
    "AWS_DEFAULT_REGION": "eu-west-1",
    "AWS_EC2_METADATA_DISABLED": "true",
    "AWS_CONFIG_FILE": "/nowhere",
    "AWS_SHARED_CREDENTIALS_FILE": "/nowhere",
    "DATAZONE_DOMAIN_ID": "dzd_odd",
}


class Case(NamedTuple):
    """A plugin: its class, the field with the URL that it asks, and what a good answer is."""

    plugin: Any
    url_field: str
    asked: str
    answer: Any
    credential: str
    sent: str

    def at(self, url: str, **config: Any) -> Any:
        """The plugin, configured for a backend at `url`."""
        return self.plugin(**{self.url_field: url, **config})


BASIC = b64encode(f"4711:{SECRETS['GRAFANA_CLOUD_API_KEY']}".encode()).decode()
CASES = {
    "datadog": Case(
        DatadogPlugin,
        "api_url",
        "GET /api/v1/validate",
        {"valid": True},
        "DD_API_KEY",
        SECRETS["DD_API_KEY"],
    ),
    "grafana-cloud": Case(
        GrafanaCloudPlugin,
        "endpoint",
        "POST /v1/traces",
        {"partialSuccess": {}},
        "GRAFANA_CLOUD_API_KEY",
        f"Basic {BASIC}",
    ),
    "xray": Case(
        XRayPlugin,
        "api_url",
        "POST /GetTraceSegmentDestination",
        {"Destination": "CloudWatchLogs", "Status": "ACTIVE"},
        "AWS_SECRET_ACCESS_KEY",
        "/eu-west-1/xray/aws4_request",
    ),
    "atlan": Case(
        AtlanPlugin,
        "base_url",
        "GET /api/service/users/current",
        {"username": "service-account-apikey-odd"},
        "ATLAN_API_KEY",
        f"Bearer {SECRETS['ATLAN_API_KEY']}",
    ),
    "openmetadata": Case(
        OpenMetadataPlugin,
        "url",
        "GET /api/v1/users/loggedInUser",
        {"name": "lineage-bot"},
        "OPENMETADATA_JWT_TOKEN",
        f"Bearer {SECRETS['OPENMETADATA_JWT_TOKEN']}",
    ),
    "aws": Case(
        AwsPlugin,
        "api_url",
        "GET /v2/domains/dzd_odd",
        {"id": "dzd_odd"},
        "AWS_SECRET_ACCESS_KEY",
        "/eu-west-1/datazone/aws4_request",
    ),
}


DEFAULT_TIMEOUT_S = 5.0
"""How long a plugin waits whose config does not say."""


@pytest.fixture(params=list(CASES))
def case(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Case:
    """Each plugin, with its variables set, and no Marquez that would be asked first."""
    for name, value in {**SECRETS, **OTHERS}.items():
        monkeypatch.setenv(name, value)
    for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("floe_lineage_marquez.MarquezPlugin.validate_connection", lambda _: True)
    return CASES[str(request.param)]


def without_secrets(error: pytest.ExceptionInfo[Exception]) -> str:
    text = f"{error.value!s} {error.value!r}"
    assert not [name for name, value in SECRETS.items() if value in text or BASIC in text]
    return str(error.value)


@pytest.fixture
def answering(serve: Callable[..., AnsweringServer]) -> Callable[..., AnsweringServer]:
    return partial(serve, tells_host=False)


def test_the_backend_is_asked_with_the_credential(case: Case, answering: Any) -> None:
    server = answering(case.answer)
    assert case.at(server.url).validate_connection() is True
    (asked,) = server.requests
    assert f"{asked['method']} {asked['path']}" == case.asked
    assert case.sent in f"{asked.get('authorization')} {asked.get('dd-api-key')}"


@pytest.mark.parametrize("status", [401, 403])
def test_a_refused_credential_is_told(case: Case, answering: Any, status: int) -> None:
    with pytest.raises(CredentialError) as caught:
        case.at(answering({"message": "no"}, status).url).validate_connection()
    assert f"HTTP {status}" in without_secrets(caught)


@pytest.mark.parametrize("status", [404, 429, 500])
def test_another_error_is_one_of_the_connection(case: Case, answering: Any, status: int) -> None:
    with pytest.raises(ConnectionError) as caught:
        case.at(answering({}, status).url).validate_connection()
    assert f"HTTP {status}" in without_secrets(caught)


def test_something_else_that_answers_is_told(case: Case, answering: Any) -> None:
    server = answering({"hello": "there"})
    with pytest.raises(ConnectionError) as caught:
        case.at(server.url).validate_connection()
    assert server.url in without_secrets(caught)


def test_nothing_that_answers_is_told(case: Case) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed_soon:
        url = f"http://127.0.0.1:{closed_soon.getsockname()[1]}"
    with pytest.raises(ConnectionError) as caught:
        case.at(url).validate_connection()
    assert f"cannot be reached at {url}" in without_secrets(caught)


def test_a_backend_that_hangs_is_not_waited_for(case: Case) -> None:
    begun = monotonic()
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        with pytest.raises(ConnectionError) as caught:
            case.at(url, timeout=0.2).validate_connection()
    assert monotonic() - begun < DEFAULT_TIMEOUT_S
    assert "timed out" in without_secrets(caught)


def test_a_credential_that_is_not_set_is_named(
    case: Case, answering: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = answering(case.answer)
    monkeypatch.delenv(case.credential)
    if case.credential.startswith("AWS"):  # half of them is an error of its own
        monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    with pytest.raises(CredentialError) as caught:
        case.at(server.url).validate_connection()
    assert case.credential in without_secrets(caught)
    assert not server.requests


def test_a_key_of_another_site_is_refused(monkeypatch: Any, answering: Any) -> None:
    monkeypatch.setenv("DD_API_KEY", SECRETS["DD_API_KEY"])
    with pytest.raises(CredentialError, match="of this site"):
        DatadogPlugin(api_url=answering({"valid": False}).url).validate_connection()


def test_x_ray_without_transaction_search_is_told(monkeypatch: Any, answering: Any) -> None:
    for name, value in {**SECRETS, **OTHERS}.items():
        monkeypatch.setenv(name, value)
    server = answering({"Destination": "XRay", "Status": "ACTIVE"})
    with pytest.raises(ConnectionError, match="turn CloudWatch Transaction Search on"):
        XRayPlugin(api_url=server.url).validate_connection()


def test_marquez_is_asked_before_the_aws_catalog(monkeypatch: Any, answering: Any) -> None:
    monkeypatch.setenv("DATAZONE_DOMAIN_ID", "dzd_odd")
    catalog, marquez = answering({"id": "dzd_odd"}), answering({}, 500)
    plugin = AwsPlugin(api_url=catalog.url, marquez={"url": marquez.url})
    with pytest.raises(ConnectionError, match=r"Marquez at .* HTTP 500"):
        plugin.validate_connection()
    assert not catalog.requests
