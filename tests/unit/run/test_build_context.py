"""What goes into a build does not depend on the caller's umask, name or clock."""

from __future__ import annotations

import os
import tarfile
from typing import TYPE_CHECKING

import pytest

from floe_local.run.build_steps import packed
from floe_local.run.process import run

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o077, 0o027])
def test_modes_are_the_recipes(umask: int, tmp_path: Path) -> None:
    before = os.umask(umask)
    try:
        (tmp_path / "package").mkdir()
        (tmp_path / "package" / "main.py").write_text("x")
        (tmp_path / "entrypoint.sh").write_text("x")
        (tmp_path / "entrypoint.sh").chmod(0o777 & ~umask)
    finally:
        os.umask(before)
    with packed(tmp_path) as context, tarfile.open(fileobj=context) as archive:
        entries = archive.getmembers()
    assert {e.name: e.mode for e in entries} == {
        ".": 0o755,
        "./package": 0o755,
        "./package/main.py": 0o644,
        "./entrypoint.sh": 0o755,
    }
    assert {(e.uid, e.gid, e.uname, e.gname) for e in entries} == {(0, 0, "", "")}


def test_what_a_tool_makes_is_for_everybody(tmp_path: Path) -> None:
    before = os.umask(0o077)
    try:
        run(["mkdir", str(tmp_path / "made")])
    finally:
        os.umask(before)
    assert (tmp_path / "made").stat().st_mode & 0o777 == 0o755


def test_a_tool_sees_what_it_is_meant_to_see(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TAR_OPTIONS", "--no-such-option")
    monkeypatch.setenv("LANG", "C.UTF-8")
    seen = run(["env"], env={"OWN": "1"}).output.splitlines()
    assert {"OWN=1", "LANG=C.UTF-8"} <= {*seen}
    assert not [line for line in seen if line.startswith("TAR_OPTIONS")]
