"""Real clients, given what `floe-local env` prints, read back from the backends themselves."""

from __future__ import annotations

import os
from time import monotonic
from typing import TYPE_CHECKING

import pytest

from docs.clients import PAGE, committed, page, row
from floe_local.errors import CheckFailedError
from tests.clients.conftest import PROPERTY, Result
from tests.clients.harness import (
    ABSENCE_S,
    ARRIVAL_S,
    arrives,
    clients,
    environment,
    known_ids,
    missing_tools,
    printed,
    run,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from floe_local.testing import FloeLocal
    from tests.clients.harness import Client

pytestmark = [pytest.mark.clients, pytest.mark.timeout(1200)]  # it may have to be installed first

EVERY_WAY = [
    pytest.param(
        client,
        name,
        id=f"{client.folder.name}: {name}",
        marks=[pytest.mark.nightly] if way.nightly else [],
    )
    for client in clients()
    for name, way in client.ways.items()
]
ARRIVING = [p for p in EVERY_WAY if not p.values[0].ways[p.values[1]].lost]  # type: ignore[union-attr]


def home_of(client: Client) -> Path:
    """The client's environment; a developer's machine may lack its tool, CI's does not."""
    missing = missing_tools(client)
    if missing and not os.environ.get("CI"):
        pytest.skip(f"needs {' and '.join(missing)}")
    return environment(client)


@pytest.mark.parametrize(("client", "name"), EVERY_WAY)
def test_what_env_prints_is_enough(
    client: Client,
    name: str,
    stack: FloeLocal,
    results: list[Result],
    record_property: Callable[[str, object], None],
) -> None:
    way = client.ways[name]
    begun = monotonic()
    home = home_of(client)
    installed = monotonic()
    known = known_ids(stack, way.sends)
    sent = run(way, home, printed(stack, way.env))
    if way.lost:
        with pytest.raises(CheckFailedError, match="does not show"):
            arrives(stack, sent, ABSENCE_S, known)
    else:
        arrives(stack, sent, ARRIVAL_S, known)
    results.append(Result(row(client, name), installed - begun, monotonic() - installed))
    record_property(PROPERTY, tuple(results[-1]))


@pytest.mark.nightly
@pytest.mark.parametrize(("client", "name"), ARRIVING)
def test_the_variables_that_it_reads_are_enough(
    client: Client, name: str, stack: FloeLocal
) -> None:
    way = client.ways[name]
    known = known_ids(stack, way.sends)
    sent = run(way, home_of(client), printed(stack, way.env, only=way.reads))
    arrives(stack, sent, known=known)


def test_the_page_has_what_the_run_has_shown(results: list[Result]) -> None:
    """The last test: `results` holds a line for each client that passed."""
    shown = {result.row for result in results}
    if os.environ.get("FLOE_UPDATE_GOLDEN"):
        PAGE.write_text(page(clients(), {*committed(), *shown}), encoding="utf-8")
    assert shown <= committed()
