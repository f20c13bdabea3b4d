"""Addresses in plugins' configs: ``host:4317``, ``http://host:4318/v1/traces``."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Any

_ADDRESS = re.compile(
    r"^(?:(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*)://(?P<slash>/?))?(?P<user>[^@/?#]*@)?"
    r"(?P<host>\[[^\]]*\]|[^:/?#@\[\]\s]*)(?::(?P<port>[0-9]{1,5}))?(?P<rest>[/?#]\S*)?$"
)


@dataclass(frozen=True)
class Address:
    """A host with, perhaps, scheme, user, port, and the rest (path and query)."""

    host: str
    port: int | None = None
    scheme: str = ""
    user: str = ""
    rest: str = ""
    separator: str = "://"

    def __str__(self) -> str:
        start = f"{self.scheme}{self.separator}" if self.scheme else ""
        port = "" if self.port is None else f":{self.port}"
        return f"{start}{self.user}{self.host}{port}{self.rest}"

    def at(self, **parts: Any) -> Address:
        """This address with parts replaced."""
        return replace(self, **parts)

    @property
    def ip(self) -> IPv4Address | IPv6Address | None:
        """The host, where it is a literal IP address."""
        try:
            return ip_address(self.host.strip("[]").partition("%")[0])
        except ValueError:
            return None

    @property
    def is_local(self) -> bool:
        """Whether the host means "here": localhost, nothing, a loopback or unspecified address."""
        host = self.host.strip("[]").rstrip(".").lower()
        if host in {"", "localhost"} or host.endswith(".localhost"):
            return True
        return self.ip is not None and (self.ip.is_loopback or self.ip.is_unspecified)

    @property
    def is_private(self) -> bool:
        """Whether the host is "here", or an IP address of a private network."""
        return self.is_local or (self.ip is not None and self.ip.is_private)


def parse_address(text: Any) -> Address | None:
    """Parse an address; None for what is none, or is only known when it runs (``${env:X}``)."""
    if not isinstance(text, str) or text.startswith(("unix:", "/")) or not text.strip():
        return None
    match = _ADDRESS.match(text.strip())
    if match is None or (match["host"] == "" and match["port"] is None):
        return None
    if "$" in match["host"]:
        return None
    return Address(
        host=match["host"],
        port=None if match["port"] is None else int(match["port"]),
        scheme=match["scheme"] or "",
        user=match["user"] or "",
        rest=match["rest"] or "",
        separator=f"://{match['slash'] or ''}",
    )
