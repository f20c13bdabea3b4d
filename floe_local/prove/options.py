"""How a smoke test is made."""

from __future__ import annotations

from collections.abc import Callable

from pydantic import Field

from floe_local.plan.values import Frozen


class SmokeOptions(Frozen):
    """How a smoke test is made.

    `deadline` is in seconds, from the last acknowledgement. `count`: how many more traces
    and runs are sent and accounted for, with so many `threads`. `keep` leaves the canaries
    in the lineage backend. `strict`: only what the backend itself showed is a pass.
    """

    deadline: float = Field(default=30.0, gt=0)
    count: int = Field(default=0, ge=0)
    threads: int = Field(default=8, ge=1, le=64)
    keep: bool = False
    strict: bool = False


Tell = Callable[[str, str, str], None]
"""Called with who does something, what that is, and its details."""


def tell_nobody(_subject: str, _phase: str, _detail: str) -> None:
    """Tell nobody."""
