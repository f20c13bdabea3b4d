from __future__ import annotations

import json
import os
import subprocess
from shutil import which
from typing import TYPE_CHECKING, Any

import pytest

from floe_local.errors import InputError, MachineError
from floe_local.operations.show import env, explain, render, urls
from floe_local.operations.stacks import Where, identity_of
from floe_local.operations.targets import EndpointOptions, targets_elsewhere, targets_of
from floe_local.operations.up import refuse_unset
from floe_local.plan.artifacts import Compiled
from floe_local.plan.nested import deep_merge
from floe_local.plan.stack.model import StackIdentity, StackPlan
from floe_local.run.workspace import Workspace

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def where(tmp_path: Path) -> Where:
    return Where(folder=tmp_path)


def written(where: Where, transport: dict[str, Any]) -> None:
    """A workspace with a stack that sends lineage to a SaaS."""
    identity = identity_of(where)
    plan = StackPlan(
        identity=identity, compose={}, openlineage_config={"transport": transport}, namespace="n"
    )
    Workspace(identity).write(plan)


SAAS: dict[str, Any] = {
    "type": "http",
    "url": "https://saas.example/it's $5/",
    "endpoint": "",
    "auth": {"type": "api_key", "apiKey": "${env:SAAS_KEY}"},
}


@pytest.mark.parametrize(
    "key",
    [
        *("${env:SAAS_KEY}", "${SAAS_KEY}", "${env:SAAS_KEY:-none}"),
        "${env:NOT_SET:-${env:NOR_THIS:-${SAAS_KEY}}}",
    ],
)
def test_a_shell_reads_back_what_is_printed(where: Where, key: str) -> None:
    written(where, SAAS | {"auth": {"type": "api_key", "apiKey": key}})
    script = env(where).text + "python3 -c 'import json,os; print(json.dumps(dict(os.environ)))'"
    environ = {"PATH": os.environ["PATH"], "SAAS_KEY": 'quo"te'}
    ran = subprocess.run(["sh", "-c", script], env=environ, capture_output=True, check=True)
    seen = json.loads(ran.stdout)
    assert seen["OPENLINEAGE_URL"] == "https://saas.example/it's $5/"
    assert seen["OPENLINEAGE_API_KEY"] == 'quo"te'
    assert seen["OPENLINEAGE_NAMESPACE"] == "n"
    transport = json.loads(seen["OPENLINEAGE__TRANSPORT"])
    assert transport["auth"]["apiKey"] == 'quo"te'


SHELLS = [shell for shell in ("sh", "dash", "bash", "zsh", "ksh", "busybox") if which(shell)]
ODD = ["a'b", 'a"b', r"a\b", "a$b`c`$(d)", "${e}", "ä %s &", r"\"", ""]


@pytest.mark.parametrize("shell", SHELLS)
@pytest.mark.parametrize("default", ["", ":-$HOME"])
def test_every_shell_puts_a_credential_into_json(where: Where, shell: str, default: str) -> None:
    """Whatever characters it holds, and where a variable is left out, too."""
    keys = {f"k{n}": f"${{env:KEY_{n}{default}}}" for n in range(len(ODD))}
    written(where, SAAS | {"auth": {"type": "oauth2"} | keys})
    result = env(where)
    assert "# OPENLINEAGE_URL is left out" in result.text
    script = 'eval "$TEXT"; python3 -c "import os; print(os.environ[\'OPENLINEAGE__TRANSPORT\'])"'
    values = {f"KEY_{n}": value for n, value in enumerate(ODD)}
    environ = {"PATH": os.environ["PATH"], "TEXT": result.text, "LC_ALL": "C.UTF-8"} | values
    command = [shell, "sh"] if shell == "busybox" else [shell]
    ran = subprocess.run([*command, "-c", script], env=environ, capture_output=True, check=True)
    auth = json.loads(ran.stdout)["auth"]
    assert [auth[key] for key in keys] == [value or default.removeprefix(":-") for value in ODD]
    assert not ran.stderr


