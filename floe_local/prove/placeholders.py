"""``{name}`` in a blueprint's texts."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from floe_local.errors import InputError
from floe_local.plan.nested import map_texts, texts

if TYPE_CHECKING:
    from collections.abc import Callable

_PLACEHOLDER = re.compile(r"\{([a-z_]+)\}")


def names_in(value: Any) -> set[str]:
    """Return the names of all placeholders in a JSON value."""
    return {name for text in texts(value) for name in _PLACEHOLDER.findall(text)}


def filled(text: str, values: dict[str, Any], quoted: Callable[[str], str] = str) -> str:
    """Put values into a text.

    Raises:
        InputError: for a placeholder that has no value.
    """
    return _PLACEHOLDER.sub(lambda match: quoted(str(_known(match[1], values))), text)


def filled_query(query: str, values: dict[str, Any]) -> str:
    """Put values into the quoted parts of a JMESPath expression."""
    return filled(query, values, lambda value: value.replace("\\", "\\\\").replace("'", "\\'"))


def filled_value(value: Any, values: dict[str, Any]) -> Any:
    """Fill a JSON value; a string that is exactly one placeholder becomes that value, typed."""

    def one(text: str) -> Any:
        whole = _PLACEHOLDER.fullmatch(text)
        return _known(whole[1], values) if whole else filled(text, values)

    return map_texts(value, one)


def _known(name: str, values: dict[str, Any]) -> Any:
    if name not in values:
        raise InputError(
            "unknown-placeholder",
            f"a blueprint uses the placeholder {{{name}}}",
            f"known here: {', '.join(sorted(values))}",
        )
    return values[name]
