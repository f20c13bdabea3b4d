"""The plugins that floe publishes, installed as its users do, in the place of ours."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.e2e.conftest import Shell, install, variables

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.e2e

RELEASE = "0.1.0a1"
PUBLISHED = ("floe-core", "floe-telemetry-jaeger", "floe-lineage-marquez")
APPLICATIONS_OWN = {
    "OTEL_EXPORTER_OTLP_ENDPOINT": "http://localhost:4317",
    "OTEL_EXPORTER_OTLP_INSECURE": "false",
    "OPENLINEAGE_URL": "http://localhost:5000",
}
"""Meant for the user's own processes; the published Jaeger plugin reads the first two."""

IN_THE_WILD = """
apiVersion: floe.dev/v1
kind: Manifest
metadata: {name: demo, version: 1.0.0, owner: platform@example.com}
plugins:
  compute: {type: duckdb, config: {path: "/tmp/{product}.duckdb", threads: 4}}
  catalog: {type: polaris, config: {oauth2: {client_id: demo, client_secret: demo-secret}}}
  telemetry_backend: {type: jaeger, version: "0.1.0", config: {}, connection_secret_ref: a-secret}
  lineage_backend:
    type: marquez
    version: "0.1.0"
    config: {url: "http://floe-platform-marquez:5000", drain_timeout: 5.0, environment: dev}
    connection_secret_ref: another-secret
observability:
  tracing: {enabled: true, exporter: otlp, endpoint: "http://floe-platform-otel:4317"}
  lineage: {enabled: true, transport: http}
governance: {audit_logging: enabled}
"""


@pytest.fixture(scope="module")
def shell(wheels: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shell]:
    """A project whose environment holds floe-local's wheel and the published plugins."""
    (wheel,) = wheels.glob("floe_local-*.whl")
    packages = [str(wheel), *(f"{name}=={RELEASE}" for name in PUBLISHED)]
    home = tmp_path_factory.mktemp("published")
    install(home, packages)
    folder = tmp_path_factory.mktemp("demo")
    (folder / "manifest.yaml").write_text(
        "plugins: {telemetry_backend: jaeger, lineage_backend: marquez}\n"
    )
    (folder / "wild.yaml").write_text(IN_THE_WILD)
    shell = Shell(folder, variables(home) | APPLICATIONS_OWN)
    yield shell
    shell.run("floe-local down --volumes")


@pytest.fixture(scope="module")
def up(shell: Shell) -> dict[str, Any]:
    document: dict[str, Any] = shell.json("floe-local up --free-ports")
    return document


def verdicts(report: dict[str, Any]) -> dict[tuple[str, str], set[str]]:
    """(backend, signal) → the verdicts of its checks."""
    found: dict[tuple[str, str], set[str]] = {}
    for check in report["checks"]:
        found.setdefault((check["backend"], check["signal"]), set()).add(check["verdict"])
    return found


def assert_all_arrives(report: dict[str, Any]) -> None:
    assert report["ok"]
    assert verdicts(report)["jaeger", "traces"] == {"received"}
    (lineage,) = verdicts(report)["marquez", "lineage"]
    assert lineage in {"received", "received-by-stand-in"}


def rules(shell: Shell, arguments: str = "") -> set[str]:
    document = shell.json(f"floe-local {arguments} explain")
    return {change["rule"] for change in document["changes"]}


def test_they_are_what_is_installed(shell: Shell) -> None:
    listed = shell.json("floe-local plugins list")["plugins"]
    assert {(p["distribution"], p["version"]) for p in listed} == {
        (name, RELEASE) for name in PUBLISHED[1:]
    }


def test_a_manifest_that_just_names_them(shell: Shell, up: dict[str, Any]) -> None:
    assert up["ok"]
    assert_all_arrives(shell.json("floe-local smoke-test"))


def test_they_connect(shell: Shell, up: dict[str, Any]) -> None:
    assert up["ok"]
    found = shell.json("floe-local plugins validate")["plugins"]
    assert {(p["name"], p["status"]) for p in found} == {("jaeger", "ok"), ("marquez", "ok")}


def test_each_rule_that_makes_them_run_is_told(shell: Shell) -> None:
    assert {"exporter-config-shape-e", "null-keys", "url-and-endpoint"} <= rules(shell)
    assert "endpoint-is-the-collector" not in rules(shell), "the shell's variables were read"


def test_the_defaults_for_local_use_reach_marquez(shell: Shell) -> None:
    (shown,) = shell.json("floe-local plugins show marquez")["plugins"]
    assert shown["config"] == {"url": "http://marquez:5000", "allow_insecure_http": True}
    assert shown["output"]["transport"]["url"] == "http://marquez:5000/api/v1/lineage"


def test_a_manifest_as_it_is_found_in_the_wild(shell: Shell, up: dict[str, Any]) -> None:
    assert up["ok"]
    document = shell.json("floe-local -m wild.yaml up")
    assert document["ok"]
    report = shell.json("floe-local -m wild.yaml smoke-test")
    assert_all_arrives(report)
    assert report["namespace"] == "dev.floe"


def test_a_misspelt_key_of_theirs_is_refused(shell: Shell) -> None:
    text = IN_THE_WILD.replace("config: {}", "config: {endpoint: 'jaeger:4317'}")
    (shell.folder / "wrong.yaml").write_text(text)
    told = shell.run("floe-local -m wrong.yaml explain", expect=2).stderr
    assert "telemetry plugin 'jaeger' (floe-telemetry-jaeger 0.1.0a1)" in told
    assert "'endpoint' is unknown" in told
