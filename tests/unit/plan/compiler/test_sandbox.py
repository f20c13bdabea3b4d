"""Rule sandbox: only named keys change, and nothing else can be reached."""

from __future__ import annotations

from copy import deepcopy
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from floe_local.errors import InputError
from floe_local.plan.blueprint.model import Blueprint, LocatedBlueprint
from floe_local.plan.blueprint.placement import resolve_placement
from floe_local.plan.compiler.compile import compile_outputs
from floe_local.plan.compiler.sandbox import Filling, with_replaced
from floe_local.plan.manifest.model import LocalSettings, Manifest
from tests.unit.plan.compiler.conftest import egress_of, lineage_output, telemetry_output

if TYPE_CHECKING:
    from pathlib import Path


URL = "http://acme-sandbox:8080"
ROUTES = [{"name": "any", "path": "/v1/{signal}"}]
RECORDER = {
    "blueprint": 1,
    "name": "sandbox",
    "title": "recorder",
    "services": {
        "sandbox": {
            "image": {"recipe": "image"},
            "endpoints": [{"name": "sandbox", "port": 8080}, {"name": "control", "port": 8081}],
        }
    },
}


def saas(kind: str, **sandbox: Any) -> Blueprint:
    accepts = ["lineage"] if kind == "lineage" else ["traces"]
    model = {"blueprint": 1, "name": "acme", "title": "Acme", "kind": kind, "accepts": accepts}
    return Blueprint.model_validate({**model, "sandbox": {"routes": ROUTES, **sandbox}})


def located(blueprint: Blueprint, folder: Path) -> LocatedBlueprint:
    return LocatedBlueprint(blueprint=blueprint, folder=folder, source="a test")


def recorder(folder: Path) -> LocatedBlueprint:
    return located(Blueprint.model_validate(RECORDER), folder)


def compiled(
    blueprint: Blueprint,
    output: Any,
    folder: Path,
    *,
    live: bool = False,
    environment: str = "dev",
    environ: dict[str, str] | None = None,
) -> Any:
    run = resolve_placement(
        {"acme": located(blueprint, folder)}, live=live, recorder=lambda: recorder(folder)
    )
    manifest = Manifest(environment=environment, local=LocalSettings(), root=folder, folder=folder)
    return compile_outputs(manifest, [output], run, environ or {}, egress=egress_of(live=live))


def exporters(config: dict[str, Any], **more: Any) -> Any:
    return telemetry_output({"exporters": config, **more}, name="acme")


def test_only_the_named_keys_change(tmp_path: Path) -> None:
    blueprint = saas(
        "telemetry", exporters={"acme": {"api.key": "dummy", "traces.endpoint": "{sandbox}"}}
    )
    own = {"api": {"key": "${env:ACME_KEY}", "site": "acme.eu"}, "hostname": "here"}
    done = compiled(blueprint, exporters({"acme/x": own}), tmp_path)

    assert done["otlp_collector_config"]["exporters"]["acme/x"] == {
        "api": {"key": "dummy", "site": "acme.eu"},
        "hostname": "here",
        "traces": {"endpoint": URL},
    }
    assert done.secrets == ()
    changes = [c for c in done.provenance if c.rule == "sandbox"]
    assert [(c.before, c.after) for c in changes] == [("${env:ACME_KEY}", "dummy"), (None, URL)]


def test_a_path_is_kept_and_only_where_the_plugin_gave_one(tmp_path: Path) -> None:
    keys = {"endpoint": "{sandbox}{path}", "traces_endpoint": "{sandbox}{path}"}
    blueprint = saas("telemetry", exporters={"otlp_http": keys})
    own = {"traces_endpoint": "https://${env:ZONE}.acme.example/otlp/v1/traces?a=b"}
    done = compiled(blueprint, exporters({"otlp_http": own}), tmp_path)

    exporter = done["otlp_collector_config"]["exporters"]["otlp_http"]
    assert exporter["traces_endpoint"] == f"{URL}/otlp/v1/traces?a=b"
    assert "endpoint" not in exporter


PLAYED = [
    {"name": "t", "path": "/otlp/v1/traces", "signal": "traces"},
    {"name": "l", "path": "/api/lineage", "signal": "lineage"},
]


