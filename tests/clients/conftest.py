"""One stack for all clients; at the end, what each came to, and how long it took."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import pytest

from floe_local.testing import FloeLocal
from tests.integration.backends.conftest import manifest

if TYPE_CHECKING:
    from collections.abc import Iterator


class Result(NamedTuple):
    """What a client came to: its row of docs/clients.md, and the seconds that it took."""

    row: str
    install_s: float
    run_s: float


PROPERTY = "client"
"""Under which a test's report carries its result, from whatever process to the terminal."""


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FloeLocal]:
    """The reference pair; `FLOE_TEST_MARQUEZ` chooses its Marquez."""
    file = manifest(tmp_path_factory.mktemp("clients"), ("jaeger",), ("marquez",))
    with FloeLocal(file) as stack:
        yield stack


@pytest.fixture(scope="session")
def results() -> list[Result]:
    """Those of this process."""
    return []


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print the results."""
    reports = terminalreporter.stats.get("passed", [])
    properties = [known for report in reports for known in report.user_properties]
    if results := [value for name, value in properties if name == PROPERTY]:
        terminalreporter.section("clients (seconds to install, seconds to run)")
        for row, install_s, run_s in results:
            terminalreporter.write_line(f"{install_s:6.1f} {run_s:6.1f} {row}")
