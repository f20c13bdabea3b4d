"""One stack for all that passes the tap."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from floe_local.testing import FloeLocal

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="session")
def stack() -> Iterator[FloeLocal]:
    with FloeLocal() as stack:
        yield stack
