"""Fixtures that integration tests share, and which of the tests run in one process."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

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


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put long groups first."""
    places = {group: place for place, group in enumerate(LONGEST_FIRST)}
    items.sort(key=lambda item: places.get(group_of(item.path), len(places)))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Give a group to one process; xdist's own loadgroup does nothing beside pytest 9.2."""
    from xdist.scheduler import LoadScopeScheduling  # noqa: PLC0415 - only where xdist is

    class ByGroup(LoadScopeScheduling):  # type: ignore[misc]
        def _split_scope(self, nodeid: str) -> str:
            return group_of(config.rootpath / nodeid.partition("::")[0])

    return ByGroup(config, log)


def group_of(file: Path) -> str:
    """The group of a file's tests; the file itself where it is none of these."""
    if HERE not in file.parents:
        return str(file)
    folder = file.parent.relative_to(HERE).as_posix()
    return folder if folder in TOGETHER else file.relative_to(HERE).as_posix()


@pytest.fixture(scope="session")
def engine() -> Iterator[docker.DockerClient]:
    client = docker.from_env()
    yield client
    client.close()