def test_the_shell_form_holds_no_value_of_a_credential(where: Where) -> None:
    written(where, SAAS)
    text = env(where, environ={"SAAS_KEY": "hush"}).text
    assert "hush" not in text
    assert 'OPENLINEAGE_API_KEY="${SAAS_KEY}"' in text


@pytest.mark.parametrize("form", ["dotenv", "json"])
def test_other_forms_ask_before_they_show_a_credential(where: Where, form: str) -> None:
    written(where, SAAS)
    with pytest.raises(InputError) as caught:
        env(where, form, environ={"SAAS_KEY": "hush"})  # type: ignore[arg-type]
    assert caught.value.code == "secret-form"
    shown = env(where, form, show_secrets=True, environ={"SAAS_KEY": "hush"})  # type: ignore[arg-type]
    assert "hush" in shown.text
    assert json.loads(shown.variables["OPENLINEAGE__TRANSPORT"])["auth"]["apiKey"] == "hush"


def test_a_stack_that_was_never_up_says_so(where: Where) -> None:
    with pytest.raises(MachineError, match="is not up") as caught:
        urls(where)
    assert "floe-local up" in caught.value.hint


def test_what_is_not_set_is_refused_before_anything_starts(where: Where, tmp_path: Path) -> None:
    from floe_local.operations.request import StackRequest  # noqa: PLC0415 - as `up` gets it

    identity = identity_of(where)
    config = {"exporters": {"a": {"key": "${env:SAAS_KEY}", "site": "${env:SITE:-eu}"}}}
    request = StackRequest(
        identity=identity, compiled=Compiled(otlp_collector_config=config), parts=()
    )
    refuse_unset(request, {"SAAS_KEY": "x"})
    with pytest.raises(InputError, match="SAAS_KEY") as caught:
        refuse_unset(request, {"SAAS_KEY": ""})
    assert caught.value.code == "variable-unset"
    assert not (tmp_path / ".floe-local").exists()


def test_the_reference_pair_is_rendered_without_docker(where: Where, tmp_path: Path) -> None:
    files = render(where).files
    assert set(files) >= {"stack.compose.yaml", "config/otel-collector/collector.yaml"}
    assert list(tmp_path.iterdir()) == []


def test_explain_tells_rules_and_results(where: Where) -> None:
    told = explain(where)
    assert told.otlp_collector_config
    assert told.openlineage_config
    assert {change.rule for change in told.changes} >= {"helm-not-honoured", "signal-to-debug"}


def test_the_shell_s_own_is_minded(
    where: Where, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written(where, SAAS)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "openlineage.yml").write_text("transport: {type: console}")
    shell = {"https_proxy": "http://p", "OPENLINEAGE_DISABLED": "true", "HOME": str(tmp_path)}
    result = env(where, environ=shell)
    assert result.variables["NO_PROXY"] == "localhost,127.0.0.1,::1"
    assert [w.split()[0] for w in result.warnings] == [
        "OPENLINEAGE_DISABLED",
        f"{tmp_path}/openlineage.yml",
    ]
    assert all(line.startswith("export ") for line in result.text.splitlines())


@pytest.mark.parametrize("key", ["k'e y", "plain"])
def test_spark_submit_reads_what_is_printed(where: Where, key: str) -> None:
    written(where, SAAS)
    text = env(where, integration="spark").text
    script = "eval python3 -c \"'import sys,json; print(json.dumps(sys.argv[1:]))'\" $TEXT"
    environ = {"PATH": os.environ["PATH"], "TEXT": text, "SAAS_KEY": key}
    ran = subprocess.run(["sh", "-c", script], env=environ, capture_output=True, check=True)
    options = json.loads(ran.stdout)
    assert set(options[::2]) == {"--conf"}
    conf = dict(option.split("=", 1) for option in options[1::2])
    assert conf["spark.openlineage.transport.auth.apiKey"] == key
    assert conf["spark.openlineage.transport.url"] == SAAS["url"]
    json_form = env(where, "json", integration="spark", show_secrets=True, environ=environ)
    assert json.loads(json_form.text) == json_form.conf == conf


