"""A signal is one module: a fourth is planned, counted, sent and read back as the others are."""

from __future__ import annotations

import sys
from types import ModuleType, SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import pytest

from floe_local.plan.blueprint.model import Naming
from floe_local.plan.values import Kind, Signal
from floe_local.prove.canaries import TELEMETRY, deliveries, plan
from floe_local.prove.read.collector import Expected, accepted_hop, parse_metrics
from floe_local.prove.report import HopState
from floe_local.prove.send.exporters import exporter_from_environment
from floe_local.prove.signals import lineage, logs, metrics, traces
from floe_local.prove.signals.model import (
    ExpectedItem,
    SignalModule,
    TelemetrySignal,
    module_of,
)
from floe_local.prove.targets import Targets
from tests.backends import target_of

if TYPE_CHECKING:
    from floe_local.prove.signals.model import TracePlan

MODULES: tuple[SignalModule, ...] = (traces, metrics, logs, lineage)
THROUGH_COLLECTOR: tuple[TelemetrySignal, ...] = (traces, metrics, logs)
PROFILES = cast("Signal", "profiles")


class Profiles(ModuleType):
    """The module of a fourth signal, made of values."""

    UNIT = "samples"
    EXPORTER = ("SimpleNamespace", "SimpleNamespace")

    def plan(self, canary: str, traces: tuple[TracePlan, ...]) -> tuple[Any, ...]:
        return tuple(profile(canary, trace.protocol) for trace in traces)

    def never_sent(self, canary: str) -> Any:
        return profile(f"{canary}-never", "grpc")

    def expected(self, plan: Any, _namespace: str, _naming: Naming) -> list[ExpectedItem]:
        return [ExpectedItem("profile", {"canary": plan.canary})]

    def send(self, plans: Any, exporter: Any) -> None:
        exporter.export(plans)


def profile(canary: str, protocol: str) -> SimpleNamespace:
    return SimpleNamespace(canary=canary, protocol=protocol, case="whole", count=7)


@pytest.fixture
def _profiles(monkeypatch: pytest.MonkeyPatch) -> None:
    name = "floe_local.prove.signals.profiles"
    monkeypatch.setitem(sys.modules, name, Profiles(name))
    monkeypatch.setattr("floe_local.prove.canaries.TELEMETRY", (*TELEMETRY, PROFILES))


def test_each_signal_has_a_module() -> None:
    assert [module_of(signal) for signal in Signal] == list(MODULES)
    assert [module_of(signal) for signal in TELEMETRY] == list(THROUGH_COLLECTOR)


@pytest.mark.usefixtures("_profiles")
def test_a_fourth_is_planned_delivered_and_expected() -> None:
    backend = target_of("acme", Kind.TELEMETRY, accepts=(), endpoints={}).model_copy(
        update={"accepts": (PROFILES,)}
    )
    targets = Targets.model_construct(
        stack="s",
        namespace="ns",
        otlp_grpc="http://127.0.0.1:1",
        otlp_http="http://127.0.0.1:2",
        backends=(backend,),
    )
    canaries = plan("ns", ("grpc", "http"), {PROFILES})
    sent = [one.sending for one in deliveries(targets, canaries) if one.sending.planned]

    assert [(one.signal, one.protocol, one.canary, one.count) for one in sent] == [
        ("profiles", "grpc", "profiles", 7),
        ("profiles", "http", "profiles", 7),
    ]
    items = module_of(PROFILES).expected(sent[0].planned[0], "ns", Naming())
    assert items == [ExpectedItem("profile", {"canary": canaries.id})]


@pytest.mark.usefixtures("_profiles")
def test_a_fourth_is_counted_by_the_unit_that_the_collector_has_for_it() -> None:
    expected = Expected.model_construct(
        signal=PROFILES, protocol="grpc", accepted=7, exported=7, exporters=()
    )
    page = 'otelcol_receiver_accepted_samples{transport="grpc"} 7\n'
    assert accepted_hop((), parse_metrics(page), expected).state is HopState.PASSED
    assert (
        accepted_hop((), parse_metrics(page.replace("7", "6")), expected).state is HopState.FAILED
    )


@pytest.mark.usefixtures("_profiles")
def test_a_fourth_has_an_exporter_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    package = "opentelemetry.exporter.otlp.proto.grpc.SimpleNamespace"
    made = ModuleType(package)
    made.SimpleNamespace = SimpleNamespace  # type: ignore[attr-defined] # a class to be found
    monkeypatch.setitem(sys.modules, package, made)
    assert exporter_from_environment(PROFILES, "grpc").timeout > 0
