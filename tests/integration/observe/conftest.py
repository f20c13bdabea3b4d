"""One stack for all that passes the tap."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from floe_local.testing import FloeLocal
from tests.integration.backends.conftest import manifest

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FloeLocal]:
    """The reference pair; `FLOE_TEST_MARQUEZ` chooses its Marquez."""
    file = manifest(tmp_path_factory.mktemp("observe"), ("jaeger",), ("marquez",))
    with FloeLocal(file) as stack:
        yield stack
