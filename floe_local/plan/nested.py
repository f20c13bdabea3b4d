"""Values in nested mappings and lists, and the paths to them."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, Any

from floe_local.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

Steps = tuple[str, ...]
_PLACEHOLDER = re.compile(r"\{([a-z_]+)\}")
MISSING: Any = object()
"""What stands for a value where there is none: None may be one."""
_DEEPEST = 100
_WIDEST_INTEGER = 2**64


def steps(path: str) -> Steps:
    """``a.b`` → ``("a", "b")``."""
    return tuple(path.split("."))


def value_at(values: Any, path: Steps) -> Any:
    """The value at `path`, or `MISSING`."""
    for key in path:
        if not isinstance(values, dict) or key not in values:
            return MISSING
        values = values[key]
    return values


def at(values: Any, path: tuple[Any, ...]) -> Any:
    """The value that keys, and indices of lists, lead to; all of them are there."""
    for key in path:
        values = values[key]
    return values


def with_value_at(values: Any, path: tuple[Any, ...], value: Any) -> Any:
    """The same nested value with `value` at a path of keys, and indices of lists."""
    if not path:
        return value
    key, *below = path
    inside = values[key] if isinstance(values, list) else values.get(key, {})
    after = with_value_at(inside, tuple(below), value)
    if isinstance(values, list):
        return [after if index == key else item for index, item in enumerate(values)]
    return {**values, key: after}


def scalars(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[tuple[Any, ...], Any]]:
    """Every value that is neither a mapping nor a list, with the keys and indices that lead to it."""
    if isinstance(value, dict):
        for key, item in value.items():
            yield from scalars(item, (*path, key))
    elif isinstance(value, (list, tuple)):
        for index, item in enumerate(value):
            yield from scalars(item, (*path, index))
    else:
        yield path, value


def texts(value: Any) -> Iterator[str]:
    """Every string in a nested value, keys left out."""
    return (scalar for _, scalar in scalars(value) if isinstance(scalar, str))


def map_texts(value: Any, change: Callable[[str], Any]) -> Any:
    """The same nested value with `change` applied to each of its strings."""
    if isinstance(value, str):
        return change(value)
    if isinstance(value, dict):
        return {key: map_texts(item, change) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [map_texts(item, change) for item in value]
    return value


def map_scalars(
    value: Any, change: Callable[[tuple[Any, ...], Any], Any], path: tuple[Any, ...] = ()
) -> Any:
    """The same nested value with each of `scalars` as `change` makes it of path and value."""
    if isinstance(value, dict):
        return {key: map_scalars(item, change, (*path, key)) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [map_scalars(item, change, (*path, i)) for i, item in enumerate(value)]
    return change(path, value)


def leaves(values: dict[str, Any], above: Steps = ()) -> Iterator[tuple[Steps, Any]]:
    """Every value that is not a mapping with something in it, with the path to it."""
    for key, value in values.items():
        path = (*above, str(key))
        if isinstance(value, dict) and value:
            yield from leaves(value, path)
        else:
            yield path, value


def nested(path: Steps, value: Any) -> dict[str, Any]:
    """A mapping that holds `value` at `path`, and nothing else."""
    first, *rest = path
    return {first: nested(tuple(rest), value) if rest else value}


def deep_merge(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """`above` over `below`; mappings in both are merged."""
    merged = dict(below)
    for key, value in above.items():
        under = merged.get(key)
        both = isinstance(under, dict) and isinstance(value, dict)
        merged[key] = deep_merge(under, value) if both else value  # type: ignore[arg-type]
    return merged


def placeholders_in(value: Any) -> set[str]:
    """Return the names of all placeholders in a JSON value."""
    return {name for text in texts(value) for name in _PLACEHOLDER.findall(text)}


def fill(text: str, values: dict[str, Any], quoted: Callable[[str], str] = str) -> str:
    """Put values into a text.

    Raises:
        InputError: for a placeholder that has no value.
    """
    return _PLACEHOLDER.sub(lambda match: quoted(str(_known(match[1], values))), text)


def fill_query(query: str, values: dict[str, Any]) -> str:
    """Put values into the quoted parts of a JMESPath expression."""
    return fill(query, values, lambda value: value.replace("\\", "\\\\").replace("'", "\\'"))


def fill_value(value: Any, values: dict[str, Any]) -> Any:
    """Fill a JSON value; a string that is exactly one placeholder becomes that value, typed."""

    def one(text: str) -> Any:
        whole = _PLACEHOLDER.fullmatch(text)
        return _known(whole[1], values) if whole else fill(text, values)

    return map_texts(value, one)


def _known(name: str, values: dict[str, Any]) -> Any:
    if name not in values:
        raise InputError(
            "unknown-placeholder",
            f"a blueprint uses the placeholder {{{name}}}",
            f"known here: {', '.join(sorted(values))}",
        )
    return values[name]


def json_fault(value: Any, path: str = "", depth: int = 0) -> str:
    """Say where and why a value would not survive JSON; empty if it would.

    Values are not shown: one may be a credential.
    """
    if isinstance(value, dict | list | tuple):
        if depth > _DEEPEST:
            return f"{path} is nested more than {_DEEPEST} deep"
        return next(filter(None, _faults_inside(value, path, depth)), "")
    fault = _scalar_fault(value)
    return f"{path or 'it'} {fault}" if fault else ""


def _faults_inside(value: Any, path: str, depth: int) -> Iterable[str]:
    if isinstance(value, dict):
        for key, item in value.items():
            if not isinstance(key, str):
                yield f"{path or 'it'} has {type_name(key)} as a key"
            yield json_fault(key, f"a key of {path or 'it'}", depth + 1)
            yield json_fault(item, f"{path}.{key}" if path else str(key), depth + 1)
    else:
        for index, item in enumerate(value):
            yield json_fault(item, f"{path}[{index}]", depth + 1)


def _scalar_fault(value: Any) -> str:
    match value:
        case None | bool():
            return ""
        case str():
            return "" if value.isascii() or _is_utf8(value) else "is not valid Unicode"
        case int():
            return "" if abs(value) < _WIDEST_INTEGER else "is an integer of more than 64 bits"
        case float():
            return "" if math.isfinite(value) else "is not a finite number"
        case _:
            return f"is {type_name(value)}"


def _is_utf8(text: str) -> bool:
    return not any("\ud800" <= character <= "\udfff" for character in text)


def type_name(value: Any) -> str:
    """The name of a value's type, with its article."""
    name = type(value).__name__
    return "None" if value is None else f"{'an' if name[:1] in 'aeiouAEIOU' else 'a'} {name}"
