"""Fixtures that integration tests share, and which of the tests run in one process."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import docker
import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

HERE = Path(__file__).parent
TOGETHER = frozenset({"images", "observe", "plugins", "prove", "standin"})
"""Folders whose tests share a stack, or look for what others of them leave: one process each.

Of other folders each file has a process. What two processes do at the same time must not meet:
a test counts only containers, networks, volumes, images of names that it made itself.
"""
LONGEST_FIRST = (
    "backends/test_every_backend.py",
    "images",
    "stack/test_small_stacks.py",
    "prove",
    "plugins",
    "stack/test_interrupts.py",
)
"""What takes a minute or more; begun last, one of them would be waited for alone."""


@pytest.hookimpl(wrapper=True)  # before xdist, which reads the marks as early as it can
def pytest_collection_modifyitems(items: list[pytest.Item]) -> Iterator[None]:
    """Name the group that a test belongs to, for ``--dist loadgroup``; long groups come first."""
    groups = {item: group_of(item.path) for item in items if HERE in item.path.parents}
    for item, group in groups.items():
        item.add_marker(pytest.mark.xdist_group(group))
    places = {group: place for place, group in enumerate(LONGEST_FIRST)}
    items.sort(key=lambda item: places.get(groups.get(item, ""), len(places)))
    yield


def group_of(file: Path) -> str:
    """The group of a file's tests."""
    folder = file.parent.relative_to(HERE).as_posix()
    return folder if folder in TOGETHER else file.relative_to(HERE).as_posix()


@pytest.fixture(scope="session")
def engine() -> Iterator[docker.DockerClient]:
    client = docker.from_env()
    yield client
    client.close()
