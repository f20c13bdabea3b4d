from __future__ import annotations

from typing import TYPE_CHECKING, cast

from floe_local.errors import MachineError
from floe_local.operations.undo import remove_new
from floe_local.run.engine import Holdings, Volume

if TYPE_CHECKING:
    from floe_local.run.engine import Engine

OLD, NEW = (Volume(name=name, project="p") for name in ("old", "new"))


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
