"""Clients that know what `env` prints alone: green by what it prints, red by what it printed once."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from floe_local.prove.report import HopName, Verdict
from floe_local.prove.smoke import smoke
from floe_local.prove.targets import PipelineEnvironment, SmokeOptions
from tests.integration.prove.conftest import NAMESPACE

if TYPE_CHECKING:
    from floe_local.prove.report import Check
    from floe_local.prove.targets import Targets

pytestmark = pytest.mark.integration

CLIENTS = ("opentelemetry-sdk", "otlp-grpc", "openlineage-python", "http-post")
RECEIVED = {Verdict.RECEIVED, Verdict.BY_STAND_IN}
NO_PROXY = {"NO_PROXY": "127.0.0.1", "no_proxy": "127.0.0.1"}


def checks(telemetry: Targets, lineage: Targets, variables: dict[str, str]) -> dict[str, Check]:
    """What became of each client's canary, given these variables and a dead proxy."""
    both = telemetry.model_copy(
        update={
            "backends": telemetry.backends + lineage.backends,
            "pipeline": PipelineEnvironment(variables=variables),
        }
    )
    report = smoke(both, SmokeOptions(deadline=30))
    own = [check for check in report.checks if check.client == "floe-local"]
    assert not [check for check in own if check.verdict is Verdict.FAILED], report.reason
    return {check.canary: check for check in report.checks if check.client != "floe-local"}


def by_url(lineage: Targets) -> tuple[str, str]:
    transport = lineage.backends[0].transport or {}
    return str(transport["url"]), str(transport["endpoint"])


@pytest.mark.parametrize("protocol", ["grpc", "http/protobuf"])
def test_what_is_printed_delivers(telemetry: Targets, lineage: Targets, protocol: str) -> None:
    origin, endpoint = by_url(lineage)
    url = telemetry.otlp_grpc if protocol == "grpc" else telemetry.otlp_http
    found = checks(
        telemetry,
        lineage,
        {
            **NO_PROXY,
            "OTEL_EXPORTER_OTLP_ENDPOINT": str(url),
            "OTEL_EXPORTER_OTLP_PROTOCOL": protocol,
            "OPENLINEAGE_NAMESPACE": NAMESPACE,
            "OPENLINEAGE_URL": f"{origin}/{endpoint}",
            "OPENLINEAGE_ENDPOINT": endpoint.rpartition("/")[2],
            "OPENLINEAGE__TRANSPORT": json.dumps(
                {"type": "http", "url": origin, "endpoint": endpoint}
            ),
        },
    )
    led_astray = set() if protocol == "grpc" else {"otlp-grpc"}
    assert {name for name in CLIENTS if found[name].verdict not in RECEIVED} == led_astray


def test_what_was_printed_until_0_1_is_red(telemetry: Targets, lineage: Targets) -> None:
    origin, _ = by_url(lineage)
    found = checks(
        telemetry,
        lineage,
        {
            **NO_PROXY,
            "OTEL_EXPORTER_OTLP_ENDPOINT": str(telemetry.otlp_http),
            "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf",
            "OPENLINEAGE_NAMESPACE": NAMESPACE,
            "OPENLINEAGE_URL": origin,
        },
    )
    assert found["opentelemetry-sdk"].verdict is Verdict.RECEIVED
    assert found["openlineage-python"].verdict in RECEIVED
    for name in ("otlp-grpc", "http-post"):
        assert (found[name].verdict, found[name].hop) == (Verdict.FAILED, HopName.CLIENT)
        assert found[name].reason
        assert found[name].hint
    assert "404" in found["http-post"].reason


def test_a_proxy_that_is_not_kept_off_is_red(telemetry: Targets, lineage: Targets) -> None:
    origin, endpoint = by_url(lineage)
    found = checks(
        telemetry,
        lineage,
        {
            "OTEL_EXPORTER_OTLP_ENDPOINT": str(telemetry.otlp_grpc),
            "OPENLINEAGE_NAMESPACE": NAMESPACE,
            "OPENLINEAGE_URL": f"{origin}/{endpoint}",
        },
    )
    assert {found[name].verdict for name in ("opentelemetry-sdk", "otlp-grpc", "http-post")} == {
        Verdict.FAILED
    }
    assert "ProxyError" in found["http-post"].reason
