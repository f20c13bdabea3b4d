"""Rules about decoded items: what the backend refuses, and what it answers but ignores."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import jmespath

from sandbox_recorder.refusals import Refused

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sandbox_recorder.config import Rule


class Rules:
    """The rules of a route, ready to be asked."""

    def __init__(self, rules: Iterable[Rule]) -> None:
        self._rules = [(jmespath.compile(rule.query), rule) for rule in rules]

    def __bool__(self) -> bool:
        return bool(self._rules)

    def ignored_for(self, item: dict[str, Any]) -> str | None:
        """Why the backend ignores an item, or None if it keeps it.

        Raises:
            Refused: If the backend refuses the request for it.
        """
        for query, rule in self._rules:
            if _holds(query, item):
                continue
            if rule.status is not None:
                raise Refused(rule.status, rule.reason)
            return rule.reason
        return None


def _holds(query: Any, item: dict[str, Any]) -> bool:
    try:
        return query.search(item) is True
    except jmespath.exceptions.JMESPathError:  # such as length() of what is not there
        return False
