"""What is said loudly of a stack that came up."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from floe_local.plan.stack.model import MovedPort, StackPlan


def notices(plan: StackPlan) -> tuple[str, ...]:
    """Which ports have moved, and which backends do not run here."""
    return (*map(_move, plan.moved_ports), *_backends_elsewhere(plan))


def _move(moved: MovedPort) -> str:
    instead = f"{moved.preferred} is used by {moved.owner}"
    return f"PORT: {moved.key} is on {moved.port}: {instead} (`--strict-ports` fails instead)"


def _backends_elsewhere(plan: StackPlan) -> tuple[str, ...]:
    """Which backends are played, or are the real ones, with whose account; none: all run here."""
    elsewhere = [backend.name for backend in plan.backends if not backend.service_of]
    if plan.live and elsewhere:
        return (f"LIVE: used for real, with your account: {', '.join(elsewhere)}",)
    if not plan.sandboxed:
        return ()
    played = ", ".join(plan.sandboxed)
    where = "played by recorders on this machine; nothing reaches the real ones (`--live` does)"
    return (f"SANDBOX: {played}: {where}",)