@pytest.mark.parametrize(
    ("key", "given", "path"),
    [
        ("endpoint", "${env:ACME_OTLP}", "/of/the/value"),
        ("endpoint", "${env:NO:-https://acme.example/of/the/default}", "/of/the/default"),
        ("endpoint", "${env:NO:-${env:ACME_OTLP}}", "/of/the/value"),
        ("endpoint", "${env:NO}", "/otlp"),
        ("traces_endpoint", "${env:NO}", "/otlp/v1/traces"),
        ("traces_endpoint", "${env:ACME_OTLP}/more", "/of/the/value/more"),
        ("endpoint", "${env:ACME_TOLD}", "/x"),
    ],
)
def test_the_path_is_that_of_the_value_else_the_one_that_is_played(
    tmp_path: Path, key: str, given: str, path: str
) -> None:
    blueprint = saas("telemetry", exporters={"otlp_http": {key: "{sandbox}{path}"}}, routes=PLAYED)
    environ = {
        "ACME_OTLP": "https://otlp.acme.example/of/the/value",
        "ACME_TOLD": "https://acme.example/x?api_key=Zq8rT5vLw2nXk7Pd",
    }
    output = exporters({"otlp_http": {key: given}})

    done = compiled(blueprint, output, tmp_path, environ=environ)

    assert done["otlp_collector_config"]["exporters"]["otlp_http"][key] == URL + path


def test_a_lineage_url_by_reference_is_sent_where_lineage_is_played(tmp_path: Path) -> None:
    blueprint = saas("lineage", transport={"url": "{sandbox}{path}"}, routes=PLAYED)
    output = lineage_output({"type": "http", "url": "${env:NO}", "endpoint": ""}, name="acme")
    transport = compiled(blueprint, output, tmp_path)["openlineage_config"]["transport"]
    assert transport["url"] == f"{URL}/api/lineage"


@pytest.mark.parametrize("url", ["https://localhost:8443", "https://${env:ACME_HOST}"])
def test_what_the_sandbox_replaces_is_not_judged_by_what_it_was(url: str, tmp_path: Path) -> None:
    environ = {"ACME_HOST": "localhost:8443"}
    blueprint = saas("lineage", transport={"url": "{sandbox}"}, routes=PLAYED)
    output = lineage_output({"type": "http", "url": url}, name="acme")
    done = compiled(blueprint, output, tmp_path, environ=environ)
    assert done["openlineage_config"]["transport"]["url"] == URL
    with pytest.raises(InputError, match="'localhost' is the container itself"):
        compiled(blueprint, output, tmp_path, environ=environ, live=True)
    unreplaced = saas("lineage", transport={"timeout": 5}, routes=PLAYED)
    with pytest.raises(InputError, match="nothing in it reaches the sandbox"):
        compiled(unreplaced, output, tmp_path, environ=environ)


@pytest.mark.parametrize("text", ["${env:NO:-https://prod.acme.example/x}", "${env:ACME}"])
@pytest.mark.parametrize("live", [True, False])
def test_a_real_address_by_reference_is_for_live(tmp_path: Path, text: str, live: bool) -> None:  # noqa: FBT001 - a parameter of the test
    blueprint = saas("telemetry", exporters={"otlp_http": {"endpoint": "{sandbox}"}})
    own = {"endpoint": "https://acme.example", "proxy_url": text}
    environ = {"ACME": "https://prod.acme.example/x"}
    output = exporters({"otlp_http": own})
    if live:
        assert compiled(blueprint, output, tmp_path, live=True, environ=environ).backends
        return
    with pytest.raises(InputError, match=r"exporters\.otlp_http\.proxy_url") as caught:
        compiled(blueprint, output, tmp_path, environ=environ)
    assert caught.value.code == "sandbox-leak"


def test_extensions_are_replaced_by_type(tmp_path: Path) -> None:
    blueprint = saas(
        "telemetry",
        exporters={"otlp_http": {"endpoint": "{sandbox}{path}"}},
        extensions={"basicauth": {"client_auth.password": "dummy"}},
    )
    auth = {"client_auth": {"username": "1", "password": "${env:TOKEN}"}}
    own = {"endpoint": "https://acme.example", "auth": {"authenticator": "basicauth/acme"}}
    output = exporters({"otlp_http": own}, extensions={"basicauth/acme": auth})
    config = compiled(blueprint, output, tmp_path)["otlp_collector_config"]

    assert config["extensions"]["basicauth/acme"]["client_auth"] == {
        "username": "1",
        "password": "dummy",
    }


def test_references_to_a_dummys_variable_become_the_dummy(tmp_path: Path) -> None:
    environment = {"ACME_REGION": "nowhere-1"}
    blueprint = saas(
        "telemetry", exporters={"acme": {"endpoint": "{sandbox}"}}, environment=environment
    )
    own = {"region": "${env:ACME_REGION}", "zone": "x-${env:ACME_REGION}-${env:OTHER}"}
    done = compiled(blueprint, exporters({"acme": own}), tmp_path)

    exporter = done["otlp_collector_config"]["exporters"]["acme"]
    assert (exporter["region"], exporter["zone"]) == ("nowhere-1", "x-nowhere-1-${env:OTHER}")
    assert done.secrets == ("OTHER",)


