"""What a pipeline's environment has to hold, so that it reaches the stack."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from floe_local.plan.stack.vantage import collector_url, transport_for
from floe_local.plan.values import ENVIRONMENT_VARIABLE

if TYPE_CHECKING:
    from floe_local.plan.stack.model import StackPlan
    from floe_local.plan.stack.vantage import Vantage

_PLAIN = {"type", "url", "endpoint", "timeout", "verify", "auth"}
"""The keys of an HTTP transport that OPENLINEAGE_URL and its kin can say."""


def pipeline_environment(plan: StackPlan, vantage: Vantage) -> dict[str, str]:
    """The variables that OpenTelemetry's SDKs and OpenLineage's clients read.

    Values may hold ``${env:NAME}`` references: whoever prints or uses them resolves them.

    Args:
        plan: the stack.
        vantage: ``container`` for a pipeline that joins the stack's network.
    """
    variables = {ENVIRONMENT_VARIABLE: plan.environment}
    otlp = collector_url(plan, "otlp-http", vantage)
    if otlp:
        variables["OTEL_EXPORTER_OTLP_ENDPOINT"] = otlp
        variables["OTEL_EXPORTER_OTLP_PROTOCOL"] = "http/protobuf"
    transport = transport_for(plan, vantage)
    if transport:
        variables["OPENLINEAGE_NAMESPACE"] = plan.namespace
        variables |= _lineage(transport)
        variables |= plan.client_environment
    return variables


def _lineage(transport: dict[str, Any]) -> dict[str, str]:
    """OPENLINEAGE_URL, which every client knows, where it says it all; else the transport.

    openlineage-python reads OPENLINEAGE__TRANSPORT as JSON, which keeps the case of keys.
    """
    auth = transport.get("auth") or {}
    simple = transport.get("type") == "http" and set(transport) <= _PLAIN
    if not simple or not transport.get("verify", True) or set(auth) - {"type", "apiKey"}:
        return {"OPENLINEAGE__TRANSPORT": json.dumps(transport, ensure_ascii=False)}
    variables = {
        "OPENLINEAGE_URL": transport.get("url"),
        "OPENLINEAGE_ENDPOINT": transport.get("endpoint"),
        "OPENLINEAGE_API_KEY": auth.get("apiKey"),
    }
    return {name: value for name, value in variables.items() if value}
