"""What an OpenLineage event looks like: a description, and two walks over it.

`read` turns JSON into the form that is stored, `missing` lists what is required and not
there. Both refuse what the real server refuses, and nothing else.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, TypeAlias

from marquez_standin.body import BLANK, Repeated
from marquez_standin.times import parse_event_time

Json: TypeAlias = Any

_DEEPEST = 1001
# Java's URIs: RFC 2396 with letters of all languages.
_CHARACTER = (
    r"(?:[^\x00-\x20\x7f-\xa0\"<>\\^`{|}%\[\]#\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]"
    r"|%[0-9A-Fa-f]{2})"
)
_HOST_OF_IPV6 = r"\[[0-9A-Fa-f:.]+\]"
_REST = rf"{_CHARACTER}*(?:\?(?:{_CHARACTER}|[\[\]])*)?(?:#(?:{_CHARACTER}|[\[\]])*)?"
_LEGAL = re.compile(rf"(?:{_CHARACTER}*//{_HOST_OF_IPV6})?{_REST}")
_URI = re.compile(
    rf"(?:[A-Za-z][A-Za-z0-9+.\-]*:(?=[^#])|(?![^/?#]*:))(?!//(?:[?#]|\Z))(?://{_HOST_OF_IPV6})?{_REST}"
)


class Scalar(Enum):
    """Values without parts, by the word that error messages have for them."""

    TEXT = "a text"
    TIME = "a time"
    URI = "a URI"
    CHARACTERS_OF_A_URI = "made of characters of a URI"


@dataclass(frozen=True)
class Shape:
    """An object: its declared keys, which of them must be there, and what else it keeps."""

    keys: dict[str, Kind]
    required: tuple[str, ...] = ()
    keeps_others: bool = True
    aliases: dict[str, str] = field(default_factory=dict)
    of_text: str | None = None  # the key that a plain text in place of the object stands for


@dataclass(frozen=True)
class Many:
    """A list of objects, or (`keyed`) objects under names of the sender's choice."""

    of: Shape
    keyed: bool = False


Kind: TypeAlias = Scalar | Shape | Many


class UnreadableError(ValueError):
    """JSON that does not fit the shape."""

    def __init__(self, path: str, expected: str) -> None:
        super().__init__(f"{path or 'the event'} must be {expected}")


def _facet(required: tuple[str, ...] = (), **keys: Kind) -> Shape:
    own: dict[str, Kind] = {"_producer": Scalar.URI, "_schemaURL": Scalar.URI}
    return Shape(own | keys, ("_producer", "_schemaURL", *required))


TEXT, TIME, URI = Scalar.TEXT, Scalar.TIME, Scalar.URI

_RUN_LINK = Shape({"runId": TEXT}, ("runId",), keeps_others=False, of_text="runId")
_JOB_LINK = Shape(
    {"namespace": TEXT, "name": TEXT},
    ("namespace", "name"),
    keeps_others=False,
)
_RUN_FACETS = Shape(
    {
        "nominalTime": _facet(("nominalStartTime",), nominalStartTime=TIME, nominalEndTime=TIME),
        "parent": _facet(("run", "job"), run=_RUN_LINK, job=_JOB_LINK),
    },
    aliases={"parentRun": "parent"},
)
RUN = Shape({"runId": TEXT, "facets": _RUN_FACETS}, ("runId",))
_JOB_FACETS = Shape(
    {
        "documentation": _facet(("description",), description=TEXT),
        "sourceCodeLocation": _facet(type=TEXT, url=TEXT),
        "sql": _facet(("query",), query=TEXT),
        "jobType": _facet(
            ("processingType", "integration", "jobType"),
            processingType=TEXT,
            integration=TEXT,
            jobType=TEXT,
        ),
    },
)
JOB = Shape(
    {"namespace": TEXT, "name": TEXT, "facets": _JOB_FACETS},
    ("namespace", "name"),
)
_FIELD = Shape({"name": TEXT, "type": TEXT, "description": TEXT}, ("name",))
_SYMLINK = Shape(
    {"namespace": TEXT, "name": TEXT, "type": TEXT},
    ("namespace", "name"),
)
_INPUT_COLUMN = Shape(
    {"namespace": TEXT, "name": TEXT, "field": TEXT},
)
_OUTPUT_COLUMN = Shape(
    {
        "inputFields": Many(_INPUT_COLUMN),
        "transformationDescription": TEXT,
        "transformationType": TEXT,
    },
)
_DATASET_FACETS = Shape(
    {
        "documentation": _facet(("description",), description=TEXT),
        "schema": _facet(fields=Many(_FIELD)),
        "lifecycleStateChange": _facet(lifecycleStateChange=TEXT),
        "dataSource": _facet(name=TEXT, uri=Scalar.CHARACTERS_OF_A_URI),
        "columnLineage": _facet(fields=Many(_OUTPUT_COLUMN, keyed=True)),
        "symlinks": _facet(identifiers=Many(_SYMLINK)),
        "description": TEXT,
    },
)
DATASET = Shape(
    {
        "namespace": TEXT,
        "name": TEXT,
        "facets": _DATASET_FACETS,
        "inputFacets": Shape({}),
        "outputFacets": Shape({}),
    },
    ("namespace", "name"),
)
_DATASETS: dict[str, Kind] = {"inputs": Many(DATASET), "outputs": Many(DATASET)}
_SENDER: dict[str, Kind] = {"producer": TEXT, "schemaURL": URI}
_TIME: dict[str, Kind] = {"eventTime": TIME}
_JOB: dict[str, Kind] = {"job": JOB}
_TYPE: dict[str, Kind] = {"eventType": TEXT}
_RUN: dict[str, Kind] = {"run": RUN}
_DATASET: dict[str, Kind] = {"dataset": DATASET}

