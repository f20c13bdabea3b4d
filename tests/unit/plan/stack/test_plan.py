from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from floe_local.errors import InputError
from floe_local.plan.blueprint.placement import placeholder
from floe_local.plan.stack.model import COMPOSE_FILE
from floe_local.plan.stack.plan import plan_stack
from floe_local.plan.stack.requirements import required_blueprints
from floe_local.plan.values import Kind
from floe_local.run.workspace import workspace_files

if TYPE_CHECKING:
    from tests.unit.conftest import Builder

GOLDEN = Path(__file__).parent / "golden"


def services(plan: Any) -> dict[str, Any]:
    found: dict[str, Any] = plan.compose["services"]
    return found


def test_the_reference_shape_is_the_golden_file(build: Builder) -> None:
    text = workspace_files(plan_stack(build.inputs()))[COMPOSE_FILE]
    golden = GOLDEN / "reference.compose.yaml"
    if os.environ.get("FLOE_UPDATE_GOLDEN"):
        golden.write_text(text, "utf-8")
    assert text == golden.read_text("utf-8")


def test_everything_is_published_on_loopback_only(build: Builder) -> None:
    ports = [p for s in services(plan_stack(build.inputs())).values() for p in s.get("ports", [])]
    assert ports
    assert {p["host_ip"] for p in ports} == {"127.0.0.1"}


def test_what_nothing_on_the_host_needs_is_not_published(build: Builder) -> None:
    targets = [p["target"] for p in services(plan_stack(build.inputs()))["traces"]["ports"]]
    assert targets == [16686, 4317]  # 4317: the plugin names it; 9999: nobody does


def test_labels_of_networks_and_volumes_do_not_depend_on_what_runs(build: Builder) -> None:
    first = plan_stack(build.inputs()).compose
    newer = {
        name: image.model_copy(update={"reference": "example/newer:2"})
        for name, image in build.inputs().images.items()
    }
    second = plan_stack(build.inputs(images=newer)).compose
    assert (first["networks"], first["volumes"]) == (second["networks"], second["volumes"])


def test_a_changed_config_changes_the_label_of_its_service_alone(build: Builder) -> None:
    before = services(plan_stack(build.inputs()))
    changed = build.compiled(otlp_collector_config={"exporters": {}})
    after = services(plan_stack(build.inputs(changed)))
    assert [name for name in before if before[name] != after[name]] == ["collector"]


def test_dollars_reach_the_container(build: Builder) -> None:
    plan = services(plan_stack(build.inputs()))
    assert plan["lineage"]["environment"]["PRICE"] == "$$5 and $${HOME}"
    assert plan["database"]["healthcheck"]["test"] == ["CMD-SHELL", "ready $$USER"]


def test_passwords_are_references_without_a_demand(build: Builder) -> None:
    plan = plan_stack(build.inputs())
    assert services(plan)["database"]["environment"] == {"PASSWORD": "${FLOE_SECRET_DB}"}
    assert plan.secrets == ("FLOE_SECRET_DB",)
    assert ":?" not in yaml.safe_dump(plan.compose)


def test_credentials_are_passed_to_the_collector_by_name_only(build: Builder) -> None:
    config = {"exporters": {"saas": {"key": "${env:SAAS_KEY}", "cost": "$$${env:SAAS_KEY}"}}}
    plan = plan_stack(build.inputs(build.compiled(otlp_collector_config=config)))
    assert services(plan)["collector"]["environment"] == {"SAAS_KEY": None}
    assert "environment" not in services(plan)["traces"]
    written = yaml.safe_load(plan.files["config/collector/collector.yaml"])
    assert written["exporters"] == config["exporters"]


def test_the_collector_of_a_stack_tells_what_status_reads(build: Builder) -> None:
    own: dict[str, Any] = {"metrics": {"readers": [{"pull": {}}]}}
    config = {"service": {"telemetry": own, "pipelines": {}}}
    plan = plan_stack(build.inputs(build.compiled(otlp_collector_config=config)))
    written = yaml.safe_load(plan.files["config/collector/collector.yaml"])
    assert written["service"] == {
        "pipelines": {},
        "telemetry": {
            "logs": {"level": "debug"},
            "metrics": own["metrics"] | {"level": "detailed"},
        },
    }


def test_a_blueprints_own_file_may_hold_references_of_its_own(build: Builder) -> None:
    body = build.blueprints["traces"]["services"]["traces"]
    build.blueprints["traces"] |= {
        "services": {"traces": {**body, "files": [{"source": "a.yml", "target": "/a.yml"}]}}
    }
    plan = plan_stack(build.inputs(sources={("traces", "a.yml"): "x: ${HOME}"}))
    assert plan.files["config/traces/a.yml"] == "x: ${HOME}"
    assert "environment" not in services(plan)["traces"]


def test_a_file_that_is_missing_names_its_blueprint(build: Builder) -> None:
    body = build.blueprints["traces"]["services"]["traces"]
    build.blueprints["traces"] |= {
        "services": {"traces": {**body, "files": [{"source": "a.yml", "target": "/a.yml"}]}}
    }
    with pytest.raises(InputError, match=r"blueprint 'traces'.*'a.yml'") as caught:
        plan_stack(build.inputs())
    assert caught.value.code == "blueprint-file"


