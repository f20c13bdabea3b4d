"""A request as it came over the wire, for checks that want more than a decoded form."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class Incoming:
    """Method, path and query as sent (percent signs and all), headers by lower-case name.

    `body` is what came over the wire, compressed or not.
    """

    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def content_type(self) -> str:
        """The media type without its parameters, in lower case; empty if there is none."""
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()

    @property
    def encoding(self) -> str:
        """The content encoding in lower case; `identity` if there is none."""
        return self.headers.get("content-encoding", "").strip().lower() or "identity"
