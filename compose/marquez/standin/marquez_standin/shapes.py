"""What an OpenLineage event looks like: a description, and three walks over it.

`read` turns JSON into the form that is stored, `missing` lists what is required and not
there, `complete` adds the nulls that answers print.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import Enum
from typing import Any, TypeAlias

from marquez_standin.times import parse_event_time

Json: TypeAlias = Any

_ILLEGAL_IN_URI = re.compile(r'[\s"<>\\^`{|}]')


class Scalar(Enum):
    """Values without parts, by the Java class that error messages name."""

    TEXT = "java.lang.String"
    TIME = "java.time.ZonedDateTime"
    URI = "java.net.URI"


@dataclass(frozen=True)
class Shape:
    """An object: its declared keys, which of them must be there, and what else it keeps."""

    java: str
    keys: dict[str, Kind]
    required: tuple[str, ...] = ()
    keeps_others: bool = True
    aliases: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Many:
    """A list of objects, or (`keyed`) objects under names of the sender's choice."""

    of: Shape
    keyed: bool = False


Kind: TypeAlias = Scalar | Shape | Many


class UnreadableError(ValueError):
    """JSON that does not fit the shape; `chain` leads to the place, outermost first."""

    def __init__(self, message: str, chain: tuple[str, ...] = ()) -> None:
        super().__init__(message)
        self.message = message
        self.chain = chain


def _facet(java: str, required: tuple[str, ...] = (), **keys: Kind) -> Shape:
    own: dict[str, Kind] = {"_producer": Scalar.URI, "_schemaURL": Scalar.URI}
    return Shape(f"LineageEvent${java}", own | keys, ("_producer", "_schemaURL", *required))


TEXT, TIME, URI = Scalar.TEXT, Scalar.TIME, Scalar.URI