@pytest.mark.parametrize(
    ("host", "aliases"),
    [
        ("traces", []),
        ("traces.observability.svc", ["traces.observability.svc"]),
        ("traces.observability.svc.", ["traces.observability.svc"]),
        ("Traces.Example", ["Traces.Example", "traces.example"]),
    ],
)
def test_hosts_become_aliases(build: Builder, host: str, aliases: list[str]) -> None:
    backend = build.backend("traces", hosts=((host, 4317), (host, 16686)))
    plan = plan_stack(build.inputs(build.compiled(backends=(backend,))))
    joined = services(plan)["traces"]["networks"]["default"]
    assert joined.get("aliases", []) == aliases


def test_a_host_that_means_two_services_is_refused(build: Builder) -> None:
    backends = (
        build.backend("traces", hosts=(("backend", 4317),)),
        build.backend("lineage", transport={}, hosts=(("backend", 5000),)),
    )
    with pytest.raises(InputError, match=r"'backend'.*'traces' as well as 'lineage'"):
        plan_stack(build.inputs(build.compiled(backends=backends)))


def test_a_host_that_is_another_service_is_refused(build: Builder) -> None:
    backend = build.backend("traces", hosts=(("collector", 4317),))
    with pytest.raises(InputError, match=r"host-clash|'collector'"):
        plan_stack(build.inputs(build.compiled(backends=(backend,))))


def test_a_backend_without_services_gets_no_alias(build: Builder) -> None:
    build.blueprints["saas"] = {"blueprint": 1, "name": "saas", "title": "SaaS"}
    backend = build.backend("saas", hosts=(("api.example.com", 443),))
    plan = plan_stack(build.inputs(build.compiled(backends=(backend,))))
    assert set(services(plan)) == {"collector"}
    assert plan.backends[0].kind is Kind.TELEMETRY


def test_a_backend_without_a_blueprint_may_have_any_plugins_name(build: Builder) -> None:
    blueprints = build.located() | {"SaaS": placeholder("SaaS", Kind.TELEMETRY)}
    backend = build.backend("SaaS", exporters={"traces": ("otlp_grpc",)})
    found = required_blueprints(build.compiled(backends=(backend,)), blueprints)
    assert [part.blueprint.name for part in found] == ["collector", "saas"]


def test_several_backends_of_one_kind(build: Builder) -> None:
    traces = build.blueprints["traces"]
    service = traces["services"]["traces"]
    build.blueprints["other"] = {**traces, "name": "other", "services": {"other": service}}
    names = ("traces", "other")
    backends = tuple(build.backend(n, hosts=((n, 4317),)) for n in names)
    given = build.inputs(build.compiled(backends=backends, openlineage_config=None))
    assert set(services(plan_stack(given))) == {"collector", "traces", "other"}
    assert len(set(given.ports.values())) == len(given.ports)


def test_dependencies_wait_for_health_where_it_is_checked(build: Builder) -> None:
    plan = services(plan_stack(build.inputs()))
    assert plan["lineage"]["depends_on"] == {"database": {"condition": "service_healthy"}}


def test_optional_services_run_only_when_asked(build: Builder) -> None:
    assert "lineage-web" not in services(plan_stack(build.inputs()))
    assert "lineage-web" in services(plan_stack(build.inputs(optional=("lineage-web",))))


@pytest.mark.parametrize("name", ["traces", "lineage", "collector", "database"])
def test_every_service_is_confined(build: Builder, name: str) -> None:
    service = services(plan_stack(build.inputs()))[name]
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["read_only"] is True
    assert service["restart"] == "no"


@pytest.mark.parametrize("name", ["traces", "lineage", "collector", "database"])
def test_no_log_grows_for_ever(build: Builder, name: str) -> None:
    kept = services(plan_stack(build.inputs()))[name]["logging"]
    assert kept == {"driver": "json-file", "options": {"max-size": "10m", "max-file": "3"}}


def test_helm_values_set_the_environment_and_the_rest_is_told(build: Builder) -> None:
    helm = {"traces": {"limit": 7, "storage": {"type": "memory"}, "ingress": True}}
    backend = build.backend("traces", helm_values=helm)
    plan = plan_stack(build.inputs(build.compiled(backends=(backend,))))
    assert services(plan)["traces"]["environment"] == {"LIMIT": "7"}
    told = {(change.rule, change.where) for change in plan.changes}
    assert told == {
        ("helm-environment", "traces: traces.limit"),
        ("helm-not-honoured", "traces: traces.ingress"),
    }


def test_a_helm_value_that_cannot_run_locally_is_refused(build: Builder) -> None:
    helm = {"traces": {"storage": {"type": "elasticsearch"}}}
    backend = build.backend("traces", helm_values=helm)
    with pytest.raises(InputError, match=r"traces.storage.type is elasticsearch") as caught:
        plan_stack(build.inputs(build.compiled(backends=(backend,))))
    assert caught.value.code == "helm-value"


def test_a_missing_blueprint_names_who_wants_it(build: Builder) -> None:
    del build.blueprints["database"]
    with pytest.raises(InputError, match=r"blueprint 'lineage' needs 'database'"):
        build.inputs()


def test_two_blueprints_with_one_service_name_are_refused(build: Builder) -> None:
    build.blueprints["database"]["services"] = build.blueprints["traces"]["services"]
    with pytest.raises(InputError, match=r"'traces' and 'database' both have a service 'traces'"):
        build.inputs()


def test_the_plan_survives_its_file(build: Builder) -> None:
    plan = plan_stack(build.inputs())
    assert type(plan).model_validate_json(plan.model_dump_json()) == plan
