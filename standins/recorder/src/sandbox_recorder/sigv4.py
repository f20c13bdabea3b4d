"""AWS Signature Version 4: the signature made again from the request, with botocore."""

from __future__ import annotations

import hashlib
import hmac
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sandbox_recorder.incoming import Incoming

MOST_SKEW = timedelta(minutes=15)

_DATE_HEADER = "x-amz-date"
_HASH_HEADER = "x-amz-content-sha256"
_AUTHORIZATION = re.compile(
    r"AWS4-HMAC-SHA256 "
    r"Credential=(?P<access_key>[^/, ]+)/(?P<day>\d{8})/(?P<region>[^/, ]+)/(?P<service>[^/, ]+)"
    r"/aws4_request, ?"
    r"SignedHeaders=(?P<headers>[^, ]+), ?"
    r"Signature=(?P<signature>[0-9a-f]{64})"
)


@dataclass(frozen=True, slots=True)
class _Signed:
    """The parts of an Authorization header."""

    access_key: str
    day: str
    region: str
    service: str
    headers: tuple[str, ...]
    signature: str


def access_key_of(authorization: str) -> str | None:
    """The access key that a header names, or None if it is no signature of this kind."""
    signed = _parsed(authorization)
    return signed.access_key if signed else None


def check_signature(
    wanted: Mapping[str, Any], request: Incoming, authorization: str, now: datetime
) -> str | None:
    """Check a signed request.

    Args:
        wanted: access_key, secret_key, service; region, if it must be a certain one.
        request: The request as it came over the wire.
        authorization: Its Authorization header.
        now: The time, with a zone.

    Returns:
        What is wrong with it, or None.
    """
    signed = _parsed(authorization)
    if signed is None:
        return "the header Authorization is no AWS4-HMAC-SHA256 signature"
    return (
        _wrong_scope(signed, wanted)
        or _wrong_time(signed, request, now)
        or _wrong_headers(signed, request)
        or _wrong_signature(signed, wanted, request)
    )


def _parsed(authorization: str) -> _Signed | None:
    found = _AUTHORIZATION.fullmatch(authorization.strip())
    if found is None:
        return None
    parts: dict[str, Any] = found.groupdict()
    return _Signed(**{**parts, "headers": tuple(parts["headers"].split(";"))})


def _wrong_scope(signed: _Signed, wanted: Mapping[str, Any]) -> str | None:
    if not hmac.compare_digest(signed.access_key.encode(), str(wanted["access_key"]).encode()):
        return "the access key is not the sandbox's dummy"
    for part in ("service", "region"):
        expected, given = wanted.get(part), getattr(signed, part)
        if expected and given != expected:
            return f"signed for the {part} {given!r}, not {expected!r}"
    return None


def _wrong_time(signed: _Signed, request: Incoming, now: datetime) -> str | None:
    text = request.headers.get(_DATE_HEADER, "")
    try:
        at = datetime.strptime(text, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    except ValueError:
        return "the header X-Amz-Date is missing or no time"
    if text[:8] != signed.day:
        return "the credential's scope is of another day than X-Amz-Date"
    if abs(now - at) > MOST_SKEW:
        return f"the signature is expired: signed at {text}, more than 15 minutes away"
    return None


def _wrong_headers(signed: _Signed, request: Incoming) -> str | None:
    for name in ("host", _DATE_HEADER):
        if name not in signed.headers:
            return f"the header {name} is not signed"
    absent = [name for name in signed.headers if name not in request.headers]
    if absent:
        return f"signed headers that are not there: {', '.join(absent)}"
    digest = request.headers.get(_HASH_HEADER)
    if digest is not None and digest != hashlib.sha256(request.body).hexdigest():
        return "X-Amz-Content-SHA256 is not the body's hash"
    return None


def _wrong_signature(signed: _Signed, wanted: Mapping[str, Any], request: Incoming) -> str | None:
    again = signature(
        Credentials(str(wanted["access_key"]), str(wanted["secret_key"])),
        signed.service,
        signed.region,
        _to_sign(signed, request),
    )
    if not hmac.compare_digest(again, signed.signature):
        return "the signature does not match the request and the sandbox's dummy secret"
    return None


def _to_sign(signed: _Signed, request: Incoming) -> AWSRequest:
    query = f"?{request.query}" if request.query else ""
    made = AWSRequest(
        method=request.method,
        url=f"http://{request.headers['host']}{request.path}{query}",
        headers={name: request.headers[name] for name in signed.headers},
        data=request.body,
    )
    made.context["timestamp"] = request.headers[_DATE_HEADER]
    return made


def signature(credentials: Credentials, service: str, region: str, request: AWSRequest) -> str:
    """The signature of a request whose context holds its `timestamp`."""
    auth = SigV4Auth(credentials, service, region)
    return str(
        auth.signature(auth.string_to_sign(request, auth.canonical_request(request)), request)
    )
