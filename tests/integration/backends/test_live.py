"""``--live``: a made-up SaaS, with a real server behind TLS in the place of the real account."""

from __future__ import annotations

import json
import subprocess
from contextlib import contextmanager
from ipaddress import ip_network
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest
import requests

from floe_local.errors import ExitCode, InputError
from floe_local.operations.request import request_stack
from floe_local.operations.sandbox import show_received
from floe_local.operations.smoke_test import find_targets
from floe_local.plan.blueprint.recipe import load_recipe
from floe_local.prove.report import HopName, Verdict
from floe_local.run.build import build
from floe_local.run.engine import Engine
from floe_local.testing import FloeLocal
from tests.conftest import PluginSite
from tests.integration.backends.acme_server import READ_KEY
from tests.waiting import wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator

    import docker
    from docker.models.containers import Container

    from floe_local.prove.report import Check, Report

pytestmark = pytest.mark.integration

WITHIN = 60  # seconds
SERVER = Path(__file__).with_name("acme_server.py")
HOST = "otlp.acme.test"
WRITE_KEY = "acme-first-credential"
TELEMETRY = """
class Plugin:
    name = {name!r}
    version = "1.0.0"
    floe_api_version = "2.0.0"

    def get_otlp_exporter_config(self):
        exporter = {{
            "endpoint": "https://otlp.acme.test:8443",
            "headers": {{"x-acme-key": "${{env:ACME_KEY}}"}},
            "tls": {{"insecure_skip_verify": True}},
        }}
        pipeline = {{"receivers": ["otlp"], "exporters": ["otlp_http/{name}"]}}
        return {{
            "exporters": {{"otlp_http/{name}": exporter}},
            "service": {{"pipelines": {{"traces": pipeline}}}},
        }}

    def get_helm_values(self):
        return {{}}

    def validate_connection(self):
        return True
"""
LINEAGE = """
class Plugin:
    name = "acme-lineage"
    version = "1.0.0"
    floe_api_version = "2.0.0"

    def get_transport_config(self):
        auth = {"type": "api_key", "apiKey": "${env:ACME_KEY}"}
        url = "https://${env:ACME_HOST}"
        return {"type": "http", "url": url, "endpoint": "api/v1/lineage", "auth": auth}

    def get_namespace_strategy(self):
        return {"strategy": "backend_managed"}

    def get_helm_values(self):
        return {}

    def validate_connection(self):
        return True
"""
BLUEPRINTS = {
    "acme": """
blueprint: 1
name: acme
title: Acme
kind: telemetry
accepts: [traces]
sandbox:
  exporters: {otlp_http: {endpoint: "{sandbox}", headers.x-acme-key: sandbox-key}}
  credential: {kind: header, header: X-Acme-Key, value: sandbox-key, missing: 401, wrong: 401}
  routes:
    - {name: traces, path: /v1/traces, decode: otlp, signal: traces}
  answers: {401: {body: {}}, 404: {body: {}}, 429: {body: {}}, 500: {body: {}}}
  readback:
    traces:
      - name: trace
        each: trace
        request: {endpoint: control, path: "/received/traces/{trace_id}"}
        decode: otlp-json
        select: resourceSpans
        absent: {status: 404}
live:
  environment: {ACME_KEY: required, ACME_READ_KEY: optional}
  endpoints: {api: "https://${env:ACME_HOST}"}
readback:
  traces:
    - name: trace
      each: trace
      request: {endpoint: api, path: "/traces/{trace_id}", headers: {X-Read-Key: "${env:ACME_READ_KEY}"}}
      expect: [{field: trace.id, query: id, equals: "{trace_id}"}]
      absent: {status: 404}
""",
    "acme-lineage": """
blueprint: 1
name: acme-lineage
title: Acme's catalog
kind: lineage
accepts: [lineage]
sandbox:
  transport: {url: "{sandbox}", auth.apiKey: sandbox-key}
  credential: {kind: bearer, value: sandbox-key, missing: 401, wrong: 401}
  routes:
    - {name: lineage, path: /api/v1/lineage, decode: openlineage, signal: lineage}
  answers: {401: {body: {}}, 404: {body: {}}, 429: {body: {}}, 500: {body: {}}}
  readback:
    lineage:
      - name: run
        each: run
        request: {endpoint: control, path: "/received/lineage/{run_id}", query: {event: "{event}"}}
        expect: [{field: run.job, query: "items[0].job.name", equals: "{job}"}]
        absent: {status: 404}
""",
}


class Acme(NamedTuple):
    """The server, as the test reaches it, and the certificate that it shows."""

    container: Container
    control: str
    address: str
    certificate: Path

    def set(self, **answers: Any) -> None:
        """Change how it answers, and forget what it was asked."""
        requests.post(f"{self.control}/set", data=json.dumps(answers), timeout=10)

    def seen(self) -> list[str]:
        """Return the paths that it was asked for since."""
        seen: list[str] = requests.get(f"{self.control}/seen", timeout=10).json()["seen"]
        return seen


