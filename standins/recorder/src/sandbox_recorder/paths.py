"""Which route a request is for."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from sandbox_recorder.refusals import Refused

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sandbox_recorder.config import Route

_SEGMENT = re.compile(r"(\{[^{}/]+\})")


class Paths:
    """The routes of a backend, ready to be asked."""

    def __init__(self, routes: Sequence[Route]) -> None:
        self._routes = [(_pattern(route.path), route) for route in routes]

    def route(self, method: str, path: str) -> Route:
        """The first route for a method and a path (as sent, percent signs and all).

        Raises:
            Refused: 404 for a path that leads nowhere, 405 for another method.
        """
        there = [route for pattern, route in self._routes if pattern.fullmatch(path)]
        if not there:
            raise Refused(404, "no such path")
        for route in there:
            if route.method == method:
                return route
        allowed = ", ".join(sorted({route.method for route in there}))
        raise Refused(405, f"method {method} on a path for {allowed}", {"Allow": allowed})


def _pattern(path: str) -> re.Pattern[str]:
    """`/a/{b}` matches one segment, of any text, in place of `{b}`."""
    parts = (
        "[^/]+" if _SEGMENT.fullmatch(part) else re.escape(part) for part in _SEGMENT.split(path)
    )
    return re.compile("".join(parts))
