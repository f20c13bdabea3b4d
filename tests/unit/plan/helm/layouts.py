"""Plugins' outputs in each layout of Helm values, compiled for a cluster."""

from __future__ import annotations

from copy import deepcopy
from functools import cache
from typing import TYPE_CHECKING, Any

from floe_lineage_marquez import MarquezPlugin
from floe_telemetry_jaeger import JaegerPlugin

from floe_local.plan.blueprint.lookup import find_blueprints
from floe_local.plan.blueprint.model import Blueprint, LocatedBlueprint, compose_folder
from floe_local.plan.blueprint.placement import placeholder, resolve_placement
from floe_local.plan.helm import cluster_values
from floe_local.plan.manifest.model import LocalSettings, Manifest
from floe_local.plan.plugins.calls import call_plugin
from floe_local.plan.plugins.output import BackendRef, PluginOutput
from floe_local.plan.values import Kind

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from floe_local.plan.helm import HelmValues

ADR_EXPORTER = {
    "exporters": {"jaeger": {"endpoint": "jaeger:14250", "tls": {"insecure": True}}},
    "service": {
        "pipelines": {
            "traces": {"receivers": ["otlp"], "processors": ["batch"], "exporters": ["jaeger"]}
        }
    },
}
ADR_JAEGER = {
    "jaeger": {
        "enabled": True,
        "storage": {"type": "memory"},
        "query": {"service": {"type": "LoadBalancer"}},
    }
}
ADR_TRANSPORT = {
    "type": "http",
    "url": "http://marquez:5000/api/v1/lineage",
    "timeout": 5.0,
    "endpoint": "api/v1/lineage",
}
ADR_MARQUEZ = {
    "marquez": {
        "enabled": True,
        "db": {"type": "postgresql", "host": "postgresql", "port": 5432},
        "service": {"type": "ClusterIP"},
    }
}
STRATEGY = {"strategy": "custom", "namespace": "shop"}


def resources(cpu: str, memory: str) -> dict[str, Any]:
    return {"limits": {"cpu": cpu, "memory": memory}, "requests": {"cpu": "50m"}}


PUBLISHED_EXPORTER = {
    "exporter_type": "otlp",
    "endpoint": "jaeger-collector:4317",
    "insecure": True,
    "protocol": "grpc",
}
PUBLISHED_JAEGER = {
    "collector": {"resources": resources("500m", "512Mi")},
    "query": {"resources": resources("250m", "256Mi")},
    "storage": {"type": "memory"},
}
PUBLISHED_TRANSPORT = {
    "type": "http",
    "url": "https://marquez:5000/api/v1/lineage",
    "timeout": 5.0,
    "drain_timeout": 30.0,
    "api_key": None,
}
PUBLISHED_MARQUEZ = {
    "marquez": {
        "enabled": True,
        "image": {"repository": "marquezproject/marquez", "tag": "0.20.0"},
        "service": {"type": "ClusterIP", "port": 5000},
        "resources": resources("500m", "512Mi"),
        "env": {"MARQUEZ_PORT": "5000", "MARQUEZ_ADMIN_PORT": "5001"},
    },
    "postgresql": {
        "enabled": True,
        "auth": {
            "username": "marquez",
            "existingSecret": "marquez-postgresql-credentials",
            "secretKeys": {
                "adminPasswordKey": "postgres-password",
                "userPasswordKey": "password",
            },
            "database": "marquez",
        },
        "primary": {"persistence": {"enabled": True, "size": "8Gi"}},
    },
}
"""Values as the plugins 0.1.0a1 on PyPI return them."""


def telemetry(config: Any, helm: Any, name: str = "jaeger") -> PluginOutput:
    return PluginOutput(
        kind="telemetry",
        name=name,
        distribution=f"floe-telemetry-{name}",
        exporter_config=deepcopy(config),
        helm_values=deepcopy(helm),
    )


def lineage(transport: Any, helm: Any, name: str = "marquez") -> PluginOutput:
    return PluginOutput(
        kind="lineage",
        name=name,
        distribution=f"floe-lineage-{name}",
        transport=deepcopy(transport),
        namespace_strategy=STRATEGY,
        helm_values=deepcopy(helm),
    )


LAYOUTS: dict[str, Callable[[], Sequence[PluginOutput]]] = {
    "ours": lambda: (
        call_plugin(JaegerPlugin(), Kind.TELEMETRY),
        call_plugin(MarquezPlugin(), Kind.LINEAGE),
    ),
    "adr-literal": lambda: (
        telemetry(ADR_EXPORTER, ADR_JAEGER),
        lineage(ADR_TRANSPORT, ADR_MARQUEZ),
    ),
    "published": lambda: (
        telemetry(PUBLISHED_EXPORTER, PUBLISHED_JAEGER),
        lineage(PUBLISHED_TRANSPORT, PUBLISHED_MARQUEZ),
    ),
}


@cache
def shipped(*names: str) -> dict[str, LocatedBlueprint]:
    """Blueprints that floe-local ships; each test reads the same ones."""
    return find_blueprints(names)


def render(
    *outputs: PluginOutput, environment: str = "local", own: Sequence[Blueprint] = ()
) -> HelmValues:
    """Compile outputs for a cluster; `own` are blueprints that floe-local does not ship."""
    located = {
        b.name: LocatedBlueprint(blueprint=b, folder=compose_folder(), source="a test") for b in own
    }
    names = [o.name for o in outputs if o.name not in located]
    found = resolve_placement(shipped("collector", *names) | located, live=True)
    found |= {o.name: placeholder(o.name, o.kind) for o in outputs if o.name not in found}
    refs = tuple(BackendRef(kind=o.kind, name=o.name) for o in outputs)
    manifest = Manifest(
        backends=refs, project="shop", environment=environment, local=LocalSettings()
    )
    return cluster_values(manifest, outputs, found, {})
