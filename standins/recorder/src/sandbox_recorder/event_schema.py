"""JSON Schemas that a body must satisfy, formats included."""

from __future__ import annotations

import json
import re
from datetime import datetime
from importlib import resources
from typing import TYPE_CHECKING, Any
from uuid import UUID

from jsonschema import Draft202012Validator, FormatChecker
from jsonschema.exceptions import best_match

from sandbox_recorder.refusals import Refused

if TYPE_CHECKING:
    from collections.abc import Callable

_LONGEST_REASON = 300  # characters: a reason quotes the value that is wrong
_DATE_TIME = re.compile(
    r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(?P<fraction>\.\d+)?(?P<zone>[Zz]|[+-]\d\d:\d\d)"
)
_URI = re.compile(
    r"[A-Za-z][A-Za-z0-9+.-]*:(?:[A-Za-z0-9\-._~:/?#\[\]@!$&'()*+,;=]|%[0-9A-Fa-f]{2})+"
)
_UUID = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")


class EventSchema:
    """A schema of this package, by the name that a route has for it."""

    def __init__(self, name: str) -> None:
        text = (
            resources.files("sandbox_recorder").joinpath(f"{name}.schema.json").read_text("utf-8")
        )
        self._validator = Draft202012Validator(json.loads(text), format_checker=_formats())

    def check(self, value: Any) -> None:
        """Check a JSON value.

        Raises:
            Refused: 400, with the place and what is wrong there.
        """
        problem = best_match(self._validator.iter_errors(value))
        if problem is not None:
            place = ".".join(map(str, problem.absolute_path)) or "the event"
            reason = f"{place}: {problem.message}"
            raise Refused(400, reason[:_LONGEST_REASON])


def _formats() -> FormatChecker:
    """Those of OpenLineage, checked here: a checker skips what it has no package for."""
    checker = FormatChecker(formats=())
    for name, is_valid in (("date-time", _is_date_time), ("uri", _is_uri), ("uuid", _is_uuid)):
        checker.checks(name)(_of_text(is_valid))
    return checker


def _of_text(is_valid: Callable[[str], bool]) -> Callable[[object], bool]:
    return lambda value: not isinstance(value, str) or is_valid(value)


def _is_date_time(text: str) -> bool:
    found = _DATE_TIME.fullmatch(text)
    if found is None:
        return False
    zone = "+00:00" if found["zone"] in "Zz" else found["zone"]
    try:
        datetime.fromisoformat(f"{text[:19].upper()}{zone}")
    except ValueError:
        return False
    return True


def _is_uri(text: str) -> bool:
    return _URI.fullmatch(text) is not None


def _is_uuid(text: str) -> bool:
    return _UUID.fullmatch(text) is not None and bool(UUID(text))
