"""``{name}`` in a blueprint's texts, and ``${env:NAME}`` in its headers."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, Any

from floe_local.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable

_PLACEHOLDER = re.compile(r"\{([a-z_]+)\}")
_VARIABLE = re.compile(r"\$\{env:([A-Za-z_][A-Za-z0-9_]*)\}")


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


def resolved(value: Any) -> Any:
    """Resolve ``${env:NAME}`` in memory, throughout a JSON value.

    Raises:
        InputError: names the variable that is not set (never a value).
    """
    if isinstance(value, str):
        return _VARIABLE.sub(lambda match: _variable(match[1]), value)
    if isinstance(value, dict):
        return {key: resolved(item) for key, item in value.items()}
    if isinstance(value, list):
        return [resolved(item) for item in value]
    return value


def _variable(name: str) -> str:
    value = os.environ.get(name)
    if value is None:
        raise InputError(
            "unset-variable",
            f"environment variable {name} is not set",
            f"set it in the shell that runs floe-local: export {name}=…",
        )
    return value
