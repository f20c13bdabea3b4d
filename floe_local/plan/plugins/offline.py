"""No network for a plugin: every name resolves, every connection is refused and remembered.

Covers what dials through Python's socket module. A library with sockets of its own (gRPC)
is not seen.

Stdlib only: the plugins' child process imports it.
"""

from __future__ import annotations

import errno
import os
import socket
import sys
from typing import Any, Self

from floe_local.plan.plugins.dialing import normal_name

REFUSED_EVENTS = ("socket.connect", "socket.sendto", "socket.sendmsg")
"""What Python tells its audit hooks before it sends anything anywhere; C code cannot go round."""


class Offline:
    """Refuses every connection while its block runs; `dialled` is where they would have gone.

    A name that is looked up counts as dialled, too: the resolver is on the network. It gets
    a loopback address of its own, so that the plugin comes to its connection, which fails as
    one to a closed port does.
    """

    def __init__(self) -> None:
        self.dialled: list[str] = []
        self._names: dict[str, str] = {}
        self._is_on = False

    def __enter__(self) -> Self:
        self._getaddrinfo, self._gethostbyname = socket.getaddrinfo, socket.gethostbyname
        self._patch(self.getaddrinfo, self.gethostbyname)
        self._is_on = True
        sys.addaudithook(self._refuse)  # for good: nothing can take one away
        return self

    def __exit__(self, *raised: object) -> None:
        self._is_on = False
        self._patch(self._getaddrinfo, self._gethostbyname)

    @staticmethod
    def _patch(getaddrinfo: Any, gethostbyname: Any) -> None:
        for name, function in (("getaddrinfo", getaddrinfo), ("gethostbyname", gethostbyname)):
            setattr(socket, name, function)

    def getaddrinfo(self, host: Any, port: Any, family: int = 0, *args: Any, **kwargs: Any) -> Any:
        """Resolve any name to a loopback address of its own."""
        if host is None:  # this machine, to listen on
            return self._getaddrinfo(host, port, family, *args, **kwargs)
        self._remember(normal_name(host), port)
        return self._getaddrinfo(self._address(host), port, socket.AF_INET, *args, **kwargs)

    def gethostbyname(self, host: str) -> str:
        """Resolve any name to a loopback address of its own."""
        self._remember(normal_name(host), None)
        return self._address(host)

    def _address(self, host: Any) -> str:
        name = normal_name(host)
        known = {n: address for address, n in self._names.items()}
        address = known.get(name) or f"127.201.0.{len(known) % 254 + 1}"
        self._names[address] = name
        return address

    def _remember(self, name: str, port: object) -> None:
        place = f"{name}:{port}" if port is not None else name
        if place not in self.dialled:
            self.dialled.append(place)

    def _refuse(self, event: str, arguments: tuple[Any, ...]) -> None:
        if not self._is_on or event not in REFUSED_EVENTS:
            return
        address = arguments[1] if len(arguments) > 1 else None
        if isinstance(address, tuple):
            host, port = normal_name(address[0]), address[1]
            self._remember(self._names.get(host, host), port)
        elif address is not None:
            self._remember(os.fsdecode(address), None)
        raise ConnectionRefusedError(errno.ECONNREFUSED, "Connection refused")
