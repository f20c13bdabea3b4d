from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from floe_local.errors import InputError
from floe_local.plan.blueprint.model import compose_folder
from floe_local.plan.blueprint.recipe import GoBuild, content_hash, load_recipe
from floe_local.plan.values import Origin

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

RECIPES = sorted(path.parent for path in compose_folder().rglob("recipe.yaml"))
FILES = st.dictionaries(st.text(min_size=1, max_size=5), st.binary(max_size=5), max_size=4)
IMAGE = "recipe: 1\nname: tiny\nsteps: [{step: docker-build}]\n"


def write(folder: Path, files: Mapping[str, str]) -> Path:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    return folder


@given(FILES, FILES)
def test_two_folders_have_one_hash_only_when_they_are_the_same(
    one: dict[str, bytes], other: dict[str, bytes]
) -> None:
    assert (content_hash(one) == content_hash(other)) == (one == other)


@given(FILES)
def test_the_order_of_files_does_not_matter(files: dict[str, bytes]) -> None:
    assert content_hash(dict(reversed(files.items()))) == content_hash(files)


def test_a_name_and_a_content_cannot_be_taken_for_each_other() -> None:
    assert content_hash({"a": b"bc"}) != content_hash({"ab": b"c"})


def test_what_an_image_stands_on_is_part_of_its_hash(tmp_path: Path) -> None:
    write(tmp_path, {"base/recipe.yaml": IMAGE, "top/recipe.yaml": f"{IMAGE}base: ../base\n"})
    before = load_recipe(tmp_path / "top")

    write(tmp_path, {"base/extra": "changed"})
    after = load_recipe(tmp_path / "top")

    assert before.reference != after.reference
    assert [recipe.folder.name for recipe in after.chain] == ["base", "top"]


def test_a_link_to_a_folder_is_as_the_folder_itself(tmp_path: Path) -> None:
    write(tmp_path, {"server/a.py": "1", "server/b/c.py": "2", "linked/recipe.yaml": IMAGE})
    write(
        tmp_path, {f"whole/server/{name}": text for name, text in (("a.py", "1"), ("b/c.py", "2"))}
    )
    write(tmp_path, {"whole/recipe.yaml": IMAGE})
    (tmp_path / "linked/server").symlink_to("../server")

    assert load_recipe(tmp_path / "linked").digest == load_recipe(tmp_path / "whole").digest


def test_a_link_to_a_folder_that_it_is_in_leads_nowhere(tmp_path: Path) -> None:
    folder = write(tmp_path, {"recipe.yaml": IMAGE, "a/b": "1"})
    before = load_recipe(folder)

    (folder / "a/up").symlink_to("..")

    assert load_recipe(folder) == before


def test_caches_and_modes_do_not_change_the_hash(tmp_path: Path) -> None:
    folder = write(tmp_path, {"recipe.yaml": IMAGE, "run.sh": "true"})
    before = load_recipe(folder)

    write(folder, {"__pycache__/a.pyc": "x", ".cache/y": "x"})
    (folder / "run.sh").chmod(0o755)

    assert load_recipe(folder) == before


def test_the_name_and_the_labels_tell_what_an_image_is(tmp_path: Path) -> None:
    write(
        tmp_path,
        {"recipe.yaml": f"{IMAGE}origin: stand-in\nupstream: some/thing:1\ndiffers: no UI\n"},
    )

    recipe = load_recipe(tmp_path)

    assert recipe.reference == f"floe-local/tiny:{recipe.digest[:16]}"
    assert recipe.labels == {
        "dev.floe.local.origin": "stand-in",
        "dev.floe.local.recipe": f"tiny@{recipe.digest}",
        "dev.floe.local.upstream": "some/thing:1",
        "dev.floe.local.differs": "no UI",
    }


