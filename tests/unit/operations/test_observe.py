"""What `run` and `listen` do besides: in this process, without a stack."""

from __future__ import annotations

import shutil
import signal
import sys
from time import monotonic
from typing import TYPE_CHECKING

from floe_local.observe.session.keep import FOLDER
from floe_local.observe.verdict import Settings
from floe_local.operations.observe import Options, listen, run
from tests.waiting import wait_for

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


def test_a_session_that_cannot_be_kept_is_named(tmp_path: Path) -> None:
    def ready(_variables: Mapping[str, str]) -> None:
        shutil.rmtree(tmp_path / FOLDER)
        signal.raise_signal(signal.SIGINT)

    result = listen(Settings(), Options(folder=tmp_path), environ={}, ready=ready)
    assert result.file is None
    assert result.warnings == (
        f"the session is not kept in {tmp_path / FOLDER}: No such file or directory",
    )


SENDS_ON = """
import http.client, os, pathlib, sys
from urllib.parse import urlsplit
url = urlsplit(os.environ["OPENLINEAGE_URL"])
end = http.client.HTTPConnection(url.hostname, url.port)
try:
    while True:
        end.request("POST", url.path, b"{}")
        end.getresponse().read()
        pathlib.Path(sys.argv[1]).touch()
except (OSError, http.client.HTTPException):
    pathlib.Path(sys.argv[1] + ".over").touch()
"""


def test_a_child_that_sends_on_after_its_parent_is_cut_off(tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    script = f'{sys.executable} -c "$1" {mark} & while ! test -e {mark}; do sleep 0.05; done'
    options = Options(folder=tmp_path, deadline_s=0.6)
    begun = monotonic()
    result = run(["sh", "-c", script, "x", SENDS_ON], Settings(profiles=()), options)
    assert monotonic() - begun < 30
    assert len(result.session.events) >= 1
    assert [one.code for one in result.verdict.findings if one.code != "not-acknowledged"] == [
        "still-connected"
    ]
    wait_for((tmp_path / "mark.over").exists, what="the end of what sends on")
