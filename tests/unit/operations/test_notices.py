from __future__ import annotations

from pathlib import Path

import pytest

from floe_local.operations.notices import notices
from floe_local.plan.stack.identity import identify
from floe_local.plan.stack.model import StackBackend, StackPlan
from floe_local.plan.values import Kind

HERE = StackBackend(name="here", blueprint="here", kind=Kind.LINEAGE, service_of={"api": "here"})
SAAS = StackBackend(name="saas", blueprint="saas", kind=Kind.TELEMETRY)


@pytest.mark.parametrize(
    ("backends", "live", "sandboxed", "told"),
    [
        ((HERE,), False, (), ""),
        ((HERE,), True, (), ""),
        ((HERE, SAAS), True, (), "LIVE: used for real, with your account: saas"),
        ((HERE, SAAS), False, ("saas",), "SANDBOX: saas: played by recorders on this machine"),
    ],
)
def test_what_is_said_loudly(
    backends: tuple[StackBackend, ...], sandboxed: tuple[str, ...], told: str, *, live: bool
) -> None:
    plan = StackPlan(
        identity=identify(Path("project")),
        compose={},
        backends=backends,
        live=live,
        sandboxed=sandboxed,
    )
    assert "; ".join(notices(plan)).startswith(told)
    assert bool(notices(plan)) is bool(told)
