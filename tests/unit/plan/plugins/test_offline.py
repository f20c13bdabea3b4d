"""Nothing that dials through Python gets anywhere, and all of it is remembered."""

from __future__ import annotations

import asyncio
import http.client
import socket
from typing import TYPE_CHECKING

import httpx
import pytest
import requests

from floe_local.plan.plugins.probe import Offline

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.servers import AnsweringServer

TIMEOUT_S = 2.0


async def _async_httpx() -> None:
    async with httpx.AsyncClient() as client:
        await client.get("http://api.example.com:83")


async def _streams() -> None:
    await asyncio.open_connection("api.example.com", 84)


def _datagram() -> None:
    with socket.socket(type=socket.SOCK_DGRAM) as sender:
        sender.sendto(b"x", ("10.0.0.7", 8125))


def _get() -> None:
    http.client.HTTPConnection("10.0.0.7", 85, timeout=TIMEOUT_S).request("GET", "/")


DIALS: dict[str, tuple[Callable[[], object], str]] = {
    "requests": (
        lambda: requests.get("https://API.example.com.", timeout=2),
        "api.example.com:443",
    ),
    "httpx": (lambda: httpx.get("http://api.example.com:82"), "api.example.com:82"),
    "httpx, async": (lambda: asyncio.run(_async_httpx()), "api.example.com:83"),
    "asyncio": (lambda: asyncio.run(_streams()), "api.example.com:84"),
    "an address": (_get, "10.0.0.7:85"),
    "IPv6": (lambda: socket.create_connection(("::1", 86), TIMEOUT_S), "::1:86"),
    "a datagram": (_datagram, "10.0.0.7:8125"),
    "a look-up": (lambda: socket.create_connection((socket.gethostbyname("a.b"), 87)), "a.b"),
}


@pytest.mark.parametrize("case", DIALS)
def test_what_dials_is_refused_and_remembered(case: str) -> None:
    dial, told = DIALS[case]
    refusals = (OSError, httpx.ConnectError)
    with Offline() as offline, pytest.raises(refusals, match=r"(?i)refused|failed"):
        dial()
    assert told in offline.dialled


def test_a_local_socket_counts_as_dialled(tmp_path: Path) -> None:
    path = str(tmp_path / "engine.sock")
    with (
        Offline() as offline,
        socket.socket(socket.AF_UNIX) as client,
        pytest.raises(ConnectionRefusedError),
    ):
        client.connect(path)
    assert offline.dialled == [path]


def test_afterwards_the_network_is_back(serve: Callable[..., AnsweringServer]) -> None:
    server = serve({"a": 1})
    with Offline():
        pass
    assert requests.get(server.url, timeout=TIMEOUT_S).json()["a"] == 1