_RUN_LINK = Shape("LineageEvent$RunLink", {"runId": TEXT}, ("runId",), keeps_others=False)
_JOB_LINK = Shape(
    "LineageEvent$JobLink",
    {"namespace": TEXT, "name": TEXT},
    ("namespace", "name"),
    keeps_others=False,
)
_RUN_FACETS = Shape(
    "LineageEvent$RunFacet",
    {
        "nominalTime": _facet(
            "NominalTimeRunFacet", ("nominalStartTime",), nominalStartTime=TIME, nominalEndTime=TIME
        ),
        "parent": _facet("ParentRunFacet", ("run", "job"), run=_RUN_LINK, job=_JOB_LINK),
    },
    aliases={"parentRun": "parent"},
)
RUN = Shape("LineageEvent$Run", {"runId": TEXT, "facets": _RUN_FACETS}, ("runId",))
_JOB_FACETS = Shape(
    "LineageEvent$JobFacet",
    {
        "documentation": _facet("DocumentationJobFacet", ("description",), description=TEXT),
        "sourceCodeLocation": _facet("SourceCodeLocationJobFacet", type=TEXT, url=TEXT),
        "sql": _facet("SQLJobFacet", ("query",), query=TEXT),
        "jobType": _facet(
            "JobTypeJobFacet",
            ("processingType", "integration", "jobType"),
            processingType=TEXT,
            integration=TEXT,
            jobType=TEXT,
        ),
    },
)
JOB = Shape(
    "LineageEvent$Job",
    {"namespace": TEXT, "name": TEXT, "facets": _JOB_FACETS},
    ("namespace", "name"),
)
_FIELD = Shape(
    "LineageEvent$SchemaField", {"name": TEXT, "type": TEXT, "description": TEXT}, ("name",)
)
_SYMLINK = Shape(
    "LineageEvent$SymlinkIdentifier",
    {"namespace": TEXT, "name": TEXT, "type": TEXT},
    ("namespace", "name"),
)
_INPUT_COLUMN = Shape(
    "LineageEvent$ColumnLineageInputField",
    {"namespace": TEXT, "name": TEXT, "field": TEXT},
)
_OUTPUT_COLUMN = Shape(
    "LineageEvent$ColumnLineageOutputColumn",
    {
        "inputFields": Many(_INPUT_COLUMN),
        "transformationDescription": TEXT,
        "transformationType": TEXT,
    },
)
_DATASET_FACETS = Shape(
    "LineageEvent$DatasetFacets",
    {
        "documentation": _facet("DocumentationDatasetFacet", ("description",), description=TEXT),
        "schema": _facet("SchemaDatasetFacet", fields=Many(_FIELD)),
        "lifecycleStateChange": _facet("LifecycleStateChangeFacet", lifecycleStateChange=TEXT),
        "dataSource": _facet("DatasourceDatasetFacet", name=TEXT, uri=TEXT),
        "columnLineage": _facet(
            "ColumnLineageDatasetFacet", fields=Many(_OUTPUT_COLUMN, keyed=True)
        ),
        "symlinks": _facet("DatasetSymlinkFacet", identifiers=Many(_SYMLINK)),
        "description": TEXT,
    },
)
DATASET = Shape(
    "LineageEvent$Dataset",
    {
        "namespace": TEXT,
        "name": TEXT,
        "facets": _DATASET_FACETS,
        "inputFacets": Shape("LineageEvent$InputDatasetFacets", {}),
        "outputFacets": Shape("LineageEvent$OutputDatasetFacets", {}),
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
    "LineageEvent",
    _TYPE | _TIME | _RUN | _JOB | _DATASETS | _SENDER,
    ("run", "producer", "eventTime", "job"),
)
JOB_EVENT = Shape(
    "JobEvent",
    _TIME | _JOB | _DATASETS | _SENDER,
    ("eventTime", "job", "producer", "schemaURL"),
)
DATASET_EVENT = Shape(
    "DatasetEvent",
    _TIME | _DATASET | _SENDER,
    ("eventTime", "producer", "schemaURL"),
)


def read(value: Json, kind: Kind) -> Json:
    """Bring a value into the form that is stored: no nulls, texts as texts.

    Args:
        value: Any parsed JSON.
        kind: What it should be.

    Returns:
        A new value; what the shape does not declare is kept where the shape says so.

    Raises:
        UnreadableError: If the value does not fit.
    """
    if isinstance(kind, Scalar):
        return _read_scalar(value, kind)
    if isinstance(kind, Many):
        return _read_many(value, kind)
    if not isinstance(value, dict):
        raise UnreadableError(_misfit(value, f"marquez.service.models.{kind.java}"))
    parts: dict[str, Json] = value
    renamed = {kind.aliases.get(key, key): part for key, part in parts.items()}
    return {
        key: _read_key(kind, key, part)
        for key, part in renamed.items()
        if part is not None and (key in kind.keys or kind.keeps_others)
    }


def _read_key(shape: Shape, key: str, part: Json) -> Json:
    if key not in shape.keys:
        return without_nulls(part)
    return _below(part, shape.keys[key], f'marquez.service.models.{shape.java}["{key}"]')


def _read_many(value: Json, kind: Many) -> Json:
    if kind.keyed and isinstance(value, dict):
        return {
            key: _below(part, kind.of, f'java.util.LinkedHashMap["{key}"]')
            for key, part in value.items()
            if part is not None
        }
    if not kind.keyed and isinstance(value, list):
        return [
            _below(part, kind.of, f"java.util.ArrayList[{index}]")
            for index, part in enumerate(value)
        ]
    element = f"marquez.service.models.{kind.of.java}"
    raise UnreadableError(_misfit(value, f"java.util.ArrayList<{element}>"))


def _below(part: Json, kind: Kind, place: str) -> Json:
    try:
        return read(part, kind)
    except UnreadableError as problem:
        raise UnreadableError(problem.message, (place, *problem.chain)) from problem


def _read_scalar(value: Json, kind: Scalar) -> str:
    if isinstance(value, dict | list):
        raise UnreadableError(_misfit(value, kind.value))
    text = value if isinstance(value, str) else _scalar_text(value)
    if kind is Scalar.TIME:
        return _read_time(value, text)
    illegal = _ILLEGAL_IN_URI.search(text) if kind is Scalar.URI else None
    if illegal:
        where = f"Illegal character in path at index {illegal.start()}: {text}"
        problem = f'from String "{text}": not a valid textual representation, problem: {where}'
        message = f"Cannot deserialize value of type `{kind.value}` {problem}"
        raise UnreadableError(message)
    return text


def _scalar_text(value: Json) -> str:
    return {True: "true", False: "false"}[value] if isinstance(value, bool) else str(value)


def _read_time(value: Json, text: str) -> str:
    """A time as text; a number counts seconds since 1970."""
    try:
        if isinstance(value, int | float):
            text = datetime.fromtimestamp(value, UTC).replace(tzinfo=None).isoformat()
        return parse_event_time(text).iso
    except ValueError as problem:
        raise UnreadableError(_not_a_time(text)) from problem


def _not_a_time(text: str) -> str:
    kind = Scalar.TIME.value
    return (
        f'Cannot deserialize value of type `{kind}` from String "{text}": Failed to '
        f"deserialize {kind}: (java.time.format.DateTimeParseException) "
        f"Text '{text}' could not be parsed at index 0"
    )


def _misfit(value: Json, java: str) -> str:
    if isinstance(value, dict | list):
        name, token = ("Object", "OBJECT") if isinstance(value, dict) else ("Array", "ARRAY")
        return (
            f"Cannot deserialize value of type `{java}` from {name} value "
            f"(token `JsonToken.START_{token}`)"
        )
    source, shown = (
        ("String", f"String value ('{value}')")
        if isinstance(value, str)
        else ("int/Int", f"Number value ({_scalar_text(value)})")
    )
    return (
        f"Cannot construct instance of `{java}` (although at least one Creator exists): "
        f"no {source}-argument constructor/factory method to deserialize from {shown}"
    )


def without_nulls(value: Json) -> Json:
    """A copy without keys whose value is null, at every depth; lists keep theirs."""
    if isinstance(value, dict):
        return {key: without_nulls(part) for key, part in value.items() if part is not None}
    if isinstance(value, list):
        return [without_nulls(part) for part in value]
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


def complete(value: Json, kind: Kind) -> Json:
    """A stored value with a null for every declared key that it lacks."""
    if isinstance(kind, Many):
        if kind.keyed:
            return {key: complete(part, kind.of) for key, part in value.items()}
        return [complete(part, kind.of) for part in value]
    if not isinstance(kind, Shape):
        return value
    declared = {
        key: complete(value[key], part) if key in value else None for key, part in kind.keys.items()
    }
    return declared | {key: part for key, part in value.items() if key not in kind.keys}
