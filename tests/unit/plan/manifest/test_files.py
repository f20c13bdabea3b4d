"""Which file is the manifest, and what is said where it is none."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from floe_local.errors import InputError
from floe_local.plan.manifest.reader import load_manifest

if TYPE_CHECKING:
    from pathlib import Path

PAIR = "plugins: {telemetry_backend: jaeger, lineage_backend: marquez}\n"


def test_no_manifest_is_the_reference_pair(tmp_path: Path) -> None:
    manifest = load_manifest(root=tmp_path, environ={})

    assert [b.kind for b in manifest.backends] == ["telemetry", "lineage"]
    assert manifest.file is None
    assert manifest.root == tmp_path


def test_an_environment_has_its_own_manifest(tmp_path: Path) -> None:
    (tmp_path / "prod").mkdir()
    (tmp_path / "prod" / "manifest.yaml").write_text("plugins: {lineage_backend: atlan}")
    (tmp_path / "manifest.yaml").write_text(PAIR)

    manifest = load_manifest(environment="prod", root=tmp_path, environ={"FLOE_ENVIRONMENT": "x"})

    assert [b.where for b in manifest.backends] == ["prod/manifest.yaml:1"]
    assert manifest.environment == "prod"
    assert (manifest.root, manifest.folder) == (tmp_path, tmp_path / "prod")
    with pytest.raises(InputError) as caught:
        load_manifest(environment="staging", root=tmp_path, environ={})
    assert caught.value.reason == "staging/manifest.yaml: there is not such a file"
    assert "prod" in caught.value.hint


@pytest.mark.parametrize("name", ["../x", "..", ".", "", "a/b"])
def test_an_environment_does_not_escape_the_folder(name: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="is not a valid environment name"):
        load_manifest(environment=name, root=tmp_path, environ={})


def test_the_environments_name_comes_from_the_shell_then_the_manifest(tmp_path: Path) -> None:
    (tmp_path / "manifest.yaml").write_text(f"{PAIR}local: {{environment: dev}}")

    assert load_manifest(root=tmp_path, environ={}).environment == "dev"
    shell = {"FLOE_ENVIRONMENT": "ci"}
    assert load_manifest(root=tmp_path, environ=shell).environment == "ci"


def test_a_path_may_be_a_file_or_a_folder(tmp_path: Path) -> None:
    folder = tmp_path / "a folder \u00e4"
    folder.mkdir()
    file = folder / "other.yaml"
    file.write_text(PAIR)

    assert load_manifest(file, environ={}).root == folder
    with pytest.raises(InputError, match="there is not such a file"):
        load_manifest(folder, environ={})
    with pytest.raises(InputError, match="there is not such a file"):
        load_manifest(tmp_path / "none.yaml", environ={})


def test_an_unreadable_manifest(tmp_path: Path) -> None:
    file = tmp_path / "manifest.yaml"
    if os.geteuid() == 0:  # root may read everything, but not this
        file.symlink_to("/proc/self/mem")
    else:
        file.write_text(PAIR)
        file.chmod(0)
    with pytest.raises(InputError, match=r"Permission denied|Input/output error"):
        load_manifest(root=tmp_path, environ={})


def test_a_directory_as_manifest(tmp_path: Path) -> None:
    (tmp_path / "manifest.yaml").mkdir()
    with pytest.raises(InputError, match="Is a directory"):
        load_manifest(root=tmp_path, environ={})
