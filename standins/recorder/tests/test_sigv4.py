"""Signatures: requests that botocore signed pass, and no other."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from sandbox_recorder.config import Credential
from sandbox_recorder.credentials import check_credential, masked
from sandbox_recorder.incoming import Incoming
from sandbox_recorder.refusals import Refused

from tests.raising import raised

if TYPE_CHECKING:
    from collections.abc import Callable

WANTED = Credential(
    kind="sigv4",
    value={"access_key": "AKIDSANDBOX", "secret_key": "dummy-secret", "service": "xray"},
    missing=401,
    wrong=403,
)
HOST = "acme-sandbox:8080"


def signed(
    path: str = "/v1/traces",
    query: str = "",
    body: bytes = b"payload",
    *,
    access_key: str = "AKIDSANDBOX",
    secret_key: str = "dummy-secret",
    service: str = "xray",
    region: str = "eu-central-1",
    token: str | None = None,
    headers: dict[str, str] | None = None,
) -> Incoming:
    """A request as botocore signs it."""
    url = f"http://{HOST}{path}" + (f"?{query}" if query else "")
    made = AWSRequest("POST", url, headers=headers or {}, data=body)
    SigV4Auth(Credentials(access_key, secret_key, token), service, region).add_auth(made)
    named = {name.lower(): value for name, value in made.headers.items()} | {"host": HOST}
    return Incoming("POST", path, query, named, body)


def problem(incoming: Incoming, now: datetime | None = None, wanted: Credential = WANTED) -> str:
    with pytest.raises(Refused) as caught:
        check_credential(wanted, incoming, now or datetime.now(UTC))
    assert caught.value.status == (403 if "authorization" in incoming.headers else 401)
    return caught.value.reason


@pytest.mark.parametrize(
    "incoming",
    [
        pytest.param(signed, id="plain"),
        pytest.param(lambda: signed(body=b""), id="no-body"),
        pytest.param(lambda: signed("/v2/domains/dzd%2F1/lineage/events"), id="encoded-path"),
        pytest.param(lambda: signed("/a b/%C3%A9"), id="space"),
        pytest.param(lambda: signed(query="b=2&a=1&c="), id="query"),
        pytest.param(lambda: signed(token="session"), id="session-token"),
        pytest.param(
            lambda: signed(headers={"Content-Type": "x/y", "Content-Length": "7"}), id="headers"
        ),
        pytest.param(lambda: signed(region="us-east-1"), id="any-region"),
        pytest.param(
            lambda: signed(
                headers={"X-Amz-Content-SHA256": hashlib.sha256(b"payload").hexdigest()}
            ),
            id="hash-told",
        ),
    ],
)
def test_what_botocore_signs_passes(incoming: Callable[[], Incoming]) -> None:
    assert raised(Refused, check_credential, WANTED, incoming(), datetime.now(UTC)) is None


def with_header(incoming: Incoming, name: str, value: str) -> Incoming:
    return replace(incoming, headers={**incoming.headers, name: value})


def with_signature(incoming: Incoming, old: str, new: str) -> Incoming:
    given = incoming.headers["authorization"]
    assert old in given
    return with_header(incoming, "authorization", given.replace(old, new))


@pytest.mark.parametrize(
    ("incoming", "reason"),
    [
        pytest.param(lambda: replace(signed(), body=b"Payload"), "does not match", id="body"),
        pytest.param(lambda: replace(signed(), path="/v1/logs"), "does not match", id="path"),
        pytest.param(lambda: replace(signed(), query="a=1"), "does not match", id="query"),
        pytest.param(lambda: replace(signed(), method="PUT"), "does not match", id="method"),
        pytest.param(
            lambda: with_header(signed(), "host", "other:8080"), "does not match", id="host"
        ),
        pytest.param(lambda: signed(secret_key="another"), "does not match", id="secret"),
        pytest.param(lambda: signed(access_key="AKIDREAL"), "not the sandbox's dummy", id="key"),
        pytest.param(lambda: signed(service="s3"), "the service 's3', not 'xray'", id="service"),
        pytest.param(
            lambda: with_header(signed(), "x-amz-content-sha256", "0" * 64),
            "not the body's hash",
            id="hash",
        ),
        pytest.param(
            lambda: with_signature(signed(), "host;", ""), "host is not signed", id="host-unsigned"
        ),
        pytest.param(
            lambda: with_signature(signed(), "host;x-amz-date", "absent;host;x-amz-date"),
            "not there: absent",
            id="absent-header",
        ),
        pytest.param(
            lambda: with_header(signed(), "authorization", "AWS4-HMAC-SHA256 nonsense"),
            "no AWS4-HMAC-SHA256 signature",
            id="malformed",
        ),
        pytest.param(
            lambda: with_header(signed(), "authorization", "Bearer x"), "no AWS4", id="bearer"
        ),
        pytest.param(
            lambda: with_header(signed(), "x-amz-date", "yesterday"), "no time", id="no-time"
        ),
    ],
)
def test_another_request_is_refused(incoming: Callable[[], Incoming], reason: str) -> None:
    assert reason in problem(incoming())


def test_a_request_without_a_signature_lacks_its_credential() -> None:
    assert problem(Incoming("POST", "/", "", {"host": HOST}, b"")) == "no header Authorization"


@pytest.mark.parametrize("sign", [-1, 1])
def test_a_signature_expires_after_15_minutes_either_way(sign: int) -> None:
    incoming = signed()
    at = datetime.strptime(incoming.headers["x-amz-date"], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    check_credential(WANTED, incoming, at + sign * timedelta(minutes=15))
    assert "expired" in problem(incoming, at + sign * timedelta(minutes=15, seconds=1))


def test_the_region_counts_where_the_backend_names_one() -> None:
    values: dict[str, Any] = {**WANTED.value, "region": "us-east-1"}
    wanted = replace(WANTED, value=values)
    assert "the region 'eu-central-1'" in problem(signed(), wanted=wanted)
    check_credential(wanted, signed(region="us-east-1"), datetime.now(UTC))


def test_the_scope_is_of_the_day_of_the_request() -> None:
    incoming = signed()
    day = incoming.headers["x-amz-date"][:8]
    assert "another day" in problem(with_signature(incoming, f"/{day}/", "/20200101/"))


def test_of_a_signature_the_start_of_the_access_key_is_shown() -> None:
    assert masked(WANTED, signed()) == "SigV4 AKID…"