RUN_EVENT = Shape(
    _TYPE | _TIME | _RUN | _JOB | _DATASETS | _SENDER,
    ("run", "producer", "eventTime", "job"),
)
JOB_EVENT = Shape(
    _TIME | _JOB | _DATASETS | _SENDER,
    ("eventTime", "job", "producer", "schemaURL"),
)
DATASET_EVENT = Shape(
    _TIME | _DATASET | _SENDER,
    ("eventTime", "producer", "schemaURL"),
)


def read(value: Json, kind: Kind, path: str = "") -> Any:
    """Bring a value into the form that is stored: no nulls, texts as texts.

    Args:
        value: Any parsed JSON.
        kind: What it should be.
        path: Where it is, e.g. `run.facets`.

    Returns:
        A new value; what the shape does not declare is kept where the shape says so.

    Raises:
        UnreadableError: If the value does not fit.
    """
    if isinstance(kind, Scalar):
        return _read_scalar(value, kind, path)
    if isinstance(kind, Many):
        return _read_many(value, kind, path)
    if kind.of_text and isinstance(value, str):
        value = {kind.of_text: value}
    if not isinstance(value, dict):
        raise UnreadableError(path, "an object")
    if isinstance(value, Repeated):
        for key, part in value.earlier:
            _read_part(kind, key, part, path)
    renamed = {kind.aliases.get(str(key), str(key)): part for key, part in value.items()}
    parts = {
        key: _read_part(kind, key, part, path)
        for key, part in renamed.items()
        if key in kind.keys or kind.keeps_others
    }
    return {key: part for key, part in parts.items() if part is not None}


def _read_part(shape: Shape, key: str, part: Json, path: str) -> Json:
    below = f"{path}.{key}" if path else key
    if part is None or key not in shape.keys:
        return without_nulls(part, below)
    return read(part, shape.keys[key], below)


def _read_many(value: Json, kind: Many, path: str) -> Json:
    if kind.keyed and isinstance(value, dict):
        parts = {key: part for key, part in value.items() if part is not None}
        return {key: read(part, kind.of, f"{path}.{key}") for key, part in parts.items()}
    if not kind.keyed and isinstance(value, list):
        return [read(part, kind.of, f"{path}[{index}]") for index, part in enumerate(value)]
    raise UnreadableError(path, "an object" if kind.keyed else "a list")


def _read_scalar(value: Json, kind: Scalar, path: str) -> str | None:
    if isinstance(value, dict | list) or (kind is Scalar.TIME and isinstance(value, bool)):
        raise UnreadableError(path, kind.value)
    if kind is Scalar.TIME:
        return _read_time(value, path)
    text = value if isinstance(value, str) else json.dumps(value)
    if kind is Scalar.URI:
        text = text.strip(BLANK)
        if not _URI.fullmatch(text):
            raise UnreadableError(path, kind.value)
    if kind is Scalar.CHARACTERS_OF_A_URI and not _LEGAL.fullmatch(text):
        raise UnreadableError(path, kind.value)
    return text


def _read_time(value: Json, path: str) -> str | None:
    """A time as text; a blank one counts as none."""
    if isinstance(value, str) and not value.strip(BLANK):
        return None
    try:
        return parse_event_time(value).iso
    except ValueError as problem:
        raise UnreadableError(path, f"{Scalar.TIME.value}: {value}") from problem


def without_nulls(value: Json, path: str, depth: int = 0) -> Json:
    """A copy without keys whose value is null, at every depth; lists keep theirs.

    Raises:
        UnreadableError: If it is nested too deep for the real server.
    """
    if depth > _DEEPEST and isinstance(value, dict | list):
        raise UnreadableError(path, f"nested at most {_DEEPEST} deep")
    if isinstance(value, dict):
        return {
            key: without_nulls(part, path, depth + 1)
            for key, part in value.items()
            if part is not None
        }
    if isinstance(value, list):
        return [without_nulls(part, path, depth + 1) for part in value]
    return value


def missing(value: Json, kind: Kind, path: str = "") -> list[str]:
    """What a value that was read lacks, as messages such as `run must not be null`."""
    if isinstance(kind, Many):
        parts = value.items() if kind.keyed else enumerate(value)
        return [text for key, part in parts for text in missing(part, kind.of, f"{path}[{key}]")]
    if not isinstance(kind, Shape):
        return []
    prefix = f"{path}." if path else ""
    absent = [f"{prefix}{key} must not be null" for key in kind.required if key not in value]
    inner = [
        text
        for key, part in kind.keys.items()
        if key in value
        for text in missing(value[key], part, f"{prefix}{key}")
    ]
    return absent + inner
