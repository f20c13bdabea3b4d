from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

import floe_local.testing
from floe_local.testing import FloeLocal

if TYPE_CHECKING:
    from pathlib import Path


def test_a_project_s_folder_and_its_manifest_mean_one_stack(tmp_path: Path) -> None:
    manifest = tmp_path / "manifest.yaml"
    manifest.write_text("plugins: {telemetry_backend: some, lineage_backend: other}\n")
    for given in (manifest, tmp_path):
        assert FloeLocal(given, stack="mine").context == tmp_path / ".floe-local" / "mine"


def test_without_the_extra_the_error_says_how_it_is_installed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delitem(sys.modules, "floe_local.testing.stack", raising=False)
    for name in [n for n in sys.modules if n.partition(".")[0] == "testcontainers"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "testcontainers", None)  # as where it is not installed

    with pytest.raises(ImportError, match=r"pip install 'floe-local\[testing\]'") as caught:
        floe_local.testing.FloeLocal  # noqa: B018 - looking it up imports it

    assert "testcontainers" in str(caught.value)
