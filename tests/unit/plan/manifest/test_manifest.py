from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import yaml

from floe_local.errors import InputError
from floe_local.plan.manifest.reader import check_variables, load_manifest

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from floe_local.plan.manifest.model import Manifest

PAIR = "plugins: {telemetry_backend: jaeger, lineage_backend: marquez}\n"


@pytest.fixture
def read(tmp_path: Path) -> Callable[..., Manifest]:
    """Write a manifest and load it."""

    def run(text: str | bytes, **environ: str) -> Manifest:
        raw = text.encode() if isinstance(text, str) else text
        (tmp_path / "manifest.yaml").write_bytes(raw)
        return load_manifest(root=tmp_path, environ=environ)

    return run


@pytest.fixture
def refusal(read: Callable[..., Manifest]) -> Callable[..., InputError]:
    """Load a manifest that must be refused."""

    def run(text: str | bytes) -> InputError:
        with pytest.raises(InputError) as caught:
            read(text)
        return caught.value

    return run


def test_the_adrs_manifest(read: Callable[..., Manifest]) -> None:
    manifest = read(PAIR)

    assert [(b.kind, b.name, b.where) for b in manifest.backends] == [
        ("telemetry", "jaeger", "manifest.yaml:1"),
        ("lineage", "marquez", "manifest.yaml:1"),
    ]
    assert manifest.environment == "local"
    assert not manifest.warnings


def test_manifests_in_the_wild(read: Callable[..., Manifest]) -> None:
    manifest = read(
        """
apiVersion: floe.dev/v1
kind: Manifest
metadata: {name: shop, version: 1.0.0, owner: a@example.com}
region: eu
plugins:
  compute: {type: duckdb}
  quality: {provider: soda}
  telemetry_backend:
    type: jaeger
    version: "0.1.0"
    config: {endpoint: "jaeger:4317"}
    connection_secret_ref: jaeger-secret
  lineage_backend:
    - marquez
    - type: atlan
      version: 1.0
      config: {api_key: "${env:ATLAN_API_KEY}"}
governance: {pii: {token: unrelated}}
"""
    )

    telemetry, marquez, atlan = manifest.backends
    assert (telemetry.version, telemetry.connection_secret_ref) == ("0.1.0", "jaeger-secret")
    assert telemetry.config == {"endpoint": "jaeger:4317"}
    assert (marquez.name, atlan.name, atlan.version) == ("marquez", "atlan", "1.0")
    assert (marquez.where, atlan.where) == ("manifest.yaml:15", "manifest.yaml:16")
    assert manifest.project == "shop"
    assert [(r.name, r.where) for r in manifest.env_references] == [
        ("ATLAN_API_KEY", "manifest.yaml:18: plugins.lineage_backend[1].config.api_key")
    ]


def test_the_manifest_of_floe_s_own_demo(read: Callable[..., Manifest]) -> None:
    """Its other plugins' demo credentials, and its top-level `observability`, are not ours."""
    manifest = read(
        """
apiVersion: floe.dev/v1
kind: Manifest
metadata: {name: demo, version: 1.0.0, description: A demo, owner: platform@example.com}
plugins:
  compute: {type: duckdb, config: {path: "/tmp/{product}.duckdb", threads: 4}}
  orchestrator: {type: dagster, config: {default_schedule: "*/10 * * * *"}}
  catalog:
    type: polaris
    config:
      oauth2: {client_id: demo, client_secret: demo-secret, token_url: "http://polaris:8181/t"}
  storage: {type: s3, config: {endpoint: "http://minio:9000", path_style_access: true}}
  lineage_backend:
    type: marquez
    version: "0.1.0"
    config: {url: "http://platform-marquez:5000", drain_timeout: 30.0, allow_insecure_http: true}
observability:
  tracing: {enabled: true, exporter: otlp, endpoint: "http://platform-otel:4317"}
  lineage: {enabled: true, transport: http, endpoint: "http://platform-marquez:5000/api/v1/lineage"}
  logging: {level: INFO, format: json}
governance: {policy_enforcement_level: warn, quality_gates: {minimum_test_coverage: 80}}
resource_presets: {small: {cpu_request: 100m, memory_request: 256Mi}}
"""
    )

    (lineage,) = manifest.backends
    assert lineage.config["url"] == "http://platform-marquez:5000"
    assert not manifest.warnings


