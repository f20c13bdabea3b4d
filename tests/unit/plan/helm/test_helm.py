"""Helm values for a cluster; whole documents, word for word, and what each rule is about.

After a change that is meant: ``FLOE_UPDATE_GOLDEN=1 pytest tests/unit/plan/helm``, then read the
difference before committing it.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
import yaml

from floe_local.errors import InputError
from floe_local.plan.blueprint.lookup import find_blueprints
from floe_local.plan.blueprint.model import Blueprint
from floe_local.plan.helm import as_yaml
from tests.unit.plan.helm.layouts import (
    ADR_EXPORTER,
    ADR_TRANSPORT,
    LAYOUTS,
    PUBLISHED_EXPORTER,
    lineage,
    render,
    telemetry,
)

GOLDEN = Path(__file__).parent / "golden"
COLLECTOR = "opentelemetry-collector"


def reasons_for(result: Any, what: str) -> list[str]:
    return [gap.why for gap in result.not_covered if what in gap.what]


@pytest.mark.parametrize("layout", LAYOUTS)
def test_the_rendered_document_is_the_golden_one(layout: str) -> None:
    file = GOLDEN / f"{layout}.values.yaml"
    text = as_yaml(render(*LAYOUTS[layout]()), "local")
    if os.environ.get("FLOE_UPDATE_GOLDEN"):
        file.write_text(text, encoding="utf-8")
    assert text == file.read_text(encoding="utf-8")


@pytest.mark.parametrize("layout", LAYOUTS)
def test_the_document_is_yaml_that_holds_the_values(layout: str) -> None:
    result = render(*LAYOUTS[layout]())
    assert yaml.safe_load(as_yaml(result, "local")) == result.values
    assert list(result.values) == [COLLECTOR, "jaeger", "marquez"]


@pytest.mark.parametrize("layout", LAYOUTS)
def test_services_are_called_as_endpoints_say(layout: str) -> None:
    values = render(*LAYOUTS[layout]()).values
    exporters = values[COLLECTOR]["alternateConfig"]["exporters"]
    (exporter,) = (e for e in exporters.values() if "endpoint" in e)
    assert exporter["endpoint"] == f"{values['jaeger']['fullnameOverride']}:4317"
    assert values["marquez"]["fullnameOverride"] == "marquez"
    assert values["marquez"]["service"]["port"] == 5000


def test_the_published_plugins_values_reach_the_charts_keys() -> None:
    result = render(*LAYOUTS["published"]())
    jaeger, marquez = result.values["jaeger"], result.values["marquez"]
    assert jaeger["jaeger"]["resources"]["limits"] == {"cpu": "500m", "memory": "512Mi"}
    assert marquez["marquez"]["image"]["tag"] == "0.20.0"
    assert marquez["marquez"]["port"] == "5000"
    assert marquez["postgresql"]["primary"]["persistence"]["size"] == "8Gi"
    assert reasons_for(result, "query.resources.limits.cpu")
    assert reasons_for(result, "Secret marquez-postgresql-credentials")
    assert not reasons_for(result, "Secret marquez-db")


def test_nothing_of_a_local_stack_is_in_the_config() -> None:
    result = render(*LAYOUTS["published"]())
    config = result.values[COLLECTOR]["alternateConfig"]
    assert not [e for e in config["extensions"] if e.startswith("file_storage")]
    assert "storage" not in str(config["exporters"])
    assert reasons_for(result, "volume queue")
    assert reasons_for(result, "password postgres")
    (why,) = reasons_for(result, "https://marquez:5000")
    assert "plain-in-stack" in why


def test_what_a_rule_makes_of_a_localhost_is_wrong_in_a_cluster() -> None:
    local = {**PUBLISHED_EXPORTER, "endpoint": "localhost:4317"}
    with pytest.raises(InputError, match="the Collector itself"):
        render(telemetry(local, {}))


def test_production_rules_are_those_of_the_environment() -> None:
    outputs = LAYOUTS["adr-literal"]()
    with pytest.raises(InputError, match=r"exporters\.otlp_grpc/jaeger\.tls\.insecure") as caught:
        render(*outputs, environment="prod")
    assert caught.value.code == "plain-text"
    assert render(*outputs, environment="dev").values


def test_credentials_come_from_a_secret_by_name() -> None:
    key = {"api": {"key": "${env:DD_API_KEY}", "site": "${env:DD_SITE:-datadoghq.com}"}}
    result = render(telemetry({"exporters": {"datadog": key}}, {}, "unheard-of"))
    values = result.values[COLLECTOR]
    assert values["alternateConfig"]["exporters"]["datadog"]["api"] == key["api"]
    required, optional = values["extraEnvs"]
    reference = {"name": "otel-collector-env", "key": "DD_API_KEY"}
    assert required == {"name": "DD_API_KEY", "valueFrom": {"secretKeyRef": reference}}
    assert optional["valueFrom"]["secretKeyRef"]["optional"] is True
    (why,) = reasons_for(result, "Secret otel-collector-env")
    assert "DD_API_KEY, DD_SITE (optional)" in why


def test_a_backend_that_runs_elsewhere_has_nothing_to_deploy() -> None:
    exporter = {"otlp_http": {"endpoint": "https://saas.example"}}
    result = render(telemetry({"exporters": exporter}, {}, "unheard-of"))
    assert list(result.values) == [COLLECTOR]
    assert reasons_for(result, "unheard-of") == ["runs elsewhere: there is nothing to deploy"]


def test_variables_that_lineage_needs_are_told() -> None:
    auth = {"type": "api_key", "apiKey": "${env:TOKEN}"}
    transport = {"type": "http", "url": "https://saas.example", "auth": auth}
    (why,) = reasons_for(render(lineage(transport, {}, "unheard-of")), "OpenLineage config")
    assert "TOKEN" in why


def test_templates_in_the_config_are_no_templates_of_the_chart() -> None:
    exporter = {"otlp_http": {"endpoint": "https://saas.example", "headers": {"x": "{{ a }}"}}}
    result = render(telemetry({"exporters": exporter}, {}, "unheard-of"))
    exporters = result.values[COLLECTOR]["alternateConfig"]["exporters"]
    assert exporters["otlp_http"]["headers"]["x"] == "{{`{{`}} a }}"


def test_what_no_key_of_the_chart_takes_is_told() -> None:
    helm = {"jaeger": {"storage": {"type": "cassandra"}, "agent": {"enabled": True}}, "x": 1}
    result = render(telemetry(ADR_EXPORTER, helm))
    assert "userconfig" in reasons_for(result, "jaeger.storage.type: cassandra")[0]
    assert reasons_for(result, "jaeger: jaeger.agent.enabled") == [
        "the chart (jaeger) has no key for it"
    ]
    assert reasons_for(result, "jaeger: x")
    assert "agent" not in str(result.values["jaeger"])


def test_a_key_with_dots_stays_one_key() -> None:
    annotations = {"service.beta.kubernetes.io/internal": "true"}
    helm = {"jaeger": {"query": {"service": {"annotations": annotations}}}}
    result = render(telemetry(ADR_EXPORTER, helm))
    assert result.values["jaeger"]["jaeger"]["service"]["annotations"] == annotations


def test_a_reference_is_left_out_for_helm_resolves_none() -> None:
    helm = {"marquez": {"db": {"host": "db", "password": "${env:DB_PASSWORD}"}}}
    result = render(lineage(ADR_TRANSPORT, helm))
    assert result.values["marquez"]["marquez"]["db"] == {"host": "db"}
    assert "Secret" in reasons_for(result, "marquez.db.password")[0]
    assert "DB_PASSWORD" not in as_yaml(result, "local")


@pytest.mark.parametrize("helm", [{"marquez": {"db": {"password": "hunter2"}}}, {"token": "hush"}])
def test_a_credential_written_out_is_refused_and_not_told(helm: dict[str, Any]) -> None:
    with pytest.raises(InputError, match=r"'marquez': helm_values") as caught:
        render(lineage(ADR_TRANSPORT, helm))
    assert not any(secret in str(caught.value) for secret in ("hunter2", "hush"))


@pytest.mark.parametrize("host", ["jaeger.tracing.svc.cluster.local", "traces.example"])
def test_a_host_that_is_no_service_here_names_none(host: str) -> None:
    exporter = {**PUBLISHED_EXPORTER, "endpoint": f"{host}:4317"}
    result = render(telemetry(exporter, {"storage": {"type": "memory"}}))
    assert "fullnameOverride" not in result.values["jaeger"]
    assert reasons_for(result, "jaeger: endpoint")


def own(**more: Any) -> Blueprint:
    services = {"acme": {"image": {"upstream": "registry:5000/acme/server:1.2"}}}
    document = {
        "blueprint": 1,
        "name": "acme",
        "title": "Acme",
        "kind": "telemetry",
        "services": services,
        **more,
    }
    return Blueprint.model_validate(document)


ACME = {"exporters": {"otlp_http": {"endpoint": "http://acme:4318"}}}


def test_without_a_chart_values_pass_through_and_that_is_said() -> None:
    helm = {"acme": {"replicas": 2}, "extra": []}
    result = render(telemetry(ACME, helm, "acme"), own=[own()])
    assert {k: result.values[k] for k in helm} == helm
    (why,) = reasons_for(result, "acme: Helm values (acme, extra)")
    assert "passed through" in why


def test_a_backend_of_ones_own_without_values_must_be_deployed() -> None:
    result = render(telemetry(ACME, {}, "acme"), own=[own()])
    assert reasons_for(result, "acme") == [
        "its plugin returns no Helm values, and its blueprint has no `chart`: deploy it"
    ]


def test_a_chart_of_ones_own() -> None:
    chart = {
        "name": "acme-server",
        "version": "3",
        "source": "acme/charts",
        "values": {"image": "{image:acme}", "name": "{host}", "list": ["{host}", "as it is"]},
        "takes": {"acme": "server", "acme.replicas": "replicaCount"},
        "lacks": [{"path": "acme.mode", "already": ["single"], "why": "no such key"}],
        "notes": [
            {"text": "many", "when": {"replicaCount": [2, 3]}},
            {"text": "one", "when": {"replicaCount": 1}},
        ],
    }
    helm = {"acme": {"replicas": 2, "mode": "single", "port": 80, "empty": {}}}
    result = render(telemetry(ACME, helm, "acme"), own=[own(chart=chart)])
    assert result.values["acme-server"] == {
        "image": {"repository": "registry:5000/acme/server", "tag": "1.2"},
        "list": ["as it is"],
        "replicaCount": 2,
        "server": {"port": 80, "empty": {}},
    }
    assert reasons_for(result, "acme-server") == ["many"]


def test_two_backends_that_disagree_are_told_apart() -> None:
    first = telemetry(ACME, {"shared": {"size": 1}}, "acme")
    second = lineage({"type": "http", "url": "https://x.example"}, {"shared": {"size": 2}}, "other")
    result = render(first, second, own=[own()])
    assert result.values["shared"] == {"size": 2}
    assert reasons_for(result, "shared.size") == [
        "'acme' and 'other' differ; that of 'other' stands"
    ]


def test_a_composites_values_go_into_the_chart_of_its_part() -> None:
    aws = {
        "type": "composite",
        "transports": {
            "marquez": ADR_TRANSPORT,
            "datazone": {"type": "amazon_datazone_api", "domainId": "dzd_1"},
        },
    }
    helm = {"marquez": {"service": {"type": "NodePort"}}}
    part = Blueprint(blueprint=1, name="catalog", title="Catalog", kind="lineage")
    both = Blueprint(
        blueprint=1,
        name="both",
        title="Both",
        kind="lineage",
        transports={"marquez": "marquez", "datazone": "catalog"},
    )
    shipped = [located.blueprint for located in find_blueprints(["marquez"]).values()]
    result = render(lineage(aws, helm, "both"), own=[part, both, *shipped])
    assert result.values["marquez"]["service"] == {"port": 5000, "type": "NodePort"}
    assert list(result.values) == ["marquez"]
    assert reasons_for(result, "catalog") == ["runs elsewhere: there is nothing to deploy"]
    assert not [gap for gap in result.not_covered if "passed through" in gap.why]


@pytest.mark.parametrize("line_break", ["\n", "\r", "\x85", "\u2028"])  # YAML has them all
def test_a_line_break_of_a_plugin_does_not_end_the_comment(line_break: str) -> None:
    helm = {"jaeger": {f"agent{line_break}evil: true{line_break}#": 1}}
    result = render(telemetry(ADR_EXPORTER, helm))
    assert yaml.safe_load(as_yaml(result, "local")) == result.values
