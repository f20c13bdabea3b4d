"""Builds what the planner is given, from a few words."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from floe_local.plan.artifacts import Backend, Compiled
from floe_local.plan.blueprint.model import Blueprint, LocatedBlueprint
from floe_local.plan.blueprint.placement import resolve_placement
from floe_local.plan.manifest.model import LocalSettings
from floe_local.plan.stack.model import ResolvedImage, StackInputs, identify
from floe_local.plan.stack.requirements import image_needs, port_requests, required_blueprints
from floe_local.plan.values import Origin
from floe_local.run.ports import choose_ports
from tests.backends import backend_of

COLLECTOR: dict[str, Any] = {
    "title": "Collector",
    "ingest": {"otlp-grpc": "otlp-grpc", "otlp-http": "otlp-http"},
    "services": {
        "collector": {
            "image": {"upstream": "example/collector:1"},
            "files": [{"source": "{otlp_collector_config}", "target": "/etc/collector.yaml"}],
            "endpoints": [
                {"name": "otlp-grpc", "port": 4317, "protocol": "otlp-grpc", "host_port": 4317},
                {"name": "otlp-http", "port": 4318, "protocol": "otlp-http", "host_port": 4318},
                {"name": "metrics", "port": 8888},
            ],
        }
    },
}
TRACES: dict[str, Any] = {
    "title": "Traces",
    "kind": "telemetry",
    "accepts": ["traces"],
    "ingest": {"otlp-grpc": "otlp"},
    "services": {
        "traces": {
            "image": {"upstream": "example/traces:1"},
            "endpoints": [
                {"name": "query", "port": 16686, "host_port": 16686, "ui": True},
                {"name": "otlp", "port": 4317, "protocol": "otlp-grpc"},
                {"name": "admin", "port": 9999},
            ],
            "ready": {"endpoint": "query", "path": "/"},
        }
    },
    "helm": [
        {"path": "traces.storage.type", "one_of": ["memory"]},
        {"path": "traces.limit", "service": "traces", "environment": "LIMIT"},
    ],
}
LINEAGE: dict[str, Any] = {
    "title": "Lineage",
    "kind": "lineage",
    "accepts": ["lineage"],
    "requires": ["database"],
    "ingest": {"openlineage": "api"},
    "services": {
        "lineage": {
            "image": {"upstream": "example/lineage:1"},
            "environment": {"PASSWORD": "{secret:db}", "PRICE": "$5 and ${HOME}"},
            "depends_on": ["database"],
            "endpoints": [{"name": "api", "port": 5000, "host_port": 5100}],
            "ready": {"endpoint": "api", "path": "/health"},
        },
        "lineage-web": {"image": {"upstream": "example/web:1"}, "optional": True},
    },
}
DATABASE: dict[str, Any] = {
    "title": "Database",
    "services": {
        "database": {
            "image": {"upstream": "example/database:1"},
            "environment": {"PASSWORD": "{secret:db}"},
            "volumes": {"data": "/var/lib/db"},
            "data_version": "DB_MAJOR",
            "tmpfs": ["/tmp"],  # noqa: S108 - in the container
            "cap_add": ["CHOWN"],
            "healthcheck": {"test": ["CMD-SHELL", "ready $USER"], "interval": "1s"},
        }
    },
}


class Builder:
    """Makes plans' ingredients; `blueprints` may be changed before."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        named = zip(
            ("collector", "traces", "lineage", "database"),
            (COLLECTOR, TRACES, LINEAGE, DATABASE),
            strict=True,
        )
        self.blueprints: dict[str, dict[str, Any]] = {
            name: {"blueprint": 1, "name": name} | body for name, body in named
        }

    def located(self) -> dict[str, LocatedBlueprint]:
        found = {
            name: LocatedBlueprint(
                blueprint=Blueprint.model_validate(body), folder=self.folder, source="a test"
            )
            for name, body in self.blueprints.items()
        }
        return resolve_placement(found, live=False)

    def backend(self, name: str, **more: Any) -> Backend:
        placed = self.located().get(name)
        return backend_of(name, blueprint=placed.blueprint if placed else None, **more)

    def compiled(self, **changes: Any) -> Compiled:
        transport = {"type": "http", "url": "http://lineage:5000", "endpoint": "api/v1/lineage"}
        values: dict[str, Any] = {
            "otlp_collector_config": {
                "exporters": {"otlp_grpc/traces": {"endpoint": "traces:4317"}}
            },
            "openlineage_config": {"transport": transport},
            "backends": (
                self.backend(
                    "traces",
                    exporters={"traces": ("otlp_grpc/traces",)},
                    hosts=(("traces", 4317),),
                ),
                self.backend("lineage", transport=transport, hosts=(("lineage", 5000),)),
            ),
            "namespace": "floe-local",
        }
        return Compiled(**(values | changes))

    def inputs(
        self, compiled: Compiled | None = None, optional: tuple[str, ...] = (), **changes: Any
    ) -> StackInputs:
        compiled = compiled or self.compiled()
        parts = required_blueprints(compiled, self.located())
        needs = image_needs(parts, LocalSettings(optional=list(optional)))
        requests = [
            w for w in port_requests(parts, compiled, {}) if w.service in {n.service for n in needs}
        ]
        images = {
            n.service: ResolvedImage(reference=str(n.source.upstream), origin=Origin.UPSTREAM)
            for n in needs
        }
        ports = choose_ports(requests, project="p", held={}, taken_by=lambda _: None).ports
        identity = identify(Path("/home/me/shop"))
        return StackInputs(identity, compiled, parts, images, ports)._replace(**changes)


@pytest.fixture
def build(tmp_path: Path) -> Builder:
    return Builder(tmp_path)