def test_one_kind_is_enough(read: Callable[..., Manifest]) -> None:
    manifest = read("plugins: {lineage_backend: marquez}")

    assert [(b.kind, b.name) for b in manifest.backends] == [("lineage", "marquez")]


def test_the_old_key_works_with_a_warning(read: Callable[..., Manifest]) -> None:
    manifest = read("plugins: {observability: jaeger}")

    assert [(b.kind, b.name, b.unified) for b in manifest.backends] == [
        ("telemetry", "jaeger", True),
        ("lineage", "jaeger", True),
    ]
    assert len(manifest.warnings) == 1
    assert manifest.warnings[0].startswith("manifest.yaml:1: plugins.observability: deprecated")


def test_local_settings(read: Callable[..., Manifest], tmp_path: Path) -> None:
    (tmp_path / "own").mkdir()
    manifest = read(
        PAIR
        + """
local:
  sampling: 0.25
  environment: dev
  project: webshop
  namespace: mine
  images: {jaeger: "registry.example:5000/jaeger@sha256:0011"}
  registry: mirror.example:5000/all
  ports: {jaeger.query: 26686, api: 5000}
  blueprints: [own, ..]
  deadline: 300
  optional: [marquez-web]
  memory_limit_mib: 512
  resource_attributes: {team: data, tier: 2}
"""
    )

    local = manifest.local
    assert local.sampling.ratio == 0.25
    assert local.sampling.described == "25% of traces"
    assert local.ports == {"jaeger.query": 26686, "api": 5000}
    assert (manifest.environment, manifest.project) == ("dev", "webshop")
    assert manifest.blueprint_folders[0] == manifest.folder / "own"
    assert manifest.blueprint_folders[1] == manifest.folder.parent


@pytest.mark.parametrize("value", ["off", '"off"', "1", "1.0", "{}", "{ratio: 1}"])
def test_sampling_that_keeps_everything(value: str, read: Callable[..., Manifest]) -> None:
    assert read(f"{PAIR}local: {{sampling: {value}}}").local.sampling.described == "off"


