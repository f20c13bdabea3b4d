from __future__ import annotations

from typing import TYPE_CHECKING

from floe_local.testing import FloeLocal

if TYPE_CHECKING:
    from pathlib import Path


def test_a_project_s_folder_and_its_manifest_mean_one_stack(tmp_path: Path) -> None:
    manifest = tmp_path / "manifest.yaml"
    manifest.write_text("plugins: {telemetry_backend: some, lineage_backend: other}\n")
    for given in (manifest, tmp_path):
        assert FloeLocal(given, stack="mine").context == tmp_path / ".floe-local" / "mine"
