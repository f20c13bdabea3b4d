"""What of the caller's machine is let in: by name, in one place."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from floe_local.plan.caller import (
    BASICS,
    ENGINE,
    GO,
    PROXIES,
    for_compose,
    for_plugins,
    for_tools,
    injected_no_proxy,
    is_loopback,
    past_the_proxy,
)
from floe_local.plan.stack.plan import plan_stack
from floe_local.run.compose_cli import taken_by_name

if TYPE_CHECKING:
    from tests.unit.conftest import Builder

MEANT_FOR_OTHERS = [
    "COMPOSE_FILE",
    "COMPOSE_PROJECT_NAME",
    "COMPOSE_PROFILES",
    "COMPOSE_ENV_FILES",
    "COMPOSE_IGNORE_ORPHANS",
    "COMPOSE_REMOVE_ORPHANS",
    "COMPOSE_PARALLEL_LIMIT",
    "COMPOSE_DISABLE_ENV_FILE",
    "COMPOSE_EXPERIMENTAL",
    "DOCKER_DEFAULT_PLATFORM",
    "DOCKER_BUILDKIT",
    "BUILDX_BUILDER",
    "BUILDKIT_HOST",
    "DOCKER_CONTENT_TRUST",
    "FLOE_SECRET_DB",
    "OTEL_EXPORTER_OTLP_ENDPOINT",
    "DOCKER_CLI_OTEL_EXPORTER_OTLP_ENDPOINT",
    "TAR_OPTIONS",
    "GOFLAGS",
    "GOEXPERIMENT",
    "PYTHONWARNINGS",
    "LD_PRELOAD",
]


@pytest.mark.parametrize("name", MEANT_FOR_OTHERS)
def test_what_is_meant_for_other_programs_reaches_none_of_ours(name: str) -> None:
    assert for_compose({name: "x"}) == {}
    assert for_tools({name: "x"}) == {}


@pytest.mark.parametrize("name", sorted(BASICS | PROXIES | {p.upper() for p in PROXIES}))
def test_every_program_is_given_the_basics(name: str) -> None:
    assert for_compose({name: "x"}) == for_tools({name: "x"}) == {name: "x"}


def test_compose_uses_the_engine_that_docker_uses() -> None:
    given = dict.fromkeys(ENGINE, "x")
    assert for_compose(given) == given
    assert for_tools(given) == {}
    assert for_tools(dict.fromkeys(GO, "x")) == dict.fromkeys(GO, "x")


def test_a_service_takes_what_it_names() -> None:
    file = "services: {a: {environment: {KEY: null, OTHER: x}}, b: {image: b}}"
    assert taken_by_name(file) == {"KEY"}
    assert for_compose({"KEY": "1", "OTHER": "2"}, taken_by_name(file)) == {"KEY": "1"}


@pytest.mark.parametrize(
    "name",
    [
        *("OTEL_SERVICE_NAME", "OPENLINEAGE_URL", "PYTHONSTARTUP", "PYTHONWARNINGS"),
        *("PYTHONINSPECT", "PYTHONDEVMODE", "PYTHONOPTIMIZE", "PYTHONPROFILEIMPORTTIME"),
        "PYTHONPATH",
    ],
)
def test_a_plugin_is_not_misled(name: str) -> None:
    assert for_plugins({name: "x"}, ["/a", "", "/b"]) == {"PYTHONPATH": "/a:/b"}


def test_a_plugin_reads_any_other_variable() -> None:
    given = {"ACME_KEY": "1", "PYTHONHOME": "/p", "https_proxy": "p", "HTTP_PROXY": "p"}
    assert for_plugins(given, ["/a"]) == given | {"PYTHONPATH": "/a"}
    assert for_plugins(given, ["/a"], proxies=False) == {
        "ACME_KEY": "1",
        "PYTHONHOME": "/p",
        "NO_PROXY": "*",
        "PYTHONPATH": "/a",
    }


@pytest.mark.parametrize(
    ("host", "itself"),
    [
        ("localhost", True),
        ("127.0.0.1", True),
        ("127.9.9.9", True),
        ("::1", True),
        ("10.0.0.1", False),
        ("build-box", False),
        ("localhost.example", False),
    ],
)
def test_this_machine_is_asked_through_no_proxy(host: str, *, itself: bool) -> None:
    assert is_loopback(host) is itself


UNIX, TCP = "unix:///var/run/docker.sock", "tcp://box:2375"


@pytest.mark.parametrize(
    ("proxies", "injected"),
    [
        (None, None),
        ("text", None),
        ({}, None),
        ({"default": "text"}, None),
        ({"default": {"noProxy": "x"}}, None),
        ({"default": {"httpProxy": "http://p", "noProxy": "x"}}, "x"),
        ({"default": {"allProxy": "http://p"}}, ""),
        ({"default": {"httpsProxy": "http://p", "noProxy": None}}, ""),
        ({UNIX: {"httpProxy": "http://p", "noProxy": "own"}, "default": {}}, "own"),
        ({UNIX: {}, "default": {"httpProxy": "http://p"}}, None),
        ({TCP: {"httpProxy": "http://p"}}, None),
    ],
)
def test_whether_compose_puts_a_proxy_into_containers(proxies: Any, injected: str | None) -> None:
    assert injected_no_proxy({"proxies": proxies}, UNIX) == injected


@given(st.text(), st.lists(st.text()))
def test_both_spellings_of_no_proxy_hold_all_hosts(before: str, hosts: list[str]) -> None:
    made = past_the_proxy(before, hosts)
    assert made["NO_PROXY"] == made["no_proxy"]
    for host in filter(None, map(str.strip, before.split(","))):
        assert host in made["NO_PROXY"].split(",")


def test_containers_with_a_proxy_call_each_other_past_it(build: Builder) -> None:
    plain = plan_stack(build.inputs())
    proxied = plan_stack(build.inputs()._replace(no_proxy="corp.$x"))
    for name, service in proxied.compose["services"].items():
        exceptions = service["environment"]["no_proxy"].split(",")
        assert service["environment"]["NO_PROXY"].split(",") == exceptions
        assert {"corp.$$x", "localhost", "127.0.0.1", *plain.compose["services"]} <= {*exceptions}
        aliases = service["networks"]["default"].get("aliases", [])
        assert {*aliases} <= {*exceptions}
        assert "NO_PROXY" not in plain.compose["services"][name].get("environment", {})


def test_what_a_service_sets_itself_stays(build: Builder) -> None:
    own = build.inputs()._replace(no_proxy="")
    part = own.parts[0]
    services = {
        name: s.model_copy(update={"environment": {"NO_PROXY": "mine"}})
        for name, s in part.blueprint.services.items()
    }
    blueprint = part.blueprint.model_copy(update={"services": services})
    parts = (part.model_copy(update={"blueprint": blueprint}), *own.parts[1:])
    composed = plan_stack(own._replace(parts=parts)).compose["services"]
    assert {composed[name]["environment"]["NO_PROXY"] for name in services} == {"mine"}
