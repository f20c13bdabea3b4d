"""Rules see the value behind a reference: as the literal, whatever the way it is written."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from floe_local.errors import InputError
from floe_local.plan.compiler.compile import compile_outputs
from floe_local.plan.env_refs import expanded
from floe_local.plan.manifest.model import LocalSettings, Manifest
from floe_local.plan.values import Egress
from tests.unit.plan.compiler.conftest import egress_of, lineage_output, telemetry_output
from tests.unit.plan.compiler.reading import exporter_of, rules_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from floe_local.plan.artifacts import Compiled
    from floe_local.plan.blueprint.model import LocatedBlueprint

SET = "SET_VARIABLE"
WAYS: dict[str, tuple[str, bool]] = {
    "the literal": ("{}", False),
    "a default": ("${{env:NO:-{}}}", False),
    "a default in a default": ("${{env:NO:-${{env:NOR:-{}}}}}", False),
    "a variable": (f"${{{{env:{SET}}}}}", True),
    "a variable without its scheme": (f"${{{{{SET}}}}}", True),
    "a variable that wins over its default": (f"${{{{env:{SET}:-https://prod.example:1}}}}", True),
    "a variable in a default": (f"${{{{env:NO:-${{{{env:{SET}}}}}}}}}", True),
}


def written(way: str, literal: str) -> tuple[str, dict[str, str]]:
    """A literal in one of the ways to write it, and the variables that are set."""
    template, is_set = WAYS[way]
    return template.format(literal), {SET: literal} if is_set else {}


@pytest.fixture
def compile_with(
    blueprints: dict[str, LocatedBlueprint], manifest: Callable[..., Manifest]
) -> Callable[..., Compiled]:
    def run(value: dict[str, Any], environ: Mapping[str, str], **more: Any) -> Compiled:
        make = lineage_output if "type" in value else telemetry_output
        return compile_outputs(manifest(), (make(value),), blueprints, environ, **more)

    return run


ENDPOINTS = [
    *("localhost:4317", "jaeger:4317", "jaeger-collector:14250", "https://jaeger:4317"),
    *("127.0.0.1:1", "10.1.2.3:4317", "otel-collector:4317", "http://[::1]:4317"),
]


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("endpoint", ENDPOINTS)
@pytest.mark.parametrize("kind", ["otlp_grpc", "jaeger", "otlp_http"])
def test_an_endpoint_by_reference_is_as_the_literal(
    way: str, endpoint: str, kind: str, compile_with: Callable[..., Compiled]
) -> None:
    def config(text: str) -> dict[str, Any]:
        return {"exporters": {kind: {"endpoint": text}}}

    text, environ = written(way, endpoint)

    literal = compile_with(config(endpoint), {})
    by_reference = compile_with(config(text), environ)

    assert (
        expanded(by_reference["otlp_collector_config"], environ) == literal["otlp_collector_config"]
    )
    assert by_reference.backends[0].hosts == literal.backends[0].hosts
    assert rules_of(by_reference) == rules_of(literal)


def test_a_reference_that_no_rule_must_change_stays(compile_with: Callable[..., Compiled]) -> None:
    endpoint = "${env:NO:-jaeger:4317}"
    config = {"exporters": {"otlp_grpc": {"endpoint": endpoint, "tls": {"insecure": True}}}}

    compiled = compile_with(config, {})

    assert exporter_of(compiled)["endpoint"] == endpoint
    assert compiled.backends[0].hosts == (("jaeger", 4317),)
    assert compiled.secrets == ("NO",)


def test_an_endpoint_whose_variable_is_empty_is_refused(
    compile_with: Callable[..., Compiled],
) -> None:
    config = {"exporters": {"otlp_grpc": {"endpoint": "${env:ACME:-jaeger:4317}"}}}
    with pytest.raises(InputError, match=r"otlp_grpc\.endpoint: is empty, as the variable ACME is"):
        compile_with(config, {"ACME": ""})


def test_the_value_of_a_variable_that_holds_a_credential_is_not_written(
    compile_with: Callable[..., Compiled],
) -> None:
    config = {"exporters": {"otlp_http": {"endpoint": "${env:ACME}"}}}
    value = "https://user:Zq8rT5vLw2nXk7Pd@localhost:4318"
    with pytest.raises(InputError, match="ACME holds a credential") as caught:
        compile_with(config, {"ACME": value})
    assert "Zq8" not in caught.value.reason


URLS = [
    *("http://marquez:5000", "http://localhost:5000/api/v1/lineage", "http://marquez:9000/"),
    *("https://marquez/api/v1/lineage", "http://other:5000/x", "http://otel-collector:5000"),
]


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("url", URLS)
@pytest.mark.parametrize("nesting", ["{}", "transform", "composite", "transform in composite"])
def test_a_url_by_reference_is_as_the_literal_however_deep(
    way: str, url: str, nesting: str, compile_with: Callable[..., Compiled]
) -> None:
    text, environ = written(way, url)

    literal = compile_with(nested_in(nesting, {"type": "http", "url": url}), {})
    by_reference = compile_with(nested_in(nesting, {"type": "http", "url": text}), environ)

    assert by_reference["openlineage_config"] == literal["openlineage_config"]
    assert by_reference.backends[0].hosts == literal.backends[0].hosts
    assert rules_of(by_reference) - rules_of(literal) <= {"reference-to-the-stack"}
    assert "localhost" not in str(literal["openlineage_config"])


def nested_in(nesting: str, transport: dict[str, Any]) -> dict[str, Any]:
    if "transform" in nesting:
        transport = {"type": "transform", "transport": transport, "transformer_class": "acme.T"}
    if "composite" in nesting:
        transport = {"type": "composite", "transports": {"one": transport}}
    return transport


def test_the_collectors_own_name_is_no_lineage_backend(
    compile_with: Callable[..., Compiled],
) -> None:
    compiled = compile_with({"type": "http", "url": "http://otel-collector:5000"}, {})
    assert compiled.backends[0].hosts == (("marquez", 5000),)


PROD = "https://otlp.prod.acme.example:8443"
LEAKS: dict[str, dict[str, Any]] = {
    "another exporter": {"exporters": {"otlp_grpc": {"endpoint": "jaeger:4317"}, "x": {"url": ""}}},
    "an extension": {
        "exporters": {"otlp_grpc": {"endpoint": "jaeger:4317"}},
        "extensions": {"oauth2client": {"token_url": ""}},
    },
    "a transport's issuer": {
        "type": "http",
        "url": "http://marquez:5000",
        "auth": {"type": "jwt", "apiKey": "${env:K}", "tokenEndpoint": ""},
    },
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("case", LEAKS)
def test_an_address_outside_by_reference_is_a_leak(
    way: str, case: str, compile_with: Callable[..., Compiled]
) -> None:
    text, environ = written(way, PROD)

    with pytest.raises(InputError) as caught:
        compile_with(_filled(LEAKS[case], text), environ)

    assert caught.value.code == "sandbox-leak"


def _filled(value: Any, text: str) -> Any:
    if isinstance(value, dict):
        return {key: _filled(item, text) for key, item in value.items()}
    return text if value == "" else value


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("environment", ["prod", "local"])
def test_the_production_rules_see_values(
    way: str, environment: str, blueprints: dict[str, LocatedBlueprint]
) -> None:
    text, environ = written(way, "http://t:4317")
    output = telemetry_output({"exporters": {"otlp_grpc": {"endpoint": text}}})
    where = Manifest(environment=environment, local=LocalSettings())
    if environment == "local":
        assert compile_outputs(where, [output], blueprints, environ).backends
        return
    with pytest.raises(InputError, match="no TLS"):
        compile_outputs(where, [output], blueprints, environ)


def test_the_production_rules_look_at_the_default_too(
    blueprints: dict[str, LocatedBlueprint],
) -> None:
    tls = {"insecure": "${env:ACME:-true}"}
    output = telemetry_output({"exporters": {"otlp_grpc": {"endpoint": "t:1", "tls": tls}}})
    prod = Manifest(environment="prod", local=LocalSettings())
    with pytest.raises(InputError, match=r"tls\.insecure: no TLS"):
        compile_outputs(prod, [output], blueprints, {"ACME": "false"})


@pytest.mark.parametrize("way", WAYS)
def test_an_authenticator_by_reference_is_looked_up(
    way: str, compile_with: Callable[..., Compiled]
) -> None:
    text, environ = written(way, "basicauth")
    auth = {"authenticator": text}
    config = {"exporters": {"otlp_grpc": {"endpoint": "jaeger:4317", "auth": auth}}}
    with pytest.raises(InputError, match=r"auth\.authenticator: 'basicauth' is not defined"):
        compile_with(config, environ)


def test_an_extension_that_is_renamed_keeps_its_references(
    blueprints: dict[str, LocatedBlueprint], manifest: Callable[..., Manifest]
) -> None:
    client = {"client_auth": {"username": "${env:U}", "password": "${env:P}"}}
    auth = {"authenticator": "${env:NO:-basicauth}"}
    exporters = {"otlp_grpc": {"endpoint": "h:4317", "auth": auth}}
    config = {"extensions": {"basicauth": client}, "exporters": exporters}
    outputs = [telemetry_output(config, name) for name in ("a", "b")]

    config = compile_outputs(manifest(), outputs, blueprints, {}, egress=Egress.ANYWHERE)[
        "otlp_collector_config"
    ]

    assert config["exporters"]["otlp_grpc/b"]["auth"] == {"authenticator": "basicauth/b"}


@pytest.mark.parametrize(
    ("strategy", "expected"),
    [
        ({"strategy": "custom", "namespace": "${env:NS:-team-a}"}, "team-a"),
        ({"strategy": "custom", "namespace": "${env:SET_NS:-team-a}"}, "team-b"),
        ({"strategy": "custom", "namespace": "x-${SET_NS}"}, "x-team-b"),
        ({"strategy": "backend_managed", "namespace": "${env:NS:-${env:SET_NS}}"}, "team-b"),
        ({"strategy": "environment_based", "template": "${SET_NS}-{environment}"}, "team-b-local"),
        ({"strategy": "centralized", "platform": "${env:SET_NS}"}, "local.team-b"),
    ],
)
def test_a_namespace_by_reference_is_resolved(
    strategy: dict[str, Any], expected: str, manifest: Callable[..., Manifest]
) -> None:
    output = lineage_output({"type": "console"}, strategy)
    compiled = compile_outputs(
        manifest(), [output], {}, {"SET_NS": "team-b"}, egress=Egress.ANYWHERE
    )
    assert compiled.namespace == expected


def test_a_namespace_without_its_variable_is_refused(manifest: Callable[..., Manifest]) -> None:
    output = lineage_output({"type": "console"}, {"strategy": "custom", "namespace": "${env:NS}"})
    with pytest.raises(InputError, match="namespace_strategy: variable NS is not set") as caught:
        compile_outputs(manifest(), [output], {}, {}, egress=Egress.ANYWHERE)
    assert caught.value.code == "variable-unset"


hosts = st.from_regex(r"[a-z]{1,6}(\.[a-z]{2,6}){0,2}", fullmatch=True)
addresses = st.builds(
    "{}{}{}".format,
    st.sampled_from(["", "http://", "https://"]),
    hosts | st.sampled_from(["localhost", "127.0.0.1", "[::]", "10.0.0.1", "[::1]"]),
    st.sampled_from(["", ":4317", ":4318", ":14250", ":9411", ":4317/x", "/otlp"]),
)


@given(endpoint=addresses, way=st.sampled_from(sorted(WAYS)), live=st.booleans())
def test_any_endpoint_by_reference_is_as_the_literal(
    *, endpoint: str, way: str, live: bool, blueprints: dict[str, LocatedBlueprint]
) -> None:
    text, environ = written(way, endpoint)
    outcomes = []
    for given_text, variables in ((endpoint, {}), (text, environ)):
        exporters = {"otlp_http": {"endpoint": given_text}, "x": {"url": given_text}}
        output = telemetry_output({"exporters": exporters})
        where = Manifest(local=LocalSettings())
        try:
            done = compile_outputs(
                where, [output], blueprints, variables, egress=egress_of(live=live)
            )
        except InputError as error:
            outcomes.append((error.code, error.reason))
        else:
            config = expanded(done["otlp_collector_config"], variables)
            outcomes.append((str(done.backends[0].hosts), str(config)))

    assert outcomes[0] == outcomes[1]


def test_a_default_without_its_scheme_gets_one(compile_with: Callable[..., Compiled]) -> None:
    text = "${ACME:-${NOR:-jaeger}:4317}"
    exporter = {"endpoint": text, "tls": {"insecure": True}}
    compiled = compile_with({"exporters": {"otlp_grpc": exporter}}, {})
    assert exporter_of(compiled)["endpoint"] == "${env:ACME:-${env:NOR:-jaeger}:4317}"
    assert compiled.backends[0].hosts == (("jaeger", 4317),)
    assert "reference-scheme" in rules_of(compiled)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("${vault:x}", "has no scheme 'vault'"),
        ("${1}", "is not a variable name"),
        ("${env:A:-x$y}", r"takes no '\$'"),
        ("${https://prod.example/config}", "fetch it from outside"),
    ],
)
def test_a_reference_that_the_collector_refuses_is_an_error(
    text: str, why: str, compile_with: Callable[..., Compiled]
) -> None:
    actions = {"actions": [{"key": "a", "action": "insert", "value": text}]}
    pipeline = {"receivers": ["otlp"], "processors": ["attributes"], "exporters": ["otlp_grpc"]}
    config = {
        "exporters": {"otlp_grpc": {"endpoint": "jaeger:4317"}},
        "processors": {"attributes": actions},
        "service": {"pipelines": {"traces": pipeline}},
    }
    with pytest.raises(InputError, match=why) as caught:
        compile_with(config, {})
    assert "processors.attributes.actions[0].value" in caught.value.reason
