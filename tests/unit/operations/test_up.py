from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, cast

import pytest

from floe_local.errors import MachineError
from floe_local.operations.up import remove_new, warnings_of
from floe_local.plan.stack.identity import identify
from floe_local.plan.stack.model import StackBackend, StackPlan
from floe_local.plan.values import Kind
from floe_local.run.engine import Holdings, Volume

if TYPE_CHECKING:
    from floe_local.run.engine import Engine

OLD, NEW = (Volume(name=name, project="p") for name in ("old", "new"))
HERE = StackBackend(name="here", blueprint="here", kind=Kind.LINEAGE, service_of={"api": "here"})
SAAS = StackBackend(name="saas", blueprint="saas", kind=Kind.TELEMETRY)


class Docker:
    """Stands in for an engine on which something appears late, and is in use at first."""

    def __init__(self) -> None:
        self.shown = [(OLD,), (OLD, NEW), (OLD, NEW)]
        self.removed: list[str] = []
        self.refusals = 1

    def holdings(self, _project: str) -> Holdings:
        return Holdings(volumes=self.shown.pop(0) if self.shown else (OLD,))

    def remove(self, holdings: Holdings, *, gently: bool) -> None:
        assert not gently
        if holdings and self.refusals:
            self.refusals -= 1
            raise MachineError("in-use", "a container is just being made")
        self.removed += [volume.name for volume in holdings.volumes]


def test_what_appears_late_is_removed_and_what_is_old_is_not() -> None:
    engine = Docker()
    remove_new(cast("Engine", engine), "p", Holdings(volumes=(OLD,)))
    assert engine.removed == ["new"]
    assert not engine.shown


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
    assert "; ".join(warnings_of(plan)).startswith(told)
    assert bool(warnings_of(plan)) is bool(told)
