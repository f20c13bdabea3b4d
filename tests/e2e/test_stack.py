"""One stack, brought up by the installed wheels and used as a data engineer does."""

from __future__ import annotations

import json
import os
import socket
import urllib.request
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree as ET

import jsonschema
import pytest

from docs.schemas import document
from floe_local.run.compose_cli import find_compose
from tests.waiting import wait_for

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.e2e.conftest import Shell

pytestmark = pytest.mark.e2e

TRACE = "5f1e10ca15f1e10ca15f1e10ca15f1e1"
SEND_A_SPAN = """
from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
provider = TracerProvider()
provider.add_span_processor(SimpleSpanProcessor(OTLPSpanExporter()))
with provider.get_tracer("mine").start_as_current_span("a pipeline's span") as span:
    print(f"{span.get_span_context().trace_id:032x}")
provider.shutdown()
"""
SEND_A_RUN = """
import os, uuid
from datetime import datetime, timezone
from openlineage.client.client import OpenLineageClient
from openlineage.client.event_v2 import Job, Run, RunEvent, RunState
client = OpenLineageClient()
run, job = Run(str(uuid.uuid4())), Job(os.environ["OPENLINEAGE_NAMESPACE"], "a_pipelines_job")
for state in (RunState.START, RunState.COMPLETE):
    now = datetime.now(timezone.utc).isoformat()
    client.emit(RunEvent(eventTime=now, run=run, job=job, eventType=state, producer="http://mine"))
print(run.runId)
"""
FROM_A_CONTAINER = """
body='{"resourceSpans":[{"scopeSpans":[{"spans":[{"traceId":"TRACE","spanId":"5f1e10ca15f1e10c",'
body+='"name":"x","kind":1,"startTimeUnixNano":"1","endTimeUnixNano":"2"}]}]}]}'
address=${OTEL_EXPORTER_OTLP_ENDPOINT#http://}
exec 3<>/dev/tcp/${address%%:*}/${address##*:}
printf 'POST /v1/traces HTTP/1.0\\r\\nContent-Type: application/json\\r\\n' >&3
printf 'Content-Length: %s\\r\\n\\r\\n%s' ${#body} "$body" >&3
head -1 <&3
address=${OPENLINEAGE_URL#http://}; address=${address%%/*}
exec 3<>/dev/tcp/${address%%:*}/${address##*:}
printf 'GET /api/v1/namespaces HTTP/1.0\\r\\n\\r\\n' >&3
head -1 <&3
""".replace("TRACE", TRACE)


@pytest.fixture(scope="module")
def up(shell: Shell) -> dict[str, Any]:
    """What `up` said of the stack that every test here uses."""
    shell.run("floe-local init")
    document: dict[str, Any] = shell.json("floe-local up --free-ports")
    return document


@pytest.fixture(scope="module")
def urls(shell: Shell, up: dict[str, Any]) -> dict[str, str]:
    """Where the host reaches each endpoint: ``service.endpoint`` → URL without a slash."""
    assert up["ok"]
    rows = shell.json("floe-local urls")["urls"]
    return {f"{r['service']}.{r['endpoint']}": r["url"].rstrip("/") for r in rows}


@pytest.fixture
def stored(urls: dict[str, str]) -> Callable[[str, str], Any]:
    """Give a function that reads a path of an endpoint until it is there."""

    def read(endpoint: str, path: str) -> Any:
        url = f"{urls[endpoint]}{path}"
        return wait_for(lambda: fetched(url), url)

    return read


def fetched(url: str) -> Any:
    """A JSON document; nothing while there is none."""
    try:
        with urllib.request.urlopen(url, timeout=10) as answer:  # noqa: S310 - loopback
            return json.load(answer)
    except OSError:
        return None


@pytest.mark.parametrize(
    "command", ["status", "list", "urls", "env", "explain", "smoke-test", "images list", "logs"]
)
def test_documents_are_what_their_schemas_say(
    command: str, shell: Shell, up: dict[str, Any]
) -> None:
    assert up["ok"]
    jsonschema.validate(shell.json(f"floe-local {command}"), document(command))


def test_a_second_up_changes_nothing_and_keeps_its_ports(shell: Shell, up: dict[str, Any]) -> None:
    again = shell.json("floe-local up")
    jsonschema.validate(again, document("up"))
    assert again["changed"] is False
    assert [s["urls"] for s in again["services"]] == [s["urls"] for s in up["services"]]


def test_what_is_shown_to_a_person(shell: Shell, up: dict[str, Any]) -> None:
    shown = shell.run("floe-local status").stdout
    for service in up["services"]:
        (line,) = (x for x in shown.splitlines() if x.startswith(f"{service['service']} "))
        assert " ready " in line
        assert service["image"] in line
    assert "\x1b" not in shown
    assert shell.run("floe-local list").stdout.count(up["project"]) == 1


def test_a_report_for_ci(shell: Shell, up: dict[str, Any]) -> None:
    assert up["ok"]
    told = shell.run("floe-local smoke-test --junit 'out/my report.xml'", expect=3).stderr
    assert "cannot write" in told
    shell.run("floe-local smoke-test --junit report.xml")
    suite = ET.parse(shell.folder / "report.xml").getroot()  # noqa: S314 - our own
    cases = list(suite.iter("testcase"))
    assert len(cases) >= 8
    assert not list(suite.iter("failure"))


