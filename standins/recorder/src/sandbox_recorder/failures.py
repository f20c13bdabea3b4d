"""Failures on demand: the next requests are answered as a backend in trouble would."""

from __future__ import annotations

import threading
from dataclasses import asdict, dataclass, replace
from typing import Any

_LOWEST, _HIGHEST = 400, 599


@dataclass(frozen=True, slots=True)
class Failure:
    """A status for the next `times` requests (None: until cleared), or those of one path."""

    status: int
    times: int | None = 1
    retry_after: int | None = None
    path: str | None = None


def parse_failure(given: Any) -> Failure:
    """Make a failure of a JSON value; times is 1 if not said.

    Raises:
        ValueError: If it is none; the message says why.
    """
    problem = _problem(given)
    if problem:
        raise ValueError(problem)
    return Failure(**given)


def _problem(given: Any) -> str | None:
    names = Failure.__slots__
    if not isinstance(given, dict) or not {"status"} <= set(given) <= set(names):
        return f"wanted: an object with status, and any of {', '.join(names[1:])}"
    status = given["status"]
    if not (_is_whole(status) and _LOWEST <= status <= _HIGHEST):
        return f"status is a number from {_LOWEST} to {_HIGHEST}"
    for name, least in (("times", 1), ("retry_after", 0)):
        value = given.get(name)
        if value is not None and not (_is_whole(value) and value >= least):
            return f"{name} is a whole number from {least} on, or null"
    if not isinstance(given.get("path"), str | None):
        return "path is text, or null"
    return None


def _is_whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


class Failures:
    """The failure that is in force, if any; safe to use from several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._current: Failure | None = None

    def put(self, failure: Failure | None) -> None:
        """Put a failure in force in place of what was; None clears it."""
        with self._lock:
            self._current = failure

    def as_dict(self) -> dict[str, Any] | None:
        """What is in force, with the `times` that are left, as a JSON value."""
        with self._lock:
            return asdict(self._current) if self._current else None

    def take(self, path: str) -> Failure | None:
        """The failure that a request to `path` gets, which is then used up by one."""
        with self._lock:
            current = self._current
            if current is None or current.path not in {None, path}:
                return None
            if current.times is not None:
                left = current.times - 1
                self._current = replace(current, times=left) if left else None
            return current
