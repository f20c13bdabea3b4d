"""pytest fixtures: a stack for a whole run, or one for a test that breaks it."""

from __future__ import annotations

import os
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from floe_local.testing.capture import Capture
    from floe_local.testing.stack import FloeLocal


def pytest_addoption(parser: pytest.Parser) -> None:
    """Let a project say which manifest its tests run on."""
    group = parser.getgroup("floe-local")
    group.addoption(
        "--floe-manifest", help="the manifest of the `floe_stack` fixtures; the reference pair"
    )
    parser.addini("floe_manifest", "the same, as a setting", default="")


@pytest.fixture(scope="session")
def floe_manifest(request: pytest.FixtureRequest) -> str | None:
    """The manifest of the stacks; override this fixture, or use --floe-manifest."""
    config = request.config
    return config.getoption("--floe-manifest") or config.getini("floe_manifest") or None


@pytest.fixture(scope="session")
def floe_stack(floe_manifest: str | None) -> Iterator[FloeLocal]:
    """The stack that all tests of a run share."""
    from floe_local.testing import FloeLocal  # noqa: PLC0415 - not in every pytest run

    with FloeLocal(floe_manifest) as stack:
        yield stack


@pytest.fixture
def floe_own_stack(floe_manifest: str | None) -> Iterator[FloeLocal]:
    """A stack for one test, which may break it."""
    from floe_local.testing import FloeLocal  # noqa: PLC0415 - not in every pytest run

    with FloeLocal(floe_manifest) as stack:
        yield stack


@pytest.fixture
def floe_capture(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Capture]:
    """Take what the code under test sends: no stack, no Docker.

    The environment leads there, of this process and of those that it starts.
    """
    from floe_local.testing.capture import Capture  # noqa: PLC0415 - not in every pytest run

    with aliases_removed(), Capture(folder=tmp_path) as capture:
        for name, value in capture.env.items():
            monkeypatch.setenv(name, value)
        yield capture


@contextmanager
def aliases_removed() -> Iterator[None]:
    """Remove what openlineage-python adds to the environment, by which later clients would send.

    A client that finds ``OPENLINEAGE_URL`` writes it again as
    ``OPENLINEAGE__TRANSPORT__TRANSPORTS__DEFAULT_HTTP__…``, and leaves that there.
    """
    before = {*os.environ}
    try:
        yield
    finally:
        added = {name for name in os.environ if name.startswith("OPENLINEAGE__")} - before
        for name in added:
            del os.environ[name]
