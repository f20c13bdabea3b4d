"""``{name}`` in a blueprint's texts."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from floe_local.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable

_PLACEHOLDER = re.compile(r"\{([a-z_]+)\}")


def names_in(value: Any) -> set[str]:
    """Return the names of all placeholders in a JSON value."""
    if isinstance(value, str):
        return set(_PLACEHOLDER.findall(value))
    if isinstance(value, dict):
        return set().union(*map(names_in, value.values()))
    if isinstance(value, list):
        return set().union(*map(names_in, value))
    return set()


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
    if isinstance(value, str):
        whole = _PLACEHOLDER.fullmatch(value)
        return _known(whole[1], values) if whole else filled(value, values)
    if isinstance(value, dict):
        return {key: filled_value(item, values) for key, item in value.items()}
    if isinstance(value, list):
        return [filled_value(item, values) for item in value]
    return value


def _known(name: str, values: dict[str, Any]) -> Any:
    if name not in values:
        raise InputError(
            "unknown-placeholder",
            f"a blueprint uses the placeholder {{{name}}}",
            f"known here: {', '.join(sorted(values))}",
        )
    return values[name]
