"""No value of a credential is told, whoever quotes it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from floe_local.errors import CheckFailedError, InputError
from floe_local.plan.blueprint.model import Absent, Expectation, Probe, Request
from floe_local.plan.values import Kind, Signal
from floe_local.prove.report import CleanupResult, mask_secrets
from floe_local.prove.smoke import smoke
from floe_local.prove.targets import BackendTarget, SmokeOptions, Targets, secrets_in
from floe_local.prove.waiting import wait_for_run
from floe_local.report.junit import smoke_junit
from tests.backends import target_of

if TYPE_CHECKING:
    from collections.abc import Callable

SECRET = "hush-hush-4711"
BROKEN = "hush-hush\n4711"
AUTHORIZED = {"Authorization": "Bearer ${env:ACME_READ}"}


def runs(path: str = "/{run_id}", query: str = "quoted") -> Probe:
    return Probe(
        name="run",
        each="run",
        request=Request(endpoint="api", path=path, headers=AUTHORIZED),
        expect=(Expectation(field="run.id", query=query, equals="{run_id}"),),
        absent=Absent(),
    )


def backend(url: str, transport: dict[str, Any] | None = None, *probes: Probe) -> BackendTarget:
    return target_of(
        "acme",
        Kind.LINEAGE,
        accepts=(Signal.LINEAGE,),
        endpoints={"api": url},
        readback={Signal.LINEAGE: probes} if probes else {},
        transport=transport,
    )


def proved(target: BackendTarget) -> str:
    """Everything that a smoke test of one backend tells."""
    report = smoke(
        Targets(stack="s", namespace="ns", backends=(target,)), SmokeOptions(deadline=0.2)
    )
    assert not report.ok
    return f"{report.to_json()}\n{report}\n{smoke_junit(report)}"


def sent_to(url: str) -> dict[str, Any]:
    return {"type": "http", "url": url, "endpoint": "api/v1/lineage"}


def test_a_backend_that_quotes_the_header_tells_nobody(
    serve: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ACME_READ", SECRET)
    server = serve({"quoted": f"unknown token: Bearer {SECRET}"})
    told = proved(backend(server.url, sent_to(server.url), runs()))
    assert server.requests[-1]["authorization"] == f"Bearer {SECRET}"
    assert "unknown token: Bearer ***" in told
    assert SECRET not in told


@pytest.mark.parametrize("value", [BROKEN, "hush-hush-€4711"])
def test_a_header_that_cannot_be_sent_is_not_told(
    serve: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, value: str
) -> None:
    monkeypatch.setenv("ACME_READ", value)
    server = serve({})
    told = proved(backend(server.url, sent_to(server.url), runs()))
    assert "not valid in HTTP" in told
    assert "hush" not in told


def test_what_a_client_quotes_of_its_own_credential_is_not_told(
    serve: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ACME_WRITE", BROKEN)
    server = serve({})
    auth = {"type": "api_key", "apiKey": "${env:ACME_WRITE}"}
    told = proved(backend(server.url, {**sent_to(server.url), "auth": auth}))
    assert "InvalidHeader" in told
    assert "hush" not in told


def test_an_error_of_a_refused_request_holds_no_header(
    serve: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ACME_READ", SECRET)
    server = serve({"error": f"Bearer {SECRET}"}, 401)
    told = proved(backend(server.url, sent_to(server.url), runs()))
    assert "401" in told
    assert SECRET not in told


def test_a_test_that_waits_tells_nobody_either(
    serve: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ACME_READ", SECRET)
    server = serve({"quoted": f"Bearer {SECRET}"})
    with pytest.raises(CheckFailedError, match=r"Bearer \*\*\*") as caught:
        wait_for_run(backend(server.url, None, runs()), "r", deadline=0.1)
    assert SECRET not in str(caught.value)


def test_a_test_that_cannot_read_back_says_what_to_set() -> None:
    target = backend("http://127.0.0.1:1").model_copy(update={"unset": {Signal.LINEAGE: ("K",)}})
    with pytest.raises(InputError) as caught:
        wait_for_run(target, "r")
    assert (caught.value.code, caught.value.hint) == ("variable-unset", "set K")


def test_what_is_called_a_credential_is_one_and_a_site_is_none() -> None:
    environ = {"SITE": "acme.example", "URL_TOKEN": "secret-in-path", "ACME_READ": "short"}
    target = backend("https://${env:SITE}/${env:URL_TOKEN}", None, runs())
    assert secrets_in(target, environ) == {"secret-in-path"}


def test_what_a_part_of_a_report_is_about_stays() -> None:
    told = mask_secrets(
        CleanupResult(backend="acme-prod", left=("at acme-prod",)), frozenset(["prod"])
    )
    assert told == CleanupResult(backend="acme-prod", left=("at acme-***",))