MISTAKES = {
    "broken YAML": ("plugins: {telemetry_backend: [\n", "manifest.yaml:1: broken YAML"),
    "tab": ("plugins:\n\ttelemetry_backend: x\n", "manifest.yaml:2: broken YAML"),
    "duplicate key": (
        "plugins:\n  lineage_backend: a\n  lineage_backend: b\n",
        "manifest.yaml:3: plugins.lineage_backend: duplicate key",
    ),
    "duplicate key elsewhere": ("x:\n  a: 1\n  a: 2\n", "manifest.yaml:3: x.a: duplicate key"),
    "deep": ("x: " + "[" * 3000 + "]" * 3000, "manifest.yaml:1: nested more than 40 levels"),
    "deep block": (
        "\n".join(" " * i + f"k{i}:" for i in range(60)),
        "manifest.yaml:41: nested more than 40 levels",
    ),
    "list": ("- a\n- b\n", "manifest.yaml:1: the file is not a mapping"),
    "scalar": ("just text", "the file is not a mapping"),
    "object tag": (
        "a: 1\nx: !!python/object:os.system {}\n",
        "manifest.yaml:2: a tag for something other than",
    ),
    "scalar tag": (
        "x: !!python/name:os.system ''\n",
        "manifest.yaml:1: a value that cannot be read",
    ),
    "no number": (
        f"{PAIR}local: {{resource_attributes: {{a: .nan}}}}",
        "manifest.yaml:2: local.resource_attributes.a: expected text or a number",
    ),
    "two documents": ("a: 1\n---\nb: 2\n", "manifest.yaml:2: broken YAML"),
    "not UTF-8": (b"a: 1\nb: \xff\n", "manifest.yaml:2: not UTF-8 (byte 8)"),
    "UTF-16": ("plugins: {}".encode("utf-16"), "manifest.yaml:1: not UTF-8"),
    "control character": ("a: 1\nb: \x07\n", "manifest.yaml:2: broken YAML"),
    "huge": (b"a: " + b"x" * 1_000_001, "larger than 1,000,000 bytes"),
    "recursive alias": ("a: &a [*a]\n", "an alias holds itself"),
    "empty": ("", "manifest.yaml: names no backend"),
    "null plugins": ("plugins:\n", "names no backend"),
    "plugins is a list": ("\nplugins: [jaeger]\n", "manifest.yaml:2: plugins: expected a mapping"),
    "unknown plugin key": (
        "plugins:\n  telemetry_backend: x\n  telemetry_backends: y\n",
        "manifest.yaml:3: plugins.telemetry_backends: unknown key: did you mean 'telemetry_backend'",
    ),
    "old beside new": (
        "plugins:\n  observability: a\n  lineage_backend: b\n",
        "manifest.yaml:2: plugins.observability: the old key beside the new ones",
    ),
    "backend is a boolean": (
        "plugins: {lineage_backend: on}",
        "plugins.lineage_backend: expected a name, got true or false",
    ),
    "backend is a path": ("plugins: {lineage_backend: ../x}", "is not a valid name"),
    "backend without type": (
        "plugins:\n  lineage_backend:\n    version: '1'\n",
        "manifest.yaml:2: plugins.lineage_backend.type: is missing",
    ),
    "backend with unknown key": (
        "plugins:\n  lineage_backend:\n    type: a\n    confg: {}\n",
        "manifest.yaml:4: plugins.lineage_backend.confg: unknown key: did you mean 'config'",
    ),
    "backend twice": ("plugins: {lineage_backend: [a, a]}", "'a' is named twice"),
    "config is text": (
        "plugins: {lineage_backend: {type: a, config: x}}",
        "plugins.lineage_backend.config: should be a mapping, got text",
    ),
    "unknown local key": (
        f"{PAIR}local:\n  sampeling: 1\n",
        "manifest.yaml:3: local.sampeling: unknown key: did you mean 'sampling'",
    ),
    "sampling out of range": (f"{PAIR}local: {{sampling: 25}}", "local.sampling.ratio: should be"),
    "sampling as text": (f"{PAIR}local: {{sampling: often}}", "local.sampling: "),
    "port as text": (f"{PAIR}local: {{ports: {{a: x}}}}", "local.ports.a: should be an integer"),
    "port out of range": (f"{PAIR}local: {{ports: {{a: 70000}}}}", "local.ports.a: should be less"),
    "deadline": (f"{PAIR}local: {{deadline: 0}}", "local.deadline: should be greater than 0"),
    "date as name": (f"{PAIR}local: {{namespace: 2024-01-01}}", "should be text, got a date"),
    "local is text": (f"{PAIR}local: x", "manifest.yaml:2: local: expected a mapping, got text"),
    "namespace by reference": (f"{PAIR}local: {{namespace: '${{env:NS}}'}}", "plain text without"),
    "blueprints nowhere": (
        f"{PAIR}local:\n  blueprints:\n    - nowhere\n",
        "manifest.yaml:4: local.blueprints[0]: ",
    ),
    "image with a space": (
        f"{PAIR}local: {{images: {{a: 'x y'}}}}",
        "local.images.a: is not a valid",
    ),
}


