from __future__ import annotations

import os
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from floe_local.errors import InputError, MachineError
from floe_local.plan.stack.model import identify

COMPOSE_PROJECT = re.compile(r"[a-z0-9][a-z0-9_-]*")


@pytest.mark.parametrize(
    ("folder", "name"),
    [
        ("/home/me/Shop", "shop"),
        ("/home/me/données d'été", "donnees-d-ete"),
        ("/home/me/データ", "stack"),
        ("/", "stack"),
        ("/home/me/" + "x" * 90, "x" * 40),
    ],
)
def test_a_stack_is_called_after_its_folder(folder: str, name: str) -> None:
    assert identify(Path(folder)).name == name


@given(st.text(alphabet=st.characters(exclude_characters="/\0", codec="utf-8"), min_size=1))
def test_any_folder_gives_a_project_that_compose_takes(folder: str) -> None:
    assert COMPOSE_PROJECT.fullmatch(identify(Path("/home") / folder).project)


def test_a_folder_that_is_not_utf_8_is_refused() -> None:
    """Neither JSON nor the engine's labels can hold its name."""
    with pytest.raises(MachineError, match=r"\\udcff") as caught:
        identify(Path("/home") / os.fsdecode(b"shop\xff"))
    assert caught.value.code == "folder-name"


def test_a_whole_projects_name_means_that_stack_in_its_folder() -> None:
    for stack in (identify(Path("/a/shop")), identify(Path("/a/shop"), "one")):
        assert identify(Path("/a/shop"), stack.project) == stack
        assert identify(Path("/b/shop"), stack.project).project != stack.project


def test_stacks_of_0_1_0_are_found_again() -> None:
    """The project's name is in labels of volumes: it may never change."""
    assert identify(Path("/home/me/Shop")).project == "shop-b5487600"
    assert identify(Path("/home/me/Shop"), "ci").project == "ci-b5487600"


def test_two_folders_of_one_name_are_two_projects() -> None:
    assert identify(Path("/a/shop")).project != identify(Path("/b/shop")).project


def test_two_stacks_of_one_folder_are_two_projects() -> None:
    assert identify(Path("/a"), "one").project != identify(Path("/a"), "two").project


@pytest.mark.parametrize(
    "name", ["", "..", ".", "../x", "a/b", "/etc", "A", "é", "-a", "a b", "a\n", "x" * 50, "a\0"]
)
def test_a_name_that_is_none_or_leads_out_is_refused(name: str) -> None:
    with pytest.raises(InputError) as caught:
        identify(Path("/a"), name)
    assert caught.value.code == "stack-name"