@pytest.fixture(scope="module")
def gateway(engine: docker.DockerClient) -> str:
    """This machine's address on the engine's bridge: containers and clients reach it alike."""
    (network,) = engine.networks.get("bridge").attrs["IPAM"]["Config"]
    return str(network.get("Gateway") or ip_network(network["Subnet"])[1])  # as Docker counts


@pytest.fixture(scope="module")
def certificate(gateway: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("tls") / "acme.pem"
    key = file.with_suffix(".key")
    names = f"subjectAltName=DNS:{HOST},IP:{gateway}"
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"]
    command += ["-subj", f"/CN={HOST}", "-addext", names, "-keyout", str(key), "-out", str(file)]
    subprocess.run(command, check=True, capture_output=True)
    file.write_text(file.read_text() + key.read_text())
    file.chmod(0o644)
    return file


@pytest.fixture(scope="module")
def acme(engine: docker.DockerClient, certificate: Path, gateway: str) -> Iterator[Acme]:
    """Run the server: outside of any stack at first."""
    image = build(load_recipe(Path(__file__).parents[3] / "compose/sandbox/image"), Engine(engine))
    container = engine.containers.create(
        image,
        ["/acme_server.py", "/acme.pem"],
        entrypoint=["python3"],
        ports={"8443/tcp": (gateway, 0), "8080/tcp": ("127.0.0.1", 0)},
        volumes=[f"{SERVER}:/acme_server.py:ro", f"{certificate}:/acme.pem:ro"],
    )
    try:
        container.start()
        yield reached(container, certificate, gateway)
    finally:
        container.remove(force=True, v=True)


def reached(container: Container, certificate: Path, gateway: str) -> Acme:
    """The server, once it answers."""
    container.reload()
    published = container.attrs["NetworkSettings"]["Ports"]
    tls, control = (published[port][0]["HostPort"] for port in ("8443/tcp", "8080/tcp"))
    acme = Acme(container, f"http://127.0.0.1:{control}", f"{gateway}:{tls}", certificate)
    wait_for(lambda: answers(acme), lambda: f"the server:\n{container.logs().decode()}", WITHIN)
    return acme


def answers(acme: Acme) -> bool:
    """Tell whether both doors are open."""
    try:
        acme.set(status=200, keep=True)
        requests.get(f"https://{acme.address}/", verify=str(acme.certificate), timeout=10)
    except requests.ConnectionError:
        return False
    return True


@pytest.fixture(scope="module")
def projects(acme: Acme, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Path]]:
    """Install the plugins, and write a manifest for each of what is tested."""
    folder = tmp_path_factory.mktemp("acme")
    site = PluginSite(folder / "site")
    site.folder.mkdir()
    sources = {name: TELEMETRY.format(name=name) for name in ("acme", "plain")}
    for name, source in {**sources, "acme-lineage": LINEAGE}.items():
        kind = "lineage" if name.endswith("lineage") else "telemetry"
        points = {f"floe.{kind}_backends": {name: "Plugin"}}
        site.add(source, module=name.replace("-", "_"), points=points)
    for name, text in BLUEPRINTS.items():
        (folder / "blueprints" / name).mkdir(parents=True)
        (folder / "blueprints" / name / "blueprint.yaml").write_text(text, encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(site.folder)
        patch.setenv("ACME_KEY", WRITE_KEY)
        patch.setenv("ACME_HOST", acme.address)
        for name in ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE"):
            patch.setenv(name, str(acme.certificate))
        yield {
            "sandboxed": manifest(folder, "sandboxed", "[acme]"),
            "live": manifest(folder, "live", "[acme, plain]"),
        }


def manifest(folder: Path, name: str, telemetry: str) -> Path:
    file = folder / name / "manifest.yaml"
    file.parent.mkdir()
    lines = [
        "plugins:",
        f"  telemetry_backend: {telemetry}",
        "  lineage_backend: acme-lineage",
        "local: {blueprints: [../blueprints]}",
    ]
    file.write_text("\n".join(lines), encoding="utf-8")
    return file


@contextmanager
def joined(engine: docker.DockerClient, stack: FloeLocal, acme: Acme) -> Iterator[FloeLocal]:
    """Let the containers of a stack reach the server by its name."""
    network = engine.networks.get(stack.network)
    network.connect(acme.container, aliases=[HOST])
    try:
        yield stack
    finally:
        network.disconnect(acme.container, force=True)


@pytest.fixture(scope="module")
def sandboxed(
    engine: docker.DockerClient, projects: dict[str, Path], acme: Acme
) -> Iterator[FloeLocal]:
    with FloeLocal(projects["sandboxed"]) as stack, joined(engine, stack, acme):
        yield stack


@pytest.fixture(scope="module")
def live(engine: docker.DockerClient, projects: dict[str, Path], acme: Acme) -> Iterator[FloeLocal]:
    with FloeLocal(projects["live"], live=True) as stack, joined(engine, stack, acme):
        yield stack


@pytest.fixture(autouse=True)
def as_it_was(acme: Acme) -> None:
    acme.set(status=200, keep=True)


def of(report: Report, backend: str) -> list[Check]:
    found = [c for c in report.checks if c.backend == backend and c.verdict is not Verdict.SKIPPED]
    assert found
    return found


def verdicts(report: Report, backend: str) -> set[Verdict]:
    return {check.verdict for check in of(report, backend)}


def test_without_live_nothing_reaches_it(sandboxed: FloeLocal, acme: Acme) -> None:
    report = sandboxed.smoke_test()
    assert report.ok, [c.reason for c in report.checks if c.verdict is Verdict.FAILED]
    assert verdicts(report, "acme") == verdicts(report, "acme-lineage") == {Verdict.BY_SANDBOX}
    arrived = {r.backend: r.requests for r in show_received(sandboxed.where, limit=1000).recorders}
    assert arrived["acme"]
    assert arrived["acme-lineage"]
    assert acme.seen() == []


def test_a_sandboxed_stack_is_not_smoke_tested_live(sandboxed: FloeLocal) -> None:
    with pytest.raises(InputError, match="the sandbox plays acme, acme-lineage") as caught:
        find_targets(sandboxed.where.model_copy(update={"live": True}))
    assert (caught.value.code, caught.value.exit_code) == ("not-live", ExitCode.BAD_INPUT)


def test_a_live_stack_says_so(live: FloeLocal) -> None:
    assert live.result is not None
    (said,) = [text for text in live.result.warnings if text.startswith("LIVE")]
    assert said.endswith("with your account: acme, plain, acme-lineage")


def test_a_live_stack_is_smoke_tested_live_only(live: FloeLocal) -> None:
    with pytest.raises(InputError, match="for real, with your account") as caught:
        find_targets(live.where.model_copy(update={"live": False}))
    assert (caught.value.code, caught.value.exit_code) == ("live", ExitCode.BAD_INPUT)
    assert "smoke-test --live" in caught.value.hint


def test_what_cannot_be_read_back_is_accepted(
    live: FloeLocal, acme: Acme, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("ACME_READ_KEY", raising=False)
    report = live.smoke_test()
    assert report.ok, [c.reason for c in report.checks if c.verdict is Verdict.FAILED]
    for backend in ("acme", "plain", "acme-lineage"):
        assert verdicts(report, backend) == {Verdict.ACCEPTED}
    assert {c.reason for c in of(report, "acme")} == {
        "acknowledged; set ACME_READ_KEY to have it read back"
    }
    assert {p for c in of(report, "acme") for h in c.hops for p in [h.name]} == {
        HopName.CLIENT,
        HopName.COLLECTOR_ACCEPTED,
        HopName.COLLECTOR_EXPORTED,
    }
    assert set(acme.seen()) == {"/v1/traces", "/api/v1/lineage"}


def test_a_refusal_is_seen(live: FloeLocal, acme: Acme, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ACME_READ_KEY", raising=False)
    acme.set(status=401)
    report = live.smoke_test(deadline=5.0)
    assert not report.ok
    for backend, hop in (
        ("acme", HopName.COLLECTOR_EXPORTED),
        ("plain", HopName.COLLECTOR_EXPORTED),
        ("acme-lineage", HopName.CLIENT),
    ):
        assert verdicts(report, backend) == {Verdict.FAILED}
        assert {check.hop for check in of(report, backend)} == {hop}
    reasons = [check.reason for check in of(report, "acme-lineage")]
    assert all("401" in reason for reason in reasons), reasons
    assert WRITE_KEY not in report.to_json()


def test_a_second_credential_makes_it_received(
    live: FloeLocal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ACME_READ_KEY", READ_KEY)
    report = live.smoke_test()
    assert report.ok, [c.reason for c in report.checks if c.verdict is Verdict.FAILED]
    assert verdicts(report, "acme") == {Verdict.RECEIVED}
    assert verdicts(report, "plain") == {Verdict.ACCEPTED}


def test_what_was_acknowledged_and_not_kept_is_missed(
    live: FloeLocal, acme: Acme, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ACME_READ_KEY", READ_KEY)
    acme.set(keep=False)
    report = live.smoke_test(deadline=5.0)
    assert verdicts(report, "acme") == {Verdict.FAILED}
    assert {check.hop for check in of(report, "acme")} == {HopName.BACKEND_STORED}
    assert verdicts(report, "plain") == {Verdict.ACCEPTED}


def test_a_wrong_second_credential_is_a_failure_and_not_told(
    live: FloeLocal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ACME_READ_KEY", "of-somebody-else")
    report = live.smoke_test(deadline=2.0)
    assert {check.found for check in of(report, "acme")} == {"HTTP 401"}
    assert "of-somebody-else" not in report.to_json()


def test_a_backend_without_a_blueprint_needs_live(projects: dict[str, Path]) -> None:
    where = FloeLocal(projects["live"]).where
    with pytest.raises(InputError, match="needs 'plain', and no blueprint") as caught:
        request_stack(where)
    assert "a `sandbox` section in it: docs/blueprints.md; `--live`" in caught.value.hint
    assert request_stack(where.model_copy(update={"live": True})).live


def test_a_required_variable_is_asked_for_before_anything_starts(
    projects: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("ACME_KEY")
    with pytest.raises(InputError, match="ACME_KEY"), FloeLocal(projects["live"], live=True):
        pass
