"""Lets a plugin's own code reach the stack from the host, by the names that containers use.

Inside a `Dialer`, a name of the stack resolves to a loopback address of its own
(127.200.0.x), and connect() translates (that address, container port) to (engine's host,
published port). Both halves are needed: some clients (anyio, so async httpx) keep only the
address of what getaddrinfo gives, and put their own port to it. Covers whatever dials
through Python's socket module: requests, urllib, http.client, httpx, aiohttp's default.
Not gRPC, which brings a resolver of its own.

Stdlib only: the plugins' child process imports it.
"""

from __future__ import annotations

import ipaddress
import socket
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from collections.abc import Mapping

SocketAddress = tuple[str, int]
LOOPBACK_NAMES = ("localhost",)
_ADDRESSES_IN_A_BLOCK = 254


def normal_name(host: str | bytes | None) -> str:
    """Give a host name as DNS compares it: lower case, no trailing dot, no brackets."""
    text = host.decode("ascii", "replace") if isinstance(host, bytes) else host or ""
    return text.strip("[]").rstrip(".").lower()


class Dialer:
    """Maps the stack's addresses while its block runs; remembers what was dialled.

    Args:
        targets: (host name, container port) → (host, published port). Localhost and IP
            literals may be among them.
    """

    def __init__(self, targets: Mapping[SocketAddress, SocketAddress]) -> None:
        self._targets = {(normal_name(h), p): target for (h, p), target in targets.items()}
        names = sorted({name for name, _ in self._targets})
        self._synthetic = {name: _synthetic_address(i) for i, name in enumerate(names)}
        self._names = {address: name for name, address in self._synthetic.items()}
        self.dialled: list[SocketAddress] = []

    def __enter__(self) -> Self:
        self._getaddrinfo = socket.getaddrinfo
        self._gethostbyname = socket.gethostbyname
        self._connect = socket.socket.connect
        self._connect_ex = socket.socket.connect_ex
        dialer = self

        def connect(sock: socket.socket, address: Any) -> None:
            dialer._connect(sock, dialer.translated(sock, address))

        def connect_ex(sock: socket.socket, address: Any) -> int:
            return dialer._connect_ex(sock, dialer.translated(sock, address))

        self._patch(self.getaddrinfo, self.gethostbyname, connect, connect_ex)
        return self

    def __exit__(self, *raised: object) -> None:
        self._patch(self._getaddrinfo, self._gethostbyname, self._connect, self._connect_ex)

    @staticmethod
    def _patch(getaddrinfo: Any, gethostbyname: Any, connect: Any, connect_ex: Any) -> None:
        for owner, name, function in (
            (socket, "getaddrinfo", getaddrinfo),
            (socket, "gethostbyname", gethostbyname),
            (socket.socket, "connect", connect),
            (socket.socket, "connect_ex", connect_ex),
        ):
            setattr(owner, name, function)

    def getaddrinfo(self, host: Any, port: Any, family: int = 0, *args: Any, **kwargs: Any) -> Any:
        """Resolve as socket.getaddrinfo does, the stack's names to their loopback addresses."""
        address = self._synthetic.get(normal_name(host)) if isinstance(host, str | bytes) else None
        if address is None:
            return self._getaddrinfo(host, port, family, *args, **kwargs)
        if family == socket.AF_INET6:
            raise socket.gaierror(socket.EAI_NONAME, f"{host} has only an IPv4 address here")
        return self._getaddrinfo(address, port, socket.AF_INET, *args, **kwargs)

    def gethostbyname(self, host: str) -> str:
        """Resolve as socket.gethostbyname does, the stack's names to their loopback addresses."""
        return self._synthetic.get(normal_name(host)) or self._gethostbyname(host)

    def translated(self, sock: socket.socket, address: Any) -> Any:
        """Give the address to connect to in place of `address`.

        Raises:
            ConnectionRefusedError: a name of the stack, at a port that it does not publish.
        """
        if sock.family not in (socket.AF_INET, socket.AF_INET6) or not isinstance(address, tuple):
            return address
        host, port = normal_name(address[0]), address[1]
        name = self._names.get(host, host)
        self.dialled.append((name, port))
        target = self._targets.get((name, port))
        if target is not None:
            return _for_family(sock, target)
        return self._unmapped(name, host, port, address)

    def _unmapped(self, name: str, host: str, port: int, address: Any) -> Any:
        if name not in self._synthetic:
            return address
        if _is_loopback_name(name):
            return ("127.0.0.1", port)
        if name == host and _is_ip(name):
            return address
        published = sorted(p for n, p in self._targets if n == name)
        message = f"{name} does not listen on port {port} in the stack (it does on {published})"
        raise ConnectionRefusedError(message)


def _synthetic_address(index: int) -> str:
    block, last = divmod(index, _ADDRESSES_IN_A_BLOCK)
    return f"127.200.{block}.{last + 1}"


def _for_family(
    sock: socket.socket, target: SocketAddress
) -> SocketAddress | tuple[str, int, int, int]:
    host, port = target
    if sock.family == socket.AF_INET6 and _is_ip(host) and ":" not in host:
        return (f"::ffff:{host}", port, 0, 0)  # an IPv4 target, dialled from an IPv6 socket
    return target


def _is_ip(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _is_loopback_name(name: str) -> bool:
    return name in LOOPBACK_NAMES or (_is_ip(name) and ipaddress.ip_address(name).is_loopback)
