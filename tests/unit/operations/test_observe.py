"""What `run` and `listen` do besides: in this process, without a stack."""

from __future__ import annotations

import signal
import sys
from typing import TYPE_CHECKING

from floe_local.observe.verdict import Settings
from floe_local.operations.observe import Options, listen

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


def test_threads_that_pass_bytes_on_wait_little_while_it_listens(tmp_path: Path) -> None:
    during: list[float] = []

    def ready(_variables: Mapping[str, str]) -> None:
        during.append(sys.getswitchinterval())
        signal.raise_signal(signal.SIGINT)

    before = sys.getswitchinterval()
    listen(Settings(), Options(folder=tmp_path), environ={}, ready=ready)
    assert during[0] < before / 10
    assert sys.getswitchinterval() == before
