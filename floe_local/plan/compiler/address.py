"""Addresses in plugins' configs: ``host:4317``, ``http://host:4318/v1/traces``."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from ipaddress import ip_address
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
    def is_local(self) -> bool:
        """Whether the host means "here": localhost, nothing, or any literal IP address."""
        host = self.host.strip("[]").rstrip(".").lower()
        if host in {"", "localhost"} or host.endswith(".localhost"):
            return True
        try:
            ip_address(host.partition("%")[0])
        except ValueError:
            return False
        return True


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
