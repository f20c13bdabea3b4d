"""Bad plugins as files: a good one of each kind, with members replaced."""

from __future__ import annotations

from textwrap import dedent, indent
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from floe_local.conformance.run import conformance
from floe_local.conformance.subjects import find_subjects
from tests.unit.cli.conftest import floe, project  # noqa: F401 - fixtures

if TYPE_CHECKING:
    from collections.abc import Callable

    from floe_local.conformance.report import PluginReport
    from tests.conftest import PluginSite

LIMIT_S = 10.0
GOOD = {
    "telemetry": """
from floe_local.plugin_api import TelemetryBackendPlugin, CredentialError, ask_backend

class Plugin(TelemetryBackendPlugin):
    name, version, floe_api_version = "odd", "1.2.3", "2.0.0"

    def get_otlp_exporter_config(self):
        return {
            "exporters": {"otlp_grpc/odd": {"endpoint": "odd:4317"}},
            "service": {"pipelines": {"traces": {
                "receivers": ["otlp"], "exporters": ["otlp_grpc/odd"]
            }}},
        }

    def get_helm_values(self):
        return {"odd": {"storage": "memory"}}

    def validate_connection(self):
        ask_backend("http://odd:3200/ready", backend="Odd")
        return True
""",
    "lineage": """
from floe_local.plugin_api import LineageBackendPlugin, ask_backend

class Plugin(LineageBackendPlugin):
    name, version, floe_api_version = "odd", "1.2.3", "1.0"

    def get_transport_config(self):
        return {"type": "http", "url": "http://odd:5000", "endpoint": "api/v1/lineage"}

    def get_namespace_strategy(self):
        return {"strategy": "environment_based", "template": "floe-{environment}"}

    def get_helm_values(self):
        return {"odd": {"enabled": True}}

    def validate_connection(self):
        ask_backend("http://odd:5000/api", backend="Odd")
        return True
""",
}
GROUPS = {"telemetry": "floe.telemetry_backends", "lineage": "floe.lineage_backends"}
BLUEPRINT = {
    "blueprint": 1,
    "name": "odd",
    "title": "Odd",
    "kind": "telemetry",
    "accepts": ["traces"],
    "ingest": {"otlp-grpc": "otlp"},
    "services": {
        "odd": {
            "image": {"upstream": "example/odd:1"},
            "endpoints": [
                {"name": "otlp", "port": 4317, "protocol": "otlp-grpc"},
                {"name": "api", "port": 3200},
            ],
        }
    },
    "helm": [{"path": "odd.storage", "one_of": ["memory"]}],
}


class Workbench:
    """Installs a plugin called odd, of the distribution odd-plugin 1.2.3, and checks it."""

    def __init__(self, site: PluginSite) -> None:
        self.site = site

    def blueprint(self, package: str = "odd_data", **changes: Any) -> None:
        """Install a blueprint in a package of its own, with keys replaced."""
        folder = self.site.folder / package
        folder.mkdir()
        (folder / "__init__.py").write_text("")
        (folder / "blueprint.yaml").write_text(yaml.safe_dump({**BLUEPRINT, **changes}))
        points = {"floe_local.blueprints": {"odd": package}}
        self.site.metadata(package.replace("_", "-"), "0.1", points)

    def check(
        self,
        members: str = "",
        *,
        top: str = "",
        kind: str = "telemetry",
        limit_s: float = LIMIT_S,
        collector: bool = False,
        **environment: str,
    ) -> PluginReport:
        """Check the good plugin with members added or replaced, `top` run at its import."""
        source = f"{dedent(top)}\n{GOOD[kind]}\n{indent(dedent(members), '    ')}"
        self.site.add(source, module="odd_plugin", points={GROUPS[kind]: {"odd": "Plugin"}})
        with find_subjects("odd", environment=environment) as (subject,):
            return conformance(subject, limit_s=limit_s, collector=collector)


@pytest.fixture
def bench(plugin_site: PluginSite) -> Workbench:
    """Give a place where bad plugins are made."""
    return Workbench(plugin_site)


@pytest.fixture
def failures() -> Callable[[PluginReport], set[str]]:
    """Give a function that names the checks that failed."""

    def of(report: PluginReport) -> set[str]:
        return {check.check for check in report.checks if check.outcome == "failed"}

    return of