@pytest.mark.parametrize(
    ("text", "code", "said"),
    [
        (
            "recipe: 1\nname: tiny\nsteps: [{step: go-build, output: x}]\n",
            "recipe-invalid",
            "the last",
        ),
        (f"{IMAGE}color: red\n", "recipe-invalid", "recipe.yaml:4: color"),
        (IMAGE.replace("tiny", "Tiny"), "recipe-invalid", "recipe.yaml:2: name"),
        (f"{IMAGE}origin: upstream\n", "recipe-invalid", "recipe.yaml:4: origin"),
        (IMAGE.replace("docker-build", "shell"), "recipe-invalid", "recipe.yaml:3: steps[0]"),
        ("steps: [", "recipe-broken", "recipe.yaml:"),
        (f"{IMAGE}base: .\n", "recipe-cycle", "base"),
    ],
)
def test_a_wrong_recipe_is_told_with_its_place(
    tmp_path: Path, text: str, code: str, said: str
) -> None:
    with pytest.raises(InputError) as raised:
        load_recipe(write(tmp_path, {"recipe.yaml": text}))

    assert raised.value.code == code
    assert said in raised.value.reason


def test_a_missing_recipe_is_told(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"recipe\.yaml") as raised:
        load_recipe(tmp_path)

    assert raised.value.code == "recipe-unreadable"


@pytest.mark.parametrize("folder", RECIPES, ids=lambda folder: folder.parent.name)
def test_every_shipped_recipe_loads_and_has_its_files(folder: Path) -> None:
    recipe = load_recipe(folder)

    assert recipe.recipe.origin in {Origin.BUILT, Origin.STAND_IN, Origin.SANDBOX}
    if any(isinstance(step, GoBuild) and not step.module for step in recipe.recipe.steps):
        assert (folder / "go.mod").is_file()


def test_there_are_shipped_recipes() -> None:
    assert len(RECIPES) >= 5


@pytest.mark.parametrize(
    ("dockerfile", "extra", "ok"),
    [
        ("ARG BASE\nFROM ${BASE}\n", "", False),
        ("arg BASE\nfrom --platform=linux/amd64 $BASE AS x\n", "", False),
        ("ARG BASE\nFROM ${BASE}\n", "pulled_base: debian:12\n", True),
        ("ARG BASE=debian:12\nFROM ${BASE}\n", "", True),
        ("FROM debian:12\n", "", True),
        ("FROM ${BASEMENT}\n", "", True),
    ],
)
def test_a_dockerfile_that_stands_on_nothing_is_refused(
    dockerfile: str, extra: str, *, ok: bool, tmp_path: Path
) -> None:
    write(tmp_path, {"recipe.yaml": IMAGE + extra, "Dockerfile": dockerfile})
    if ok:
        assert load_recipe(tmp_path)
        return
    with pytest.raises(InputError, match="stands on BASE, and there is no `base`"):
        load_recipe(tmp_path)


VARIANTS = f"""{IMAGE}variants:
- {{name: core, adds: [exporters/otlp, processors/batch]}}
- {{name: full, adds: [exporters/file], tags: [full]}}
"""


@pytest.mark.parametrize(
    ("components", "names"),
    [
        ((), ["tiny-core", "tiny-full"]),
        (("exporters/otlp",), ["tiny-core", "tiny-full"]),
        (("exporters/otlp", "exporters/file"), ["tiny-full"]),
        (("exporters/unknown",), []),
    ],
)
def test_the_smallest_variant_with_all_components_comes_first(
    tmp_path: Path, components: tuple[str, ...], names: list[str]
) -> None:
    recipe = load_recipe(write(tmp_path, {"recipe.yaml": VARIANTS}))

    variants = recipe.variants_with(components)

    assert [variant.name for variant in variants] == names
    assert [v.reference for v in variants] == [
        f"floe-local/{n}:{recipe.digest[:16]}" for n in names
    ]
    for variant, name in zip(variants, names, strict=True):
        assert variant.labels["dev.floe.local.recipe"] == f"{name}@{recipe.digest}"


def test_a_recipe_without_variants_is_the_only_choice(tmp_path: Path) -> None:
    recipe = load_recipe(write(tmp_path, {"recipe.yaml": IMAGE}))

    assert recipe.variants_with(["exporters/otlp"]) == (recipe,)
