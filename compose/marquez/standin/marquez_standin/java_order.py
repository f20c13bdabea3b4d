"""The order in which the real server prints sets of datasets.

It prints hash sets as they are. Their order follows from the names alone, so that an
answer with several datasets can be the same here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

_MASK = 0xFFFFFFFF
_FACTOR = 59
_SMALLEST_TABLE = 16


def text_hash(text: str) -> int:
    """The hash of a text, over its UTF-16 code units, as 32 bits without a sign."""
    units = text.encode("utf-16-be")
    number = 0
    for index in range(0, len(units), 2):
        number = (31 * number + int.from_bytes(units[index : index + 2], "big")) & _MASK
    return number


def _name_hash(namespace: str, name: str) -> int:
    number = 1
    for part in (namespace, name):
        number = (number * _FACTOR + _FACTOR + text_hash(part)) & _MASK
    return number


def in_set_order(
    names: Iterable[tuple[str, str]], *, wrapped: bool = False
) -> list[tuple[str, str]]:
    """Dataset names (namespace, name), each once, as a hash set lists them.

    Args:
        names: The names in the order in which they are put in.
        wrapped: Whether the set holds datasets that are told apart by their names, not names.
    """
    once = list(dict.fromkeys(names))
    size = _SMALLEST_TABLE
    while len(once) > size * 3 // 4:
        size *= 2
    return sorted(once, key=lambda name: _slot(*name, size=size, wrapped=wrapped))


def _slot(namespace: str, name: str, *, size: int, wrapped: bool) -> int:
    number = _name_hash(namespace, name)
    if wrapped:
        number = (_FACTOR + number) & _MASK
    return (number ^ (number >> 16)) & (size - 1)
