"""All that one smoke test sends: what each signal plans."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from floe_local.prove.signals.model import OtlpTransport, module_of
from floe_local.prove.signals.traces import whole_trace

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from floe_local.plan.values import Signal


@dataclass(frozen=True, kw_only=True)
class Canaries:
    """What one smoke test sends. `namespace` is OpenLineage's, of jobs and datasets."""

    id: str
    namespace: str
    planned: Mapping[Signal, tuple[Any, ...]] = field(default_factory=dict)

    def of(self, signal: Signal) -> tuple[Any, ...]:
        """Return the plans of a signal, of the class that its module has."""
        return self.planned.get(signal, ())


def plan(
    namespace: str, protocols: tuple[OtlpTransport, ...], signals: Iterable[Signal]
) -> Canaries:
    """Plan the canaries of one smoke test.

    Args:
        namespace: OpenLineage namespace of jobs and datasets.
        protocols: how telemetry is sent.
        signals: what to plan for.

    Returns:
        Fresh canaries; two calls never share an id or a name.
    """
    canary = secrets.token_hex(4)
    traces = tuple(whole_trace(canary, protocol) for protocol in protocols)
    planned = {signal: module_of(signal).plan(canary, traces) for signal in signals}
    return Canaries(id=canary, namespace=namespace, planned=planned)
