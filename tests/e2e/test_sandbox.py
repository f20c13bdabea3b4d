"""SaaS backends from the wheels: played by the sandbox, as a user drives it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.e2e.conftest import Shell

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.e2e

MANIFEST = "plugins: {telemetry_backend: datadog, lineage_backend: atlan}\n"
KEY = "deadbeefdeadbeefdeadbeefdeadbeef"


@pytest.fixture(scope="module")
def saas(environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shell]:
    folder: Path = tmp_path_factory.mktemp("saas")
    (folder / "manifest.yaml").write_text(MANIFEST, encoding="utf-8")
    shell = Shell(folder, {**environment, "DD_API_KEY": KEY, "ATLAN_API_KEY": KEY})
    with shell.stack("floe-local up --build --free-ports") as said:
        assert "SANDBOX: datadog, atlan: played by recorders" in said.stderr
        yield shell


def test_received_by_the_sandbox_and_by_nobody_else(saas: Shell) -> None:
    report = saas.json("floe-local smoke-test")
    assert {check["verdict"] for check in report["checks"]} == {"received-by-sandbox"}
    assert "nothing reached the real datadog, atlan" in saas.run("floe-local smoke-test").stdout
    saas.run("floe-local smoke-test --strict", expect=1)
    shown = saas.run("floe-local sandbox show")
    assert "POST /api/v0.2/traces" in shown.stdout
    assert KEY not in shown.stdout
    assert "floe-local-sandbox-atlan-token" not in shown.stdout


def test_an_error_on_demand_is_red_and_says_where_to_look(saas: Shell) -> None:
    saas.run("floe-local sandbox fail atlan --status 401")
    red = saas.run("floe-local smoke-test --deadline 5", expect=1)
    assert "broke at client" in red.stdout
    assert "401" in red.stdout
    saas.run("floe-local sandbox fail atlan --off")
    saas.run("floe-local smoke-test")
    refused = saas.run("floe-local sandbox fail jaeger", expect=2)
    assert "played in this stack: datadog, atlan" in refused.stderr


def test_a_real_account_wants_live_to_be_said(saas: Shell) -> None:
    refused = saas.run("floe-local smoke-test --live", expect=2)
    assert "the sandbox plays datadog, atlan" in refused.stderr
    validated = saas.json("floe-local plugins validate")
    assert "the sandbox plays every backend" in validated["reason"]
    assert {plugin["status"] for plugin in validated["plugins"]} == {"skipped"}
