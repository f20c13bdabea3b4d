"""Where what was found differs from what was expected, named by field."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

ABSENT = "(absent)"


@dataclass(frozen=True)
class Difference:
    """One field that is not as it was sent. `why` says where what was found comes from.

    It is not a pydantic model: the processes of clients load this, and must start fast.
    """

    field: str
    expected: Any
    found: Any
    why: str = ""


def same(expected: Any, found: Any) -> bool:
    """Tell whether two JSON values are equal, types included: True is not 1, 1 is not 1.0."""
    if type(expected) is not type(found):
        return False
    if isinstance(expected, dict):
        return expected.keys() == found.keys() and all(
            same(value, found[key]) for key, value in expected.items()
        )
    if isinstance(expected, list):
        return len(expected) == len(found) and all(map(same, expected, found))
    return bool(expected == found)


def differences(field: str, expected: Any, found: Any) -> list[Difference]:
    """Compare JSON values; every key of `expected` must be in `found`, which may hold more.

    Lists of one length are compared item by item; of different lengths, what is
    missing and what is too many is named.
    """
    if isinstance(expected, dict) and isinstance(found, dict):
        return [
            difference
            for key, value in expected.items()
            for difference in _at(f"{field}.{key}" if field else str(key), value, found, key)
        ]
    if isinstance(expected, list) and isinstance(found, list):
        return _lists(field, expected, found)
    if same(expected, found):
        return []
    return [Difference(field=field, expected=expected, found=found)]


def _at(field: str, value: Any, found: dict[str, Any], key: str) -> list[Difference]:
    if key not in found:
        return [Difference(field=field, expected=value, found=ABSENT)]
    return differences(field, value, found[key])


def _lists(field: str, expected: list[Any], found: list[Any]) -> list[Difference]:
    if len(expected) == len(found):
        return [
            difference
            for index, pair in enumerate(zip(expected, found, strict=True))
            for difference in differences(f"{field}[{index}]", *pair)
        ]
    missing = [
        Difference(field=field, expected=item, found=ABSENT) for item in without(expected, found)
    ]
    extra = [
        Difference(field=field, expected=ABSENT, found=item) for item in without(found, expected)
    ]
    return missing + extra


def without(items: list[Any], others: list[Any]) -> list[Any]:
    """Return the items that have no equal left in `others` (multiset difference)."""
    left = list(others)
    rest = []
    for item in items:
        index = next((i for i, other in enumerate(left) if same(item, other)), None)
        if index is None:
            rest.append(item)
        else:
            del left[index]
    return rest