def test_a_stack_that_is_named_by_its_endpoints(shell: Shell, urls: dict[str, str]) -> None:
    report = shell.json(
        f"cd / && floe-local smoke-test --otlp-grpc {urls['otel-collector.otlp-grpc']} "
        f"--otlp-http {urls['otel-collector.otlp-http']} "
        f"--metrics-url {urls['otel-collector.metrics']} "
        f"--endpoint jaeger.query={urls['jaeger.query']} --endpoint marquez={urls['marquez.api']}"
    )
    own = [c for c in report["checks"] if c["client"] == "floe-local"]
    verdicts = {(c["backend"], c["signal"]): c["verdict"] for c in own}
    assert verdicts["jaeger", "traces"].startswith("received")
    assert verdicts["marquez", "lineage"].startswith("received")


def test_a_pipeline_needs_no_more_than_env_prints(
    shell: Shell, up: dict[str, Any], stored: Callable[[str, str], Any]
) -> None:
    assert up["ok"]
    (shell.folder / "span.py").write_text(SEND_A_SPAN)
    (shell.folder / "run.py").write_text(SEND_A_RUN)
    ran = shell.run('eval "$(floe-local env)"; python span.py; python run.py').stdout
    trace, run = ran.split()
    spans = json.dumps(stored("jaeger.query", f"/api/v3/traces/{trace}"))
    assert "a pipeline's span" in spans
    found = stored("marquez.api", f"/api/v1/jobs/runs/{run}")
    assert found["state"] == "COMPLETED"


def test_a_container_that_joins_the_network_needs_no_more_either(
    shell: Shell, up: dict[str, Any], stored: Callable[[str, str], Any]
) -> None:
    image = next(s["image"] for s in up["services"] if s["service"] == "postgres")
    (shell.folder / "inside.sh").write_text(FROM_A_CONTAINER)
    shell.run("floe-local env --container --protocol http/protobuf --format dotenv >container.env")
    said = shell.run(
        f"docker run --rm -i --network {up['network']} --env-file container.env "
        f"--entrypoint bash {image} -s <inside.sh"
    ).stdout
    assert [line.split()[1] for line in said.splitlines()] == ["200", "200"]
    assert stored("jaeger.query", f"/api/v3/traces/{TRACE}")


def test_what_is_rendered_is_a_compose_file(shell: Shell, up: dict[str, Any]) -> None:
    assert up["ok"]
    shell.run("floe-local render -o rendered")
    shell.run(f"{find_compose()} -f rendered/stack.compose.yaml config --quiet")
    shell.run(f"{find_compose()} -f .floe-local/*/stack.compose.yaml config --quiet")


def test_logs_can_be_cut_short(shell: Shell, up: dict[str, Any]) -> None:
    assert up["ok"]
    assert "otel-collector | " in shell.run("floe-local logs otel-collector --tail 3").stdout
    cut = shell.run('set +o pipefail; floe-local logs | head -1; echo "${PIPESTATUS[0]}"')
    assert cut.stderr == ""
    assert cut.stdout.splitlines()[-1] in {"0", "141"}


def test_plugins_images_and_pages(shell: Shell, up: dict[str, Any]) -> None:
    listed = shell.json("floe-local plugins list")["plugins"]
    assert {(p["kind"], p["name"]) for p in listed} == {
        *(("telemetry", name) for name in ("datadog", "grafana-cloud", "jaeger", "xray")),
        *(("lineage", name) for name in ("atlan", "aws", "marquez", "openmetadata")),
    }
    (one,) = shell.json("floe-local plugins show marquez")["plugins"]
    assert one["output"]["transport"]["type"] == "http"
    verdicts = shell.json("floe-local plugins validate")["plugins"]
    assert {v["status"] for v in verdicts} == {"ok"}
    images = shell.json("floe-local images list")["images"]
    used = {s["service"]: s["image"] for s in up["services"]}
    assert {i["service"]: i["image"]["reference"] for i in images} == used
    page = shell.json("BROWSER=true floe-local open jaeger")
    assert page["url"].startswith("http://127.0.0.1:")
    assert "with a page: " in shell.run("floe-local open postgres", expect=2).stderr


def test_a_taken_port_is_told_with_its_owner_and_nothing_is_made(
    shell: Shell, up: dict[str, Any], urls: dict[str, str]
) -> None:
    ours = urls["jaeger.query"].rpartition(":")[2]
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        manifest = f"{{otel-collector.otlp-http: {port}, jaeger.query: {ours}}}"
        (shell.folder / "ports.yaml").write_text(
            "plugins: {telemetry_backend: jaeger}\n" + f"local: {{ports: {manifest}}}\n"
        )
        refused = shell.run("floe-local -s other -m ports.yaml up", expect=3).stderr
    assert f"port {port}, for otel-collector.otlp-http, is used by " in refused
    assert f"(process {os.getpid()})" in refused
    assert f"is used by container {up['project']}-jaeger-1" in refused
    assert "--free-ports" in refused
    assert "nothing of other-" in shell.run("floe-local down -s other").stdout


def test_down_keeps_the_data_until_volumes_are_named(shell: Shell, up: dict[str, Any]) -> None:
    kept = shell.json("floe-local down")
    assert kept["kept"]
    assert left(shell, up["project"]) == {"container": 0, "network": 0, "volume": len(kept["kept"])}
    assert "is not up; its data is kept" in shell.run("floe-local status", expect=4).stdout
    assert shell.json("floe-local down --volumes")["kept"] == []
    assert not any(left(shell, up["project"]).values())
    assert not (shell.folder / ".floe-local" / up["stack"]).exists()
    assert "nothing of" in shell.run("floe-local down").stdout


def left(shell: Shell, project: str) -> dict[str, int]:
    """How much of a project the engine holds, asked without floe-local."""
    label = f"--filter label=dev.floe.local.stack={project} --quiet"
    listings = {"container": "ps --all", "network": "network ls", "volume": "volume ls"}
    return {
        kind: len(shell.run(f"docker {listing} {label}").stdout.split())
        for kind, listing in listings.items()
    }