def test_live_changes_nothing(tmp_path: Path) -> None:
    blueprint = saas("telemetry", exporters={"acme": {"api.key": "dummy"}})
    own = {"api": {"key": "${env:ACME_KEY}"}}
    done = compiled(blueprint, exporters({"acme": own}), tmp_path, live=True)

    assert done["otlp_collector_config"]["exporters"]["acme"] == own
    assert done.secrets == ("ACME_KEY",)


@pytest.mark.parametrize(
    ("config", "place"),
    [
        (
            {"acme": {"logs": {"endpoint": "https://logs.acme.example"}}},
            "exporters.acme.logs.endpoint",
        ),
        ({"acme": {"endpoint": "intake.acme.example:443"}}, "exporters.acme.endpoint"),
        ({"acme": {"endpoint": "${env:ACME_URL}"}}, "exporters.acme.endpoint"),
        ({"acme": {"proxies": ["http://proxy.example"]}}, "exporters.acme.proxies.0"),
        ({"other": {"brokers": "x"}}, "exporters.other"),
    ],
)
def test_what_would_reach_another_address_is_refused(
    tmp_path: Path, config: dict[str, Any], place: str
) -> None:
    blueprint = saas("telemetry", exporters={"acme": {"traces.endpoint": "{sandbox}"}})
    with pytest.raises(InputError) as caught:
        compiled(blueprint, exporters(config), tmp_path)
    assert caught.value.code in {"sandbox-leak", "plain-text"}
    assert place in caught.value.reason
    assert "floe-telemetry-acme 1.2.3" in caught.value.reason


ELSEWHERE = "https://api.acme.example"


@pytest.mark.parametrize(
    ("wanted", "output", "place"),
    [
        (
            {"exporters": {"acme": {"hostname": "x"}}},
            {"exporters": {"acme": {"api": {"key": "${env:ACME_KEY}"}}}},
            "exporters.acme: nothing in it reaches the sandbox",
        ),
        (
            {"exporters": {"acme": {"spans": True}}},
            {"exporters": {"acme": {"connection_string": f"Key=x;Endpoint={ELSEWHERE}/"}}},
            "exporters.acme.connection_string",
        ),
        (
            {"exporters": {"acme": {"endpoint": "{sandbox}"}}},
            {"exporters": {"acme": {"api": "api.acme.example:443"}}},
            "exporters.acme.api",
        ),
        (
            {"exporters": {"acme": {"endpoint": "{sandbox}"}}},
            {"exporters": {"acme": {}}, "processors": {"lookup": {"from": f"{ELSEWHERE}/?k=x"}}},
            "processors.lookup.from",
        ),
        (
            {"exporters": {"acme": {"endpoint": "{sandbox}"}}},
            {"exporters": {"acme": {}}, "receivers": {"scrape": {"targets": ["x.example:443"]}}},
            "receivers.scrape.targets.0",
        ),
        (
            {"transport": {"url": "{sandbox}{path}"}},
            {"type": "kafka", "config": {"acks": "all"}},
            "transport: nothing in it reaches the sandbox",
        ),
        (
            {"transport": {"url": "{sandbox}"}},
            {"type": "kafka", "config": {"bootstrap.servers": "k.acme.example:9092"}},
            "bootstrap.servers",
        ),
    ],
)
def test_nothing_is_left_that_reaches_the_real_backend(
    tmp_path: Path, wanted: dict[str, Any], output: dict[str, Any], place: str
) -> None:
    lineage = "type" in output
    pipeline = {
        "receivers": [*output.get("receivers", {}), "otlp"],
        "processors": [*output.get("processors", {})],
        "exporters": ["acme"],
    }
    config = {**output, "service": {"pipelines": {"traces": pipeline}}}
    made = (
        lineage_output(output, name="acme")
        if lineage
        else exporters(config.pop("exporters"), **config)
    )
    with pytest.raises(InputError) as caught:
        compiled(saas("lineage" if lineage else "telemetry", **wanted), made, tmp_path)
    assert caught.value.code == "sandbox-leak"
    assert place in caught.value.reason