def test_airflow_gets_the_rest_too(where: Where) -> None:
    written(where, SAAS)
    result = env(where, integration="airflow", environ={"AIRFLOW__OPENLINEAGE__NAMESPACE": "x"})
    assert result.text.count("export AIRFLOW__OPENLINEAGE__") == 2
    assert "export OPENLINEAGE_URL=" in result.text
    assert not result.warnings


FLOES_OWN = """\
apiVersion: floe.dev/v1
kind: Manifest
metadata: {name: a-demo, version: 1.0.0}
plugins:
  compute: {type: duckdb, config: {path: /tmp/a.duckdb, threads: 2}}
  orchestrator: {type: dagster, config: {default_schedule: "0 * * * *"}}
  catalog: {type: polaris, config: {uri: http://a-catalog:8181, oauth2: {client_secret: odd}}}
  ingestion: {type: dlt, version: 0.1.0, config: {retry_config: {max_retries: 2}}}
  storage: {type: s3, config: {endpoint: http://a-store:9000, path_style_access: true}}
  telemetry_backend: {type: jaeger, version: "0.1.0", config: {}}
  lineage_backend:
    type: marquez
    version: "0.1.0"
    config:
      url: http://floe-platform-marquez:5000
      environment: demo
      api_key: null
      verify_ssl: true
      drain_timeout: 30.0
      allow_insecure_http: true
observability:
  tracing: {enabled: true, exporter: otlp, endpoint: http://a-collector:4317}
  lineage: {enabled: true, transport: http, endpoint: http://a-marquez:5000/api/v1/lineage}
governance: {policy_enforcement_level: warn}
resource_presets: {small: {cpu_limit: 500m}}
"""


def test_a_manifest_with_the_keys_of_floes_own_compiles(where: Where, tmp_path: Path) -> None:
    (tmp_path / "manifest.yaml").write_text(FLOES_OWN)
    result = explain(where)
    assert result.namespace == "demo.floe"
    assert "floe-platform-marquez" in result.aliases["marquez"]
    assert result.openlineage_config is not None
    assert result.openlineage_config["transport"]["url"] == "http://floe-platform-marquez:5000"


def test_config_is_laid_over_defaults() -> None:
    below = {"a": {"x": 1, "y": 2}, "b": 1}
    assert deep_merge(below, {"a": {"x": 3}, "b": {}}) == {"a": {"x": 3, "y": 2}, "b": {}}
    assert below == {"a": {"x": 1, "y": 2}, "b": 1}


def test_a_broken_manifest_is_in_nobodys_way(where: Where, tmp_path: Path) -> None:
    expected = identity_of(where)
    (tmp_path / "manifest.yaml").write_text("{")
    assert identity_of(where) == expected
    (tmp_path / "manifest.yaml").unlink()
    (tmp_path / "manifest.yaml").symlink_to("gone.yaml")
    assert (
        identity_of(where.model_copy(update={"manifest": tmp_path / "manifest.yaml"})) == expected
    )


def test_targets_of_a_stack_of_somebody_else(where: Where) -> None:
    from floe_local.operations.request import request_stack  # noqa: PLC0415 - asks plugins

    options = EndpointOptions(
        otlp_http="http://10.0.0.1:4318",
        backends={"jaeger": "http://10.0.0.2:16686", "marquez.api": "https://10.0.0.3"},
    )
    targets = targets_elsewhere(request_stack(where), options, {})
    traces, lineage = targets.backends
    assert traces.endpoints["query"] == "http://10.0.0.2:16686"
    assert lineage.endpoints == {"api": "https://10.0.0.3"}
    assert lineage.transport is not None
    assert lineage.transport["url"].startswith("https://10.0.0.3")
    assert ":" not in lineage.transport["url"].removeprefix("https://")
    assert targets.otlp_grpc is None


def test_targets_without_a_collector() -> None:
    identity = StackIdentity(name="a", project="a-1", folder="/a")
    assert targets_of(StackPlan(identity=identity, compose={}), {}).collector_metrics is None
