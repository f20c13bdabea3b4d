from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from floe_local.errors import MachineError
from floe_local.operations.up import remove_new, warnings_of
from floe_local.plan.stack.model import StackPlan, identify
from floe_local.plan.values import Kind, Placement
from floe_local.run.holdings import Holdings, Volume
from tests.backends import backend_of
from tests.fake_engine import FakeEngine

if TYPE_CHECKING:
    from floe_local.plan.artifacts import Backend

OLD, NEW = (Volume(name=name, project="p") for name in ("old", "new"))
HERE = backend_of("here", Kind.LINEAGE, placement=Placement.IN_STACK)
SAAS = backend_of("saas")
PLAYED = SAAS.model_copy(update={"placement": Placement.SANDBOXED})


class BusyEngine(FakeEngine):
    """On it something appears late, and is in use at first."""

    looks, refusals = 0, 1

    def holdings(self, project: str | None = None) -> Holdings:
        self.looks += 1
        if self.looks == 2:
            self.held = Holdings(volumes=(OLD, NEW))
        return super().holdings(project)

    def remove(self, holdings: Holdings, *, gently: bool) -> None:
        if holdings and self.refusals:
            self.refusals -= 1
            raise MachineError("in-use", "a container is just being made")
        super().remove(holdings, gently=gently)


def test_what_appears_late_is_removed_and_what_is_old_is_not() -> None:
    engine = BusyEngine(volumes=[OLD])
    remove_new(engine, "p", Holdings(volumes=(OLD,)))
    assert engine.held.volumes == (OLD,)
    assert (engine.looks, engine.refusals) == (6, 0)


@pytest.mark.parametrize(
    ("backends", "live", "told"),
    [
        ((HERE,), False, ""),
        ((HERE,), True, ""),
        ((HERE, SAAS), True, "LIVE: used for real, with your account: saas"),
        ((HERE, PLAYED), False, "SANDBOX: saas: played by recorders on this machine"),
    ],
)
def test_what_is_said_loudly(backends: tuple[Backend, ...], told: str, *, live: bool) -> None:
    plan = StackPlan(
        identity=identify(Path("project")),
        compose={},
        backends=backends,
        live=live,
    )
    assert "; ".join(warnings_of(plan)).startswith(told)
    assert bool(warnings_of(plan)) is bool(told)
