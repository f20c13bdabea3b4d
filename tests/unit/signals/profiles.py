"""A fourth signal: this file is all that it takes, in floe_local/signals/. See test_model.py."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from floe_local.signals.shared.model import WHOLE, ExpectedItem

if TYPE_CHECKING:
    from floe_local.signals.shared.model import OtlpTransport, StoredNames, TracePlan

UNIT = "samples"
EXPORTER = ("trace_exporter", "OTLPSpanExporter")
PLACEHOLDERS = {"profile": frozenset({"canary", "samples"})}
MEANINGS = {"samples": "how many"}


@dataclass(frozen=True, kw_only=True)
class ProfilePlan:
    """A profile of seven samples."""

    canary: str
    protocol: OtlpTransport
    case: str = WHOLE
    count: int = 7


def plan(canary: str, traces: tuple[TracePlan, ...]) -> tuple[ProfilePlan, ...]:
    """Plan one by each protocol."""
    return tuple(ProfilePlan(canary=canary, protocol=trace.protocol) for trace in traces)


def never_sent(canary: str) -> ProfilePlan:
    """Plan one that no backend may hold."""
    return ProfilePlan(canary=f"{canary}-never", protocol="grpc")


def expected(plan: ProfilePlan, _namespace: str, _naming: StoredNames, /) -> list[ExpectedItem]:
    """Return the profile."""
    return [ExpectedItem("profile", {"canary": plan.canary, "samples": plan.count})]


def send(plans: tuple[ProfilePlan, ...], exporter: Any) -> None:
    """Export all at once."""
    exporter.export(plans)
