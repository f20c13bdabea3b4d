from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
from pydantic import BaseModel, ConfigDict, ValidationError

import floe_local
from floe_local import plugin_api

if TYPE_CHECKING:
    from collections.abc import Callable


def loaded_by(module: str) -> set[str]:
    code = f"import sys, {module}; print(*sys.modules)"
    told = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    return set(told.stdout.split())


def test_imports_the_parser_of_references_and_nothing_heavy() -> None:
    loaded = loaded_by("floe_local.plugin_api")
    assert {m for m in loaded if m.startswith("floe_local")} == {
        "floe_local",
        "floe_local.plugin_api",
        "floe_local.references",
    }
    assert not loaded & {"pydantic", "requests", "urllib.request"}


def test_the_child_imports_nothing_heavy() -> None:
    loaded = loaded_by("floe_local.plan.plugins.child")
    assert not loaded & {"pydantic", "yaml", "requests", "socket", "ssl", "importlib.metadata"}


@pytest.mark.parametrize(
    ("base", "methods"),
    [
        (
            plugin_api.TelemetryBackendPlugin,
            {"get_otlp_exporter_config", "get_helm_values", "validate_connection"},
        ),
        (
            plugin_api.LineageBackendPlugin,
            {
                "get_transport_config",
                "get_namespace_strategy",
                "get_helm_values",
                "validate_connection",
            },
        ),
        (plugin_api.ObservabilityPlugin, {"get_otlp_exporter_config", "get_lineage_config"}),
    ],
)
def test_the_abcs_are_those_of_the_adr(base: Any, methods: set[str]) -> None:
    assert base.__abstractmethods__ == methods
    assert set(get_annotations(base)) == {"name", "version", "floe_api_version"}


def get_annotations(cls: type) -> dict[str, str]:
    return {k: v for base in cls.__mro__ for k, v in vars(base).get("__annotations__", {}).items()}


def test_the_unified_plugin_warns_when_derived_from_and_when_made() -> None:
    with pytest.warns(DeprecationWarning, match="Old: ObservabilityPlugin is deprecated"):

        class Old(plugin_api.ObservabilityPlugin):
            def get_otlp_exporter_config(self) -> dict[str, Any]:
                return {}

            def get_lineage_config(self) -> dict[str, Any]:
                return {}

    with pytest.warns(DeprecationWarning, match="write a TelemetryBackendPlugin"):
        Old()


def test_references_are_resolved_at_the_moment_of_use(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ODD_KEY", "k")
    assert plugin_api.resolved("Bearer ${env:ODD_KEY}") == "Bearer k"
    assert plugin_api.resolved("${env:ODD_URL:-http://${env:ODD_HOST:-h}}/x") == "http://h/x"
    monkeypatch.setenv("ODD_KEY", "")
    assert plugin_api.resolved("${env:ODD_KEY:-d}") == "d"
    with pytest.raises(plugin_api.CredentialError, match="ODD_KEY is not set: export ODD_KEY="):
        plugin_api.resolved("Bearer ${env:ODD_KEY}")


def test_a_written_out_credential_is_refused() -> None:
    assert plugin_api.only_by_reference("Bearer ${env:K}") == "Bearer ${env:K}"
    for text in ("hunter2", "${env:K:-hunter2}", "${env:K:-${env:L:-hunter2}}"):
        with pytest.raises(ValueError, match="never written out") as caught:
            plugin_api.only_by_reference(text)
        assert "hunter2" not in str(caught.value)


def test_only_http_is_asked() -> None:
    with pytest.raises(ConnectionError, match=r"not an http\(s\) URL"):
        plugin_api.ask_backend("file:///etc/passwd", backend="Odd")


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_credentials_do_not_follow_a_redirect(
    serve: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, host: str
) -> None:
    monkeypatch.setenv("ODD_KEY", "hush-hush")
    elsewhere = serve({"valid": True})
    location = f"http://{host}:{elsewhere.server_port}/"
    redirecting = serve(b"", 302, {"Location": location})
    with pytest.raises(ConnectionError, match="HTTP 302, a redirect, which is not followed"):
        plugin_api.ask_backend(redirecting.url, backend="Odd", headers={"X-Key": "${env:ODD_KEY}"})
    assert elsewhere.requests == []


@pytest.mark.parametrize("value", ["hush\nhush", "hush€hush"])
def test_a_header_that_cannot_be_sent_is_not_told(
    monkeypatch: pytest.MonkeyPatch, value: str
) -> None:
    monkeypatch.setenv("ODD_KEY", value)
    with pytest.raises(plugin_api.CredentialError, match="hold a line break") as caught:
        plugin_api.ask_backend(
            "http://127.0.0.1:1", backend="Odd", headers={"X-Key": "${env:ODD_KEY}"}
        )
    assert "hush" not in str(caught.value)
    assert caught.value.__suppress_context__


class Settings(BaseModel):
    model_config = ConfigDict(extra="forbid")

    url: str = "http://backend:80"


class Backend(plugin_api.Configured[Settings]):
    config_model = Settings


def test_a_configured_plugin_takes_its_model_s_fields_or_the_model() -> None:
    assert Backend.get_config_schema() is Settings
    assert Backend().config == Settings()
    plugin = Backend(url="http://other")
    assert plugin.config.url == "http://other"
    plugin.configure(Settings())
    assert plugin.config == Settings()


def test_a_configured_plugin_refuses_what_its_model_refuses() -> None:
    with pytest.raises(ValidationError, match="Extra inputs"):
        Backend(urll="http://other")


@pytest.mark.parametrize("name", floe_local.__all__)
def test_what_the_package_exports_is_there(name: str) -> None:
    assert getattr(floe_local, name).__name__ == name
