"""What a smoke test can ask: a second credential that is not set leaves a read-back out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from floe_local.operations.targets import targets_of, with_base_url, without_unset_probes
from floe_local.plan.blueprint.lookup import find_blueprint
from floe_local.plan.blueprint.model import Cleanup, Expectation, Probe, Request
from floe_local.plan.blueprint.placement import resolve_placement
from floe_local.plan.compiler.compile import compile_outputs
from floe_local.plan.compiler.transport import single_transports
from floe_local.plan.manifest.model import Manifest
from floe_local.plan.plugins.output import PluginOutput
from floe_local.plan.stack.model import StackIdentity, StackPlan
from floe_local.plan.values import Kind, Placement, Signal
from tests.backends import backend_of, target_of

if TYPE_CHECKING:
    from floe_local.prove.targets import BackendTarget

API = "https://api.${env:ACME_SITE:-acme.example}"
KEYS = {"A-Key": "${env:ACME_KEY}", "A-Second-Key": "${env:ACME_READ_KEY}"}
BOTH = {"ACME_KEY": "first", "ACME_READ_KEY": "second"}


def asking(headers: dict[str, str], endpoint: str = "api") -> Request:
    return Request(endpoint=endpoint, path="/", headers=headers)


def probe(headers: dict[str, str], endpoint: str = "api") -> Probe:
    expected = Expectation(field="f", query="a", equals=1)
    return Probe(name="p", each="trace", request=asking(headers, endpoint), expect=(expected,))


def target(
    readback: dict[Signal, tuple[Probe, ...]], cleanup: tuple[Cleanup, ...] = ()
) -> BackendTarget:
    return target_of(
        "acme",
        Kind.TELEMETRY,
        accepts=tuple(readback),
        endpoints={"api": API, "tenant": "https://${env:ACME_TENANT}.acme.example"},
        readback=readback,
        cleanup=cleanup,
    )


def test_what_is_set_is_read_back() -> None:
    whole = target({Signal.TRACES: (probe(KEYS),)})
    assert without_unset_probes(whole, BOTH) == whole


@pytest.mark.parametrize(
    ("environ", "missing"),
    [
        ({}, ("ACME_KEY", "ACME_READ_KEY")),
        ({"ACME_KEY": "first"}, ("ACME_READ_KEY",)),
        ({**BOTH, "ACME_READ_KEY": ""}, ("ACME_READ_KEY",)),
    ],
)
def test_what_is_not_set_is_named_and_not_asked(
    environ: dict[str, str], missing: tuple[str, ...]
) -> None:
    left = without_unset_probes(target({Signal.TRACES: (probe(KEYS),)}), environ)
    assert left.readback == {}
    assert left.unset == {Signal.TRACES: missing}
    assert left.accepts == (Signal.TRACES,)


def test_an_address_needs_its_variables_too() -> None:
    left = without_unset_probes(target({Signal.TRACES: (probe({}, "tenant"),)}), {})
    assert left.unset == {Signal.TRACES: ("ACME_TENANT",)}


def test_a_signal_is_read_back_whole_or_not_at_all() -> None:
    probes = {Signal.TRACES: (probe({}), probe(KEYS)), Signal.LOGS: (probe({}),)}
    left = without_unset_probes(target(probes), {})
    assert set(left.readback) == {Signal.LOGS}
    assert set(left.unset) == {Signal.TRACES}


def test_what_cannot_be_removed_is_not_tried() -> None:
    rule = Cleanup(each="run", request=asking(KEYS), verify=asking({}))
    plain = Cleanup(each="job", request=asking({}), verify=asking({}))
    left = without_unset_probes(target({}, (rule, plain)), {"ACME_KEY": "first"})
    assert left.cleanup == (plain,)
    assert without_unset_probes(target({}, (rule, plain)), BOTH).cleanup == (rule, plain)


def live_datadog(environ: dict[str, str]) -> BackendTarget:
    located = find_blueprint("datadog")
    assert located is not None
    backend = backend_of(
        "datadog",
        blueprint=located.blueprint,
        placement=Placement.ELSEWHERE,
        exporters={Signal.TRACES: ("datadog",)},
    )
    identity = StackIdentity(name="a", project="a-1", folder="/a")
    plan = StackPlan(identity=identity, compose={}, live=True, backends=(backend,))
    (found,) = targets_of(plan, environ).backends
    return found


def test_a_shipped_backend_is_read_back_where_its_second_credential_is_set() -> None:
    keys = {"DD_API_KEY": "first"}
    assert live_datadog(keys).unset == {Signal.TRACES: ("DD_APP_KEY",)}
    assert live_datadog(keys).readback == {}
    assert set(live_datadog(keys | {"DD_APP_KEY": "second"}).readback) == {Signal.TRACES}


@pytest.mark.parametrize(
    "url", ["http://marquez:5000", "${env:NO:-http://marquez:5000}", "${env:NOT_SET_HERE}"]
)
@pytest.mark.parametrize("nesting", ["plain", "transform", "composite"])
def test_an_address_that_is_given_wins_over_the_plugins(url: str, nesting: str) -> None:
    transport: dict[str, Any] = {"type": "http", "url": url}
    if nesting == "transform":
        transport = {"type": nesting, "transport": transport, "transformer_class": "acme.T"}
    if nesting == "composite":
        transport = {"type": nesting, "transports": [transport, {"type": "console"}]}
    blueprint = find_blueprint("marquez")
    assert blueprint is not None
    output = PluginOutput(kind="lineage", name="marquez", transport=transport)
    placed = resolve_placement({"marquez": blueprint}, live=False)
    compiled = compile_outputs(Manifest(), [output], placed, {})
    (backend,) = compiled.backends

    moved = with_base_url(backend, "https://lineage.example/base/")

    assert [one["url"] for one in single_transports(moved) if "url" in one] == [
        "https://lineage.example/base"
    ]


@pytest.mark.parametrize(
    ("plan", "unserved"),
    [
        ({}, {}),
        ({"otlp_protocol": "http/protobuf"}, {"otlp-grpc": "pipelines send http/protobuf"}),
        ({"kind": "kafka"}, {"http-post": "OPENLINEAGE_URL is left out"}),
        ({"kind": "amazon_datazone_api"}, {"http-post": "OPENLINEAGE_URL is left out"}),
        (
            {"kind": "amazon_datazone_api", "live": True},
            {"http-post": "OPENLINEAGE_URL is left out", "openlineage-python": "reads credentials"},
        ),
    ],
)
def test_which_client_no_variable_serves_is_known(
    plan: dict[str, Any], unserved: dict[str, str]
) -> None:
    settings = {name: value for name, value in plan.items() if name != "kind"}
    transport = {
        "type": plan.get("kind", "http"),
        "url": "http://127.0.0.1:1",
        "endpoint": "api/v1/lineage",
    }
    identity = StackIdentity(name="s", project="s", folder="/f")
    whole = StackPlan(
        identity=identity, compose={}, openlineage_config={"transport": transport}, **settings
    )
    pipeline = targets_of(whole, {}).pipeline
    assert pipeline is not None
    assert set(pipeline.unserved) == set(unserved)
    assert all(reason in pipeline.unserved[name] for name, reason in unserved.items())
    assert pipeline.variables["NO_PROXY"]
