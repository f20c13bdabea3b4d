from __future__ import annotations

import socket
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from floe_local.plan.plugins.dialing import Dialer, normal_name

NAMES = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9.-]{0,20}", fullmatch=True)


def functions() -> tuple[Any, ...]:
    patched = (socket.socket.connect, socket.socket.connect_ex)
    return (socket.getaddrinfo, socket.gethostbyname, *patched)


def test_leaves_sockets_as_they_were() -> None:
    before = functions()
    with Dialer({("a", 1): ("127.0.0.1", 2)}):
        assert not set(before) & set(functions())
    assert functions() == before


def test_each_name_has_a_loopback_address_of_its_own() -> None:
    targets = {(f"name-{i}", 80): ("127.0.0.1", 1) for i in range(300)}
    with Dialer(targets):
        found = {socket.gethostbyname(name) for name, _ in targets}
    assert len(found) == 300
    assert all(address.startswith("127.200.") for address in found)


def test_the_stacks_names_have_ipv4_addresses_only() -> None:
    with Dialer({("backend", 80): ("127.0.0.1", 1)}):
        families = {info[0] for info in socket.getaddrinfo("backend", 80)}
        assert families == {socket.AF_INET}
        with pytest.raises(socket.gaierror):
            socket.getaddrinfo("backend", 80, socket.AF_INET6)


@given(name=NAMES, port=st.integers(1, 65535), other=st.integers(1, 65535))
def test_translates_the_address_and_the_port_together(name: str, port: int, other: int) -> None:
    with socket.socket() as sock, Dialer({(name, port): ("192.0.2.1", 9)}) as dialer:
        address = socket.getaddrinfo(name.upper(), port)[0][4]
        assert dialer.translated(sock, address) == ("192.0.2.1", 9)
        assert dialer.dialled == [(normal_name(name), port)]
        if other != port:
            with pytest.raises(ConnectionRefusedError, match=f"port {other} in the stack"):
                dialer.translated(sock, (address[0], other))


@pytest.mark.parametrize("address", ["/run/x.sock", ("192.0.2.9", 80), ("127.0.0.1", 81)])
def test_leaves_other_addresses_alone(address: Any) -> None:
    family = socket.AF_UNIX if isinstance(address, str) else socket.AF_INET
    targets = {("backend", 80): ("127.0.0.1", 1), ("127.0.0.1", 80): ("127.0.0.1", 2)}
    with socket.socket(family) as sock, Dialer(targets) as dialer:
        assert dialer.translated(sock, address) == address


def test_a_name_that_is_not_the_stacks_resolves_as_ever() -> None:
    with Dialer({("backend", 80): ("127.0.0.1", 1)}):
        assert socket.gethostbyname("localhost") == "127.0.0.1"
        with pytest.raises(OSError, match=r"."):
            socket.getaddrinfo("no-such-name.invalid", 80)