def test_a_credential_that_the_blueprint_does_not_name_becomes_a_dummy(tmp_path: Path) -> None:
    blueprint = saas("telemetry", exporters={"acme": {"endpoint": "{sandbox}"}})
    headers = {
        "api-key": "Key ${env:ACME_API_KEY}",
        "x-secret": "${env:ACME}",
        "zone": "${env:Z}",
    }
    done = compiled(blueprint, exporters({"acme": {"headers": headers}}), tmp_path)

    assert done["otlp_collector_config"]["exporters"]["acme"]["headers"] == {
        "api-key": "Key floe-local-sandbox",
        "x-secret": "floe-local-sandbox",
        "zone": "${env:Z}",
    }
    assert done.secrets == ("Z",)
    told = [(c.where, c.before) for c in done.provenance if c.rule == "sandbox-dummy"]
    assert [before for _, before in told] == ["Key ${env:ACME_API_KEY}", "${env:ACME}"]
    assert told[0][0].endswith("exporters.acme.headers.api-key")


def test_the_dummy_is_the_credential_that_the_recorder_wants(tmp_path: Path) -> None:
    wants = {"kind": "bearer", "value": "a-dummy"}
    blueprint = saas("lineage", transport={"url": "{sandbox}{path}"}, credential=wants)
    auth = {"type": "api_key", "apiKey": "${env:ACME_KEY}"}
    transport = {"type": "http", "url": ELSEWHERE, "auth": auth}
    done = compiled(blueprint, lineage_output(transport, name="acme"), tmp_path)

    assert done["openlineage_config"]["transport"]["auth"]["apiKey"] == "a-dummy"
    assert done.secrets == ()


def test_a_transport_keeps_its_path_and_a_moved_one_is_mended(tmp_path: Path) -> None:
    blueprint = saas("lineage", transport={"url": "{sandbox}{path}", "auth.apiKey": "dummy"})
    moved = {"path": "old/event", "to": "new/api/v1/lineage", "why": "it moved"}
    blueprint = Blueprint.model_validate({**blueprint.model_dump(by_alias=True), "moved": [moved]})
    transport = {
        "type": "http",
        "url": "https://t.acme.example/old/event",
        "auth": {"type": "api_key", "api_key": "${env:ACME_KEY}"},
    }
    done = compiled(blueprint, lineage_output(transport, name="acme"), tmp_path)

    after = done["openlineage_config"]["transport"]
    assert after["url"].rstrip("/") == URL
    assert after["endpoint"] == "new/api/v1/lineage"
    assert after["auth"] == {"type": "api_key", "apiKey": "dummy"}
    levels = {c.rule: c.level for c in done.provenance}
    assert levels["retired-path"] == "warning"


def test_each_part_of_a_composite_is_a_backend_of_its_own(tmp_path: Path) -> None:
    saas_part = saas("lineage", transport={"endpointOverride": "{sandbox}"})
    both = Blueprint.model_validate(
        {
            "blueprint": 1,
            "name": "both",
            "title": "Both",
            "kind": "lineage",
            "transports": {"own": "plain", "saas": "acme"},
        }
    )
    blueprints = resolve_placement(
        {b.name: located(b, tmp_path) for b in (both, saas_part)},
        live=False,
        recorder=lambda: recorder(tmp_path),
    )
    plain = {"type": "http", "url": "http://plain:5000"}
    children = {"own": plain, "saas": {"type": "acme.Api", "domainId": "d"}}
    output = lineage_output({"type": "composite", "transports": children}, name="both")
    manifest = Manifest(environment="dev", local=LocalSettings(), root=tmp_path, folder=tmp_path)
    done = compile_outputs(manifest, [output], blueprints, {})

    assert [(b.name, b.blueprint.name) for b in done.backends] == [
        ("both.own", "plain"),
        ("both.saas", "acme"),
    ]
    transports = done["openlineage_config"]["transport"]["transports"]
    assert transports["both.saas"]["endpointOverride"] == URL
    assert done.backends[1].hosts == (("acme-sandbox", 8080),)

    del children["saas"]
    with pytest.raises(InputError, match="expects a composite of own, saas"):
        compile_outputs(manifest, [output], blueprints, {})


@pytest.mark.parametrize("host", ["t.acme.example", "93.184.216.34"])
@pytest.mark.parametrize("environment", ["prod", "staging", "local"])
def test_plain_text_to_elsewhere_is_refused(tmp_path: Path, environment: str, host: str) -> None:
    blueprint = saas("lineage", transport={"url": "{sandbox}{path}"})
    output = lineage_output({"type": "http", "url": f"http://{host}/x"}, name="acme")
    with pytest.raises(InputError) as caught:
        compiled(blueprint, output, tmp_path, environment=environment)
    assert caught.value.code == "plain-text"
    assert f"transport.url: no TLS, in environment '{environment}'" in caught.value.reason