@pytest.mark.parametrize("case", MISTAKES)
def test_a_mistake_is_told_with_line_and_field(
    case: str, refusal: Callable[..., InputError]
) -> None:
    text, expected = MISTAKES[case]

    error = refusal(text)

    assert expected in error.reason
    assert error.hint
    assert error.exit_code == 2


def test_all_mistakes_are_told_at_once_in_order(refusal: Callable[..., InputError]) -> None:
    error = refusal(
        """plugins:
  telemetry_backend: 5
  lineage: marquez
local:
  sampling: 7
  deadlin: 3
  ports: {query: x}
"""
    )

    lines = [line.split(":")[1] for line in error.reason.splitlines()]
    assert lines == ["2", "3", "5", "6", "7"]


def test_a_yaml_bomb_is_refused_at_once(refusal: Callable[..., InputError]) -> None:
    levels = "\n".join(f"l{i}: &l{i} [{', '.join([f'*l{i - 1}'] * 10)}]" for i in range(1, 12))

    assert "aliases counted as often as used" in refusal(f"l0: &l0 [x]\n{levels}\n").reason


def test_aliases_and_merges_work(read: Callable[..., Manifest]) -> None:
    manifest = read("base: &b {type: a}\nplugins: {lineage_backend: {<<: *b, version: '2'}}\n")

    assert (manifest.backends[0].name, manifest.backends[0].version) == ("a", "2")


@pytest.mark.parametrize(
    "line",
    [
        "api_key: abc",
        "apiKey: abc",
        "API-KEY: abc",
        "token: 12345",
        "db_password: hunter2",
        "client_secret: x",
        "headers: {Authorization: 'Bearer abcdefgh'}",
        "anything: 0123456789abcdef0123456789abcdef",
        "anything: ghp_0123456789abcdefghij0123",
        "anything: eyJhbGciOiJI.eyJzdWIiOiIx.c2lnbmF0dXJl",
        "url: 'https://user:hunter2@example.com'",
        "pem: '-----BEGIN RSA PRIVATE KEY-----'",
        "keys: {password: [a, b]}",
    ],
)
def test_a_credential_is_refused_and_not_told(
    line: str, refusal: Callable[..., InputError]
) -> None:
    error = refusal(f"plugins:\n  lineage_backend:\n    type: a\n    config:\n      {line}\n")

    assert "manifest.yaml:5: plugins.lineage_backend.config." in error.reason
    assert "a credential written in the manifest: write ${env:NAME}" in error.reason
    for value in ("hunter2", "abc", "12345", "0123456789", "eyJ"):
        assert value not in error.reason


@pytest.mark.parametrize(
    "line",
    [
        "api_key: '${env:KEY}'",
        "api_key: ${env:KEY:-none}",
        "api_key:",
        "token_endpoint: https://example.com/token",
        "secret_ref: my-secret",
        "headers: {Authorization: 'Bearer ${env:KEY}'}",
        "trace: 4bf92f3577b34da6a3ce929d0e0e473",
        "url: 'https://user:${env:PW}@example.com'",
    ],
)
def test_references_and_innocent_values_are_no_credentials(
    line: str, read: Callable[..., Manifest]
) -> None:
    manifest = read(f"plugins:\n  lineage_backend:\n    type: a\n    config:\n      {line}\n")

    (backend,) = manifest.backends
    assert backend.config == yaml.safe_load(line)


def test_an_unset_variable_is_told_when_it_is_used(read: Callable[..., Manifest]) -> None:
    manifest = read(
        "plugins:\n  lineage_backend:\n    type: a\n    config: {key: '${env:A_KEY}', d: '${env:D:-1}'}\n"
    )

    check_variables(manifest, {"A_KEY": "x"})
    with pytest.raises(InputError) as caught:
        check_variables(manifest, {"A_KEY": ""})
    assert caught.value.reason == (
        "manifest.yaml:4: plugins.lineage_backend.config.key: ${env:A_KEY}: variable A_KEY is not set"
    )
