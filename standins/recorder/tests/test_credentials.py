"""Credentials are checked as the backend would, and never told."""

from __future__ import annotations

import base64
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sandbox_recorder.config import Credential
from sandbox_recorder.credentials import check_credential, masked
from sandbox_recorder.incoming import Incoming
from sandbox_recorder.refusals import Refused

from tests.raising import raised

NOW = datetime(2026, 1, 1, tzinfo=UTC)
DUMMY = "0f10e0f10e0f10e0f10e0f10e0f10e0f"
HEADER = Credential(kind="header", header="DD-API-KEY", value=DUMMY, form="[0-9a-f]{32}")
BEARER = Credential(kind="bearer", value=DUMMY, form="[0-9a-f]{32}", missing=401, wrong=401)
BASIC = Credential(kind="basic", value={"username": "123456", "password": "dummy:token"})


def request(**headers: str) -> Incoming:
    named = {name.replace("_", "-").lower(): value for name, value in headers.items()}
    return Incoming("POST", "/", "", named, b"")


def basic(text: str) -> str:
    return f"Basic {base64.b64encode(text.encode()).decode()}"


def refusal(wanted: Credential, incoming: Incoming) -> Refused:
    with pytest.raises(Refused) as caught:
        check_credential(wanted, incoming, NOW)
    return caught.value


@pytest.mark.parametrize(
    ("wanted", "headers"),
    [
        (HEADER, {"DD_API_KEY": DUMMY}),
        (BEARER, {"Authorization": f"Bearer {DUMMY}"}),
        (BEARER, {"Authorization": f"bearer {DUMMY}"}),
        (BASIC, {"Authorization": basic("123456:dummy:token")}),
    ],
)
def test_the_dummy_passes(wanted: Credential, headers: dict[str, str]) -> None:
    assert raised(Refused, check_credential, wanted, request(**headers), NOW) is None


@pytest.mark.parametrize(
    ("wanted", "headers", "status", "reason"),
    [
        (HEADER, {}, 401, "no header DD-API-KEY"),
        (HEADER, {"Authorization": DUMMY}, 401, "no header DD-API-KEY"),
        (HEADER, {"DD_API_KEY": " "}, 401, "no header DD-API-KEY"),
        (HEADER, {"DD_API_KEY": DUMMY.upper()}, 403, "malformed"),
        (HEADER, {"DD_API_KEY": DUMMY + "0"}, 403, "malformed"),
        (HEADER, {"DD_API_KEY": "${env:DD_API_KEY}"}, 403, "malformed"),
        (HEADER, {"DD_API_KEY": "f" * 32}, 403, "not the sandbox's dummy"),
        (BEARER, {}, 401, "no header Authorization"),
        (BEARER, {"Authorization": DUMMY}, 401, "not of the form 'Bearer …'"),
        (BEARER, {"Authorization": "Bearer "}, 401, "not of the form"),
        (BEARER, {"Authorization": basic(DUMMY)}, 401, "not of the form"),
        (BEARER, {"Authorization": "Bearer " + "f" * 32}, 401, "not the sandbox's dummy"),
        (BASIC, {"Authorization": basic("123456:other")}, 403, "not the sandbox's dummy"),
        (BASIC, {"Authorization": basic("123456")}, 403, "not the sandbox's dummy"),
        (BASIC, {"Authorization": "Basic !!!"}, 403, "not of the form"),
        (BASIC, {"Authorization": f"Bearer {DUMMY}"}, 403, "not of the form"),
    ],
)
def test_what_is_no_dummy_is_refused(
    wanted: Credential, headers: dict[str, str], status: int, reason: str
) -> None:
    problem = refusal(wanted, request(**headers))
    assert problem.status == status
    assert reason in problem.reason


@pytest.mark.parametrize("wanted", [HEADER, BEARER, BASIC])
@given(secret=st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=5))
def test_neither_the_reason_nor_the_mask_tells_a_secret(wanted: Credential, secret: str) -> None:
    given: dict[str, Any] = {
        "header": {"DD_API_KEY": secret},
        "bearer": {"Authorization": f"Bearer {secret}"},
        "basic": {"Authorization": basic(f"user:{secret}")},
    }
    incoming = request(**given[wanted.kind])
    shown = masked(wanted, incoming)
    assert shown is not None
    assert len(shown) <= 5
    fixed = "the credential in Authorization DD-API-KEY is not of sandbox's dummy malformed Basic"
    if secret not in fixed:
        assert secret not in f"{refusal(wanted, incoming).reason}{shown}"


@pytest.mark.parametrize(
    ("wanted", "headers", "shown"),
    [
        (HEADER, {"DD_API_KEY": DUMMY}, "0f10…"),
        (HEADER, {"DD_API_KEY": "short-one"}, "…"),
        (HEADER, {}, None),
        (None, {}, None),
        (None, {"Authorization": f"Bearer {DUMMY}"}, "0f10…"),
        (HEADER, {"Authorization": f"Bearer {DUMMY}"}, "0f10…"),
        (BASIC, {"Authorization": basic("123456:dummy")}, "1234…"),
        (BASIC, {"Authorization": "Basic !!!"}, "…"),
    ],
)
def test_the_mask(wanted: Credential | None, headers: dict[str, str], shown: str | None) -> None:
    assert masked(wanted, request(**headers)) == shown
