"""The standard facets' fields and types, as openlineage-python's generated classes have them."""

from __future__ import annotations

import importlib
import pkgutil
import typing
from enum import Enum
from functools import cache
from types import NoneType, UnionType
from typing import TYPE_CHECKING, Any, Union, get_args, get_origin, get_type_hints

if TYPE_CHECKING:
    from collections.abc import Iterator

_BASES = ("RunFacet", "JobFacet", "DatasetFacet", "InputDatasetFacet", "OutputDatasetFacet")
_SPELLED = {
    "ProcessingEngine": "processing_engine",
    "SQL": "sql",
    "Datasource": "dataSource",
    "DatasetVersion": "version",
    "DataQualityAssertionsDatasetFacet": "dataQualityAssertions",
    "InputSubset": "subset",
    "OutputSubset": "subset",
}
"""Keys that the specification does not spell as its classes are called."""

_PLAIN = {str: str, int: int, float: (int, float), bool: bool}


def facet_problems(place: str, name: str, facet: Any) -> Iterator[str]:
    """Say what of a facet is not as its schema has it; of one that is not standard, nothing.

    Args:
        place: where it stands, such as ``run.facets.parent``.
        name: by which it goes.
        facet: its value.
    """
    if not isinstance(facet, dict):
        yield f"`{place}` is no mapping"
        return
    owner = place.rpartition(".")[0]
    kind = standard_facets().get((_owner(owner), name))
    if kind is not None:
        yield from _object_problems(place, kind, facet)


def _owner(place: str) -> str:
    """Which of the five bases facets of that place have."""
    key = place.rpartition(".")[2]
    if place.startswith(("run.", "job.")):
        return "RunFacet" if place.startswith("run.") else "JobFacet"
    return {"inputFacets": "InputDatasetFacet", "outputFacets": "OutputDatasetFacet"}.get(
        key, "DatasetFacet"
    )


@cache
def standard_facets() -> dict[tuple[str, str], type]:
    """(base, name) → class of each facet that the specification has."""
    import openlineage.client.generated as package  # noqa: PLC0415 - slow to load

    found = {}
    for module in pkgutil.iter_modules(package.__path__):
        loaded = importlib.import_module(f"{package.__name__}.{module.name}")
        for kind in vars(loaded).values():
            base = _base(kind)
            if base and kind.__module__ == loaded.__name__:
                found[base, _name(kind, base)] = kind
    return found


def _base(kind: Any) -> str:
    """The base of a facet's class; empty: it is none."""
    if not isinstance(kind, type) or kind.__name__ in _BASES:
        return ""
    names = {one.__name__ for one in kind.__mro__}
    return next((base for base in reversed(_BASES) if base in names), "")


def _name(kind: type, base: str) -> str:
    """The key in `facets`: the class's name without its base, the first letter small."""
    stem = kind.__name__.removesuffix(base)
    return _SPELLED.get(stem, stem[:1].lower() + stem[1:])


def _object_problems(place: str, kind: type, value: Any) -> Iterator[str]:
    if not isinstance(value, dict):
        yield f"`{place}` is {_type_name(value)}, not a mapping"
        return
    hints = _hints(kind)
    for attribute in typing.cast("Any", kind).__attrs_attrs__:
        key = attribute.name
        if key in {"_producer", "_schemaURL", "_deleted"}:
            continue
        if key in value:
            yield from _problems(f"{place}.{key}", hints[key], value[key])
        elif _is_required(attribute):
            yield f"`{place}.{key}` is missing"


def _is_required(attribute: Any) -> bool:
    import attr  # noqa: PLC0415 - comes with openlineage-python

    return attribute.default is attr.NOTHING


@cache
def _hints(kind: type) -> dict[str, Any]:
    return get_type_hints(kind)


def _problems(place: str, hint: Any, value: Any) -> Iterator[str]:
    """Say why a value is not of a type, as deep as the type says what is in it."""
    origin, arguments = get_origin(hint), get_args(hint)
    if origin in (Union, UnionType):
        yield from _union_problems(place, arguments, value)
    elif origin is list:
        if not isinstance(value, list):
            yield f"`{place}` is {_type_name(value)}, not a list"
            return
        for index, item in enumerate(value):
            yield from _problems(f"{place}[{index}]", arguments[0], item)
    elif origin is dict:
        if not isinstance(value, dict):
            yield f"`{place}` is {_type_name(value)}, not a mapping"
            return
        for key, item in value.items():
            yield from _problems(f"{place}.{key}", arguments[1], item)
    elif isinstance(hint, type):
        yield from _plain_problems(place, hint, value)


def _union_problems(place: str, kinds: tuple[Any, ...], value: Any) -> Iterator[str]:
    if value is None and NoneType in kinds:
        return
    others = [kind for kind in kinds if kind is not NoneType]
    each = [list(_problems(place, kind, value)) for kind in others]
    if each and all(each):
        yield from each[0]


def _plain_problems(place: str, kind: type, value: Any) -> Iterator[str]:
    if hasattr(kind, "__attrs_attrs__"):
        yield from _object_problems(place, kind, value)
    elif issubclass(kind, Enum):
        allowed = [one.value for one in kind]
        if value not in allowed:
            yield f"`{place}` is {value!r}, not one of {', '.join(map(str, allowed))}"
    elif kind in _PLAIN:
        wrong = isinstance(value, bool) and kind is not bool
        if wrong or not isinstance(value, typing.cast("Any", _PLAIN[kind])):
            yield f"`{place}` is {_type_name(value)}, not {_called(kind)}"


def _called(kind: type) -> str:
    return {str: "text", int: "a whole number", float: "a number", bool: "true or false"}[kind]


def _type_name(value: Any) -> str:
    names = {dict: "a mapping", list: "a list", str: "text", NoneType: "null"}
    return names.get(type(value), f"{value!r}")