@pytest.mark.parametrize(
    "host", ["catalog:8585", "catalog.data.svc:8585", "catalog.internal", "10.1.2.3"]
)
def test_plain_text_inside_a_private_network_is_fine(tmp_path: Path, host: str) -> None:
    blueprint = saas("lineage", transport={"url": "{sandbox}{path}"})
    output = lineage_output({"type": "http", "url": f"http://{host}/x"}, name="acme")
    done = compiled(blueprint, output, tmp_path, environment="prod")
    assert done["openlineage_config"]["transport"]["url"] == URL


@pytest.mark.parametrize(
    ("exporter", "field"),
    [
        ({"endpoint": "t:4317", "tls": {"insecure": True}}, "tls.insecure"),
        ({"endpoint": "t:4317", "tls": {"insecure": "true"}}, "tls.insecure"),
        ({"endpoint": "t:4317", "tls": {"insecure": 1}}, "tls.insecure"),
        ({"endpoint": "t:4317", "tls": {"insecure": "${env:X:-true}"}}, "tls.insecure"),
        ({"endpoint": "t:4317", "tls": {"insecure": "${env:X}"}}, "tls.insecure"),
        ({"endpoint": "http://t:4317"}, "endpoint"),
        ({"endpoint": "http://${env:H}:4317"}, "endpoint"),
        ({"endpoint": "${env:URL:-http://t:4317}"}, "endpoint"),
        ({"endpoints": ["http://jaeger:4317"]}, r"endpoints\.0"),
        ({"ingest_url": "http://t:4317/"}, "ingest_url"),
    ],
)
def test_tls_off_is_refused_outside_of_a_local_environment(
    blueprints: dict[str, LocatedBlueprint], tmp_path: Path, exporter: dict[str, Any], field: str
) -> None:
    output = telemetry_output({"exporters": {"otlp_grpc": exporter}})
    for environment in ("local", "dev"):
        local = Manifest(
            environment=environment, local=LocalSettings(), root=tmp_path, folder=tmp_path
        )
        assert compile_outputs(local, [output], blueprints, {}).backends
    prod = Manifest(environment="prod", local=LocalSettings(), root=tmp_path, folder=tmp_path)
    with pytest.raises(InputError, match=rf"exporters\.otlp_grpc\.{field}: no TLS"):
        compile_outputs(prod, [output], blueprints, {})
    for off in (False, "false", "${env:X:-false}"):
        tls = {"insecure": off}
        safe = telemetry_output({"exporters": {"otlp_grpc": {"endpoint": "t:4317", "tls": tls}}})
        assert compile_outputs(prod, [safe], blueprints, {}).backends


def lineage_to(url: str, environment: str, folder: Path) -> Any:
    local = LocalSettings()
    manifest = Manifest(environment=environment, local=local, root=folder, folder=folder)
    return compile_outputs(manifest, [lineage_output({"type": "http", "url": url})], {}, {})


@pytest.mark.parametrize("url", ["http://${env:H}/api/v1/lineage", "${env:U:-http://acme.example}"])
def test_plain_text_to_a_host_by_reference_is_for_local_environments(
    tmp_path: Path, url: str
) -> None:
    assert lineage_to(url, "local", tmp_path).backends
    with pytest.raises(InputError, match=r"transport\.url: no TLS"):
        lineage_to(url, "prod", tmp_path)


@pytest.mark.parametrize("url", ["https://${env:H}", "${env:URL}", "http://${env:H}.data.svc:5000"])
def test_a_host_by_reference_is_fine_where_it_is_not_plain_text(tmp_path: Path, url: str) -> None:
    assert lineage_to(url, "prod", tmp_path).backends


KEYS = st.sampled_from(["a", "b", "endpoint"])
TREES = st.recursive(
    st.text(max_size=5) | st.integers(),
    lambda t: st.dictionaries(KEYS, t, max_size=3),
    max_leaves=6,
)


@given(st.dictionaries(KEYS, TREES, max_size=3), st.lists(KEYS, min_size=1, max_size=3))
def test_replacing_touches_nothing_else(config: dict[str, Any], steps: list[str]) -> None:
    before = deepcopy(config)
    after, (told,) = with_replaced(config, {".".join(steps): "new {sandbox}"}, Filling(URL))
    assert config == before

    found: Any = after
    for step in steps:
        found = found[step]
    assert found == told.after == f"new {URL}"
    untouched = {k: v for k, v in after.items() if k != steps[0]}
    assert untouched == {k: v for k, v in before.items() if k != steps[0]}
