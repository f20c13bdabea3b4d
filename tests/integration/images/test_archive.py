from __future__ import annotations

import tarfile
from typing import TYPE_CHECKING

import pytest

from floe_local.errors import InputError, MachineError
from floe_local.run.build import build
from floe_local.run.image_archive import load_images, save_images

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from floe_local.plan.blueprint.recipe import LocatedRecipe
    from floe_local.run.engine import Engine

    Make = Callable[..., LocatedRecipe]

pytestmark = pytest.mark.integration


def test_images_come_back_with_their_names_and_digests(
    engine: Engine, make_recipe: Make, tmp_path: Path
) -> None:
    names = [build(make_recipe(), engine), build(make_recipe(), engine)]
    file = tmp_path / "images.tar"

    saved = save_images(names, file, engine)
    for name in names:
        engine.client.images.remove(name)
    loaded = load_images(file, engine)

    assert loaded == saved
    assert [image.reference for image in loaded.images] == names
    for image in loaded.images:
        found = engine.image(image.reference)
        assert found is not None
        assert found.id == image.digest
    assert list(tmp_path.glob("images*")) == [file]


def test_an_image_that_is_not_here_leaves_no_file(engine: Engine, tmp_path: Path) -> None:
    with pytest.raises(MachineError) as caught:
        save_images(["floe-local/nobody:1"], tmp_path / "images.tar", engine)

    assert caught.value.code == "image-missing"
    assert list(tmp_path.iterdir()) == []


def test_what_is_not_such_an_archive_is_refused(engine: Engine, tmp_path: Path) -> None:
    text, other = tmp_path / "text.tar", tmp_path / "other.tar"
    text.write_text("no archive")
    with tarfile.open(other, "w"):
        pass

    for file in (text, other):
        with pytest.raises(InputError) as caught:
            load_images(file, engine)
        assert str(file) in caught.value.reason
