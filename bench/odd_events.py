"""Odd OpenLineage events: every field with every odd value, and every encoding of a body.

The same events for the same number, so that what one server answered can be recorded and
another one be compared with it. Each event has a namespace and a run of its own.
"""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Callable, Iterator
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any, TypeAlias
from uuid import UUID, uuid5

Json: TypeAlias = Any
Path: TypeAlias = tuple[str | int, ...]

_PRODUCER = "https://example.org/producer"
_FACET = {"_producer": _PRODUCER, "_schemaURL": "https://example.org/facet.json"}
_SCHEMA = "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/"
_RUNS = UUID("5f4c4f2e-6d3b-4c57-9d2b-2f0e7a5b8c11")
_ABSENT = object()
_OWN = "<own>"  # stands for the namespace of the event
_SHALLOW = 3  # as inputs[0].name
_WIDE = 70  # characters of a name
_JSON = {"Content-Type": "application/json"}


@dataclass(frozen=True)
class Odd:
    """One odd event.

    Attributes:
        name: What is odd, e.g. `job.name: empty`; the same in every run.
        body: The bytes of the request.
        headers: Its headers; without a `Content-Length`, which the sender computes.
        namespace: Where its job and its datasets are, unless one of those is what is odd.
        run: The id of its run, unless that is what is odd.
        texts: Odd values under which something may have been stored.
        chunked: Whether to send the body in chunks.
    """

    name: str
    body: bytes
    namespace: str
    run: str
    headers: dict[str, str] = field(default_factory=lambda: dict(_JSON), hash=False)
    texts: tuple[str, ...] = ()
    chunked: bool = False


def plain_event(namespace: str, run: str) -> Json:
    """An event that every server takes: it has each field that Marquez gives a meaning to."""
    source = {
        "documentation": _FACET | {"description": "about it"},
        "schema": _FACET | {"fields": [{"name": "c0", "type": "INT", "description": "a column"}]},
        "lifecycleStateChange": _FACET | {"lifecycleStateChange": "CREATE"},
        "dataSource": _FACET | {"name": f"source-{namespace}", "uri": "postgres://db:5432/x"},
        "symlinks": _FACET
        | {"identifiers": [{"namespace": namespace, "name": "link", "type": "TABLE"}]},
        "custom": {"any": 1},
    }
    part = {"namespace": namespace, "name": "in", "field": "c0"}
    column = {
        "inputFields": [part],
        "transformationDescription": "as is",
        "transformationType": "IDENTITY",
    }
    target = {
        "schema": _FACET | {"fields": [{"name": "o0", "type": "INT"}]},
        "columnLineage": _FACET | {"fields": {"o0": column}},
    }
    return {
        "eventType": "COMPLETE",
        "eventTime": "2020-05-05T10:00:00.000Z",
        "run": {"runId": run, "facets": _run_facets(namespace, run)},
        "job": {"namespace": namespace, "name": "job", "facets": _job_facets()},
        "inputs": [
            {
                "namespace": namespace,
                "name": "in",
                "facets": source,
                "inputFacets": {"dataQualityMetrics": _FACET | {"rowCount": 7}},
            }
        ],
        "outputs": [
            {
                "namespace": namespace,
                "name": "out",
                "facets": target,
                "outputFacets": {"outputStatistics": _FACET | {"rowCount": 7}},
            }
        ],
        "producer": _PRODUCER,
        "schemaURL": f"{_SCHEMA}RunEvent",
    }


def _run_facets(namespace: str, run: str) -> Json:
    times = {
        "nominalStartTime": "2020-05-05T09:00:00Z",
        "nominalEndTime": "2020-05-05T10:00:00+01:00",
    }
    parent = {
        "run": {"runId": str(uuid5(_RUNS, f"parent of {run}"))},
        "job": {"namespace": namespace, "name": "dag"},
    }
    return {"nominalTime": _FACET | times, "parent": _FACET | parent, "custom": {"any": 1}}


def _job_facets() -> Json:
    kind = {"processingType": "BATCH", "integration": "DBT", "jobType": "MODEL"}
    return {
        "documentation": _FACET | {"description": "what it does"},
        "sourceCodeLocation": _FACET | {"type": "git", "url": "https://example.org/a.py"},
        "sql": _FACET | {"query": "select 1"},
        "jobType": _FACET | kind,
        "custom": {"any": 1},
    }


_ANY: dict[str, Json] = {
    "absent": _ABSENT,
    "null": None,
    "empty": "",
    "blank": " ",
    "a text": "odd",
    "a long text": "x" * 3000,
    "all kinds of letters": "ü✓😀 ß",
    "a NUL": "a\0b",
    "half a surrogate pair": "a\ud800b",
    "a number": 7,
    "a fraction": -1.5,
    "a huge number": 10**30,
    "true": True,
    "an empty list": [],
    "a list of texts": ["odd"],
    "a list of nulls": [None],
    "an empty object": {},
    "an object": {"odd": "value"},
}
_FEW = ("absent", "null", "empty", "a long text", "a NUL", "a number", "an empty list", "an object")
_TIMES = (
    "2025-05-05T10:00:00Z",
    "2025-05-05T10:00:00z",
    "2025-05-05t10:00:00Z",
    "2025-05-05 10:00:00Z",
    "2025-05-05T10:00:00",
    "2025-05-05T10:00Z",
    "2025-05-05T10:00",
    "2025-05-05T10Z",
    "2025-05-05",
    "20250505T100000Z",
    "2025-125T10:00:00Z",
    "2025-W19-1T10:00:00Z",
    "2025-05-05T24:00:00Z",
    "2025-05-05T24:00:01Z",
    "2025-05-05T25:00:00Z",
    "2025-05-05T23:59:60Z",
    "2025-12-31T23:59:60Z",
    "2025-05-05T10:60:00Z",
    "2025-02-29T10:00:00Z",
    "2024-02-29T10:00:00Z",
    "2025-02-30T10:00:00Z",
    "2025-04-31T10:00:00Z",
    "2025-02-32T10:00:00Z",
    "2025-13-01T10:00:00Z",
    "2025-00-01T10:00:00Z",
    "2025-01-00T10:00:00Z",
    "2025-5-5T10:00:00Z",
    "2025-05-05T1:00:00Z",
    "2025-05-05T10:00:00.Z",
    "2025-05-05T10:00:00.1Z",
    "2025-05-05T10:00:00.123456Z",
    "2025-05-05T10:00:00.123456789Z",
    "2025-05-05T10:00:00.1234567891Z",
    "2025-05-05T10:00:00.999999999Z",
    "2025-05-05T10:00:00,123Z",
    "2025-05-05T10:00:00+02:00",
    "2025-05-05T10:00:00-02:00",
    "2025-05-05T10:00:00+0200",
    "2025-05-05T10:00:00+02",
    "2025-05-05T10:00:00+2",
    "2025-05-05T10:00:00+02:00:30",
    "2025-05-05T10:00:00+18:00",
    "2025-05-05T10:00:00+18:01",
    "2025-05-05T10:00:00+19:00",
    "2025-05-05T10:00:00-00:00",
    "2025-05-05T10:00:00+00:60",
    "2025-05-05T10:00:00Z[UTC]",
    "2025-05-05T10:00:00+02:00[Europe/Paris]",
    "2025-05-05T10:00:00-08:00[Europe/Paris]",
    "2025-05-05T10:00:00[Europe/Paris]",
    "2025-05-05T10:00:00Z[Nowhere/Else]",
    "2025-05-05T10:00:00 Z",
    "2025-05-05T10:00:00GMT",
    "2025-05-05T10:00:00UTC",
    " 2025-05-05T10:00:00Z",
    "2025-05-05T10:00:00Z ",
    "2025-05-05T10:00:00Z\n",
    "0001-01-01T00:00:00Z",
    "0000-01-01T00:00:00Z",
    "-0001-01-01T00:00:00Z",
    "1582-10-10T00:00:00Z",
    "9999-12-31T23:59:59.999999999Z",
    "9999-12-31T23:59:59-18:00",
    "10000-01-01T00:00:00Z",
    "+10000-01-01T00:00:00Z",
    "+294276-12-31T00:00:00Z",
    "+294277-12-31T00:00:00Z",
    "+999999999-12-31T00:00:00Z",
    "\uff12\uff10\uff12\uff15-05-05T10:00:00Z",
    "2025-05-05T10:00:00\u221202:00",
    "Mon, 05 May 2025 10:00:00 GMT",
    "1746439200",
    "1746439200000",
    "1746439200.5",
    "now",
)
_TIME_NUMBERS = (0, -1, 1746439200, 1746439200000, 1746439200.5, 1e20, 1e-3, 253402300800)
_NAMESPACES = (
    *(f"{_OWN}{sign}b" for sign in " !\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~"),
    f"{_OWN}\tb",
    f"{_OWN}\nb",
    f"{_OWN}\n",
    "x" * 255,
    "x" * 256,
    "x" * 1024,
    "x" * 1025,
    f"s3://{_OWN}:9000/x",
    f"ünïcode-{_OWN}",
    "..",
    "/",
    "default",
    f"{_OWN}\u00a0",
    f"{_OWN}\u2003",
    f"{_OWN}\u200b",
)
_NAMES = (
    "a/b", "a:b", "a#b", "a b", "a.b", ".", "a.", ".a", "..", "dag", "dag.job", "a\nb", "\n", "\t",
    "\u00a0", "\u2003", "\u200b", "\u001f", "\ufeff", "x" * 255, "x" * 256, "x" * 1024, "x" * 2704,
    "x" * 10000, "\U0001f600" * 1000,
)  # fmt: skip
_RUN_IDS = (
    "0190F3C2-0000-7000-8000-0000000000AB",
    "0190f3c2-0000-7000-8000-0000000000aB",
    "{0190f3c2-0000-7000-8000-000000000001}",
    "urn:uuid:0190f3c2-0000-7000-8000-000000000002",
    "0190f3c2000070008000000000000003",
    " 0190f3c2-0000-7000-8000-000000000004",
    "0190f3c2-0000-7000-8000-00000000005",
    "0190f3c2-0000-7000-8000-0000000000066",
    "1-2-3-4-5",
    "1-2-3-4",
    "-1-2-3-4-5",
    "g190f3c2-0000-7000-8000-000000000007",
    "00000000-0000-0000-0000-000000000000",
    "ffffffff-ffff-ffff-ffff-ffffffffffff",
    "airflow__manual__2025-05-05T10:00:00+00:00",
    "\uff11-2-3-4-5",
)
_TYPES = (
    "START", "RUNNING", "COMPLETE", "FAIL", "ABORT", "OTHER", "complete", "Complete", "start",
    " COMPLETE", "COMPLETED", "STARTED", "FAILED", "NEW", "NOPE", "x" * 64, "x" * 65,
)  # fmt: skip
_URIS = (
    "x", "/", "#", "a b", "http://", "http://[", "http://[::1]/", "http://h:port/", "%", "%zz", "%41",
    "mailto:x@y", "urn:x:y", ":x", "1:x", "x:", "http:", "a|b", "a\\b", "a^b", "a`b", "a{b}", "a<b>", 'a"b',
    "http://ü/✓", "http:///x", "//", "http://h/a b", "http://h/#a#b", "http://h/?a=[b]", "http://h/[a]", "//h", "http://h h/", "\u00a0",
    "a\nb", "a\u0085b", f"{_SCHEMA}JobEvent", f"{_SCHEMA}DatasetEvent", f"{_SCHEMA}RunEvent/", f"{_SCHEMA}runevent",
    "JobEvent", "#/$defs/JobEvent", f"{_SCHEMA}NopeEvent",
)  # fmt: skip

_SPECIAL: dict[str, tuple[Json, ...]] = {
    "eventTime": _TIMES + _TIME_NUMBERS,
    "nominalStartTime": _TIMES + _TIME_NUMBERS,
    "namespace": _NAMESPACES,
    "name": _NAMES,
    "runId": _RUN_IDS,
    "eventType": _TYPES,
    "schemaURL": _URIS,
    "producer": _URIS,
    "_producer": _URIS[:36],
    "uri": _URIS[:36],
    "processingType": ("STREAMING", "streaming", "NONE", "STREAM"),
    "lifecycleStateChange": ("DROP", "drop", "RENAME", "NOPE", "x" * 63, "x" * 64),
    "type": ("x" * 64, "x" * 65, "x" * 10000),
    "transformationType": ("x" * 255, "x" * 256),
    "url": ("x" * 255, "x" * 256),
}


def odd_events(seed: str) -> list[Odd]:
    """Every odd event, in an order that stays.

    Args:
        seed: A part of every namespace and every run id, so that a server can be used again.
    """
    makers = [*_of_fields(), *_of_bodies()]
    return [
        _made(name, make, f"odd-{seed}-{number}", str(uuid5(_RUNS, f"{seed}/{number}")))
        for number, (name, make) in enumerate(makers)
    ]


Make: TypeAlias = Callable[[Json], "bytes | tuple[bytes, dict[str, str]]"]


def _made(name: str, make: Make, namespace: str, run: str) -> Odd:
    event = plain_event(namespace, run)
    made = make(event)
    body, headers = made if isinstance(made, tuple) else (made, _JSON)
    return Odd(
        name,
        body,
        namespace,
        run,
        headers=dict(headers),
        texts=_texts(body),
        chunked=name == "body: in chunks",
    )


def _texts(body: bytes) -> tuple[str, ...]:
    """The names in a body that is plain JSON: odd ones may be what something is stored under."""
    try:
        event = json.loads(body)
        run, job = event["run"]["runId"], event["job"]
        parts = (run, job["namespace"], job["name"])
    except (ValueError, TypeError, KeyError, RecursionError):
        return ()
    return parts if all(isinstance(part, str) for part in parts) else ()


def encoded(value: Json) -> bytes:
    """JSON in UTF-8; half a surrogate pair stays an escape."""
    try:
        return json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return json.dumps(value).encode()


def _of_fields() -> Iterator[tuple[str, Make]]:
    for kind, smaller in _KINDS.items():
        for path in _paths(smaller(plain_event("n", "r"))):
            if kind and len(path) > _SHALLOW:
                continue
            for label, value in _values(path, _share(kind, path)):
                yield f"{kind}{_dotted(path)}: {label}", _replacing(smaller, path, value)


def _share(kind: str, path: Path) -> int:
    """Of the values made for this kind of field: every first, third… (0: none)."""
    if path[-1] in {"namespace", "name"}:
        deep = len(path) > _SHALLOW and "parent" not in path
        return 8 if deep else 3 if kind else 1
    return 0 if kind and path[-1] not in {"runId", "eventType"} else 1


def _whole_event(event: Json) -> Json:
    return event


def _bare(event: Json) -> Json:
    """A run event that says nothing but what it must."""
    bare = {key: event[key] for key in ("eventType", "eventTime", "producer", "schemaURL")}
    run, job = {"runId": event["run"]["runId"]}, event["job"]
    return bare | {"run": run, "job": {"namespace": job["namespace"], "name": job["name"]}}


def _unended(event: Json) -> Json:
    """A run event that starts a run, with datasets by name."""
    named = {
        key: [{name: part[name] for name in ("namespace", "name")} for part in event[key]]
        for key in ("inputs", "outputs")
    }
    return _bare(event) | named | {"eventType": "START"}


def _job_event(event: Json) -> Json:
    keys = ("eventTime", "producer", "job", "inputs", "outputs")
    return {key: event[key] for key in keys} | {"schemaURL": f"{_SCHEMA}JobEvent"}


def _dataset_event(event: Json) -> Json:
    kept = {key: event[key] for key in ("eventTime", "producer")}
    return kept | {"dataset": event["inputs"][0], "schemaURL": f"{_SCHEMA}DatasetEvent"}


_KINDS: dict[str, Callable[[Json], Json]] = {
    "": _whole_event,
    "bare event, ": _bare,
    "start event, ": _unended,
    "job event, ": _job_event,
    "dataset event, ": _dataset_event,
}


def _values(path: Path, share: int) -> Iterator[tuple[str, Json]]:
    few = len(path) > _SHALLOW + 1 or share > 1
    yield from ((label, value) for label, value in _ANY.items() if not few or label in _FEW)
    special = _SPECIAL.get(str(path[-1]), ())
    for value in special[::share] if share else ():
        text = json.dumps(value, ensure_ascii=False)
        yield text if len(text) <= _WIDE else f"{text[:30]}… ({len(value)})", value


def _replacing(smaller: Callable[[Json], Json], path: Path, value: Json) -> Make:
    def make(event: Json) -> bytes:
        changed = deepcopy(smaller(event))
        target = changed
        for key in path[:-1]:
            target = target[key]
        if value is _ABSENT:
            del target[path[-1]]
        else:
            own = event["job"]["namespace"]
            target[path[-1]] = value.replace(_OWN, own) if isinstance(value, str) else value
        return encoded(changed)

    return make


def _paths(value: Json, above: Path = ()) -> Iterator[Path]:
    """The path of everything in an event; the `_producer` of two kinds of facets is enough."""
    parts = value.items() if isinstance(value, dict) else enumerate(value)
    for key, part in parts:
        path = (*above, key)
        if key in {"_producer", "_schemaURL"} and above[-1] not in {"nominalTime", "schema"}:
            continue
        yield path
        if isinstance(part, dict | list):
            yield from _paths(part, path)


def _dotted(path: Path) -> str:
    return "".join(f"[{key}]" if isinstance(key, int) else f".{key}" for key in path)[1:]


def _of_bodies() -> Iterator[tuple[str, Make]]:
    yield from ((f"body: {name}", make) for name, make in _ENCODINGS.items())
    yield from ((f"text: {name}", _rewritten(*change)) for name, change in _TEXTS.items())
    yield from ((f"whole: {name}", _constant(text)) for name, text in _WHOLE.items())
    for kind in _CONTENT_TYPES:
        yield f"content type: {kind!r}", _typed(kind)
    for depth in (50, 100, 400, 900, 1000, 1001, 1002, 1003, 1100, 3000, 20000):
        yield f"depth of a facet: {depth}", _nested(depth)
    for name, places in _UNKNOWN.items():
        yield f"unknown field: {name}", _with_unknown(places)


def _headed(encode: Callable[[bytes], bytes], **headers: str) -> Make:
    given = {name.replace("_", "-"): text for name, text in headers.items()}
    return lambda event: (encode(encoded(event)), _JSON | given)


def _recoded(encoding: str, kind: str = "application/json") -> Make:
    def make(event: Json) -> tuple[bytes, dict[str, str]]:
        named = event | {"producer": "https://example.org/ünïcode"}
        text = json.dumps(named, ensure_ascii=False)
        return text.encode(encoding), {"Content-Type": kind}

    return make


def _raw_deflate(data: bytes) -> bytes:
    packer = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return packer.compress(data) + packer.flush()


def _same(data: bytes) -> bytes:
    return data


def _huge(event: Json) -> bytes:
    return encoded(event | {"eventType": "START", "producer": "x" * 5_000_000})


_ENCODINGS: dict[str, Make] = {
    "plain": _headed(_same),
    "gzip, said": _headed(gzip.compress, Content_Encoding="gzip"),
    "gzip, said as x-gzip": _headed(gzip.compress, Content_Encoding="x-gzip"),
    "gzip, said as GZIP": _headed(gzip.compress, Content_Encoding="GZIP"),
    "gzip, not said": _headed(gzip.compress),
    "gzip, said, cut short": _headed(
        lambda data: gzip.compress(data)[:-20], Content_Encoding="gzip"
    ),
    "gzip, said, with more behind": _headed(
        lambda data: gzip.compress(data) + b"xx", Content_Encoding="gzip"
    ),
    "gzip twice, said twice": _headed(
        lambda data: gzip.compress(gzip.compress(data)), Content_Encoding="gzip, gzip"
    ),
    "plain, said to be gzip": _headed(_same, Content_Encoding="gzip"),
    "plain, said to be identity": _headed(_same, Content_Encoding="identity"),
    "plain, said to be br": _headed(_same, Content_Encoding="br"),
    "plain, said to be nonsense": _headed(_same, Content_Encoding="nonsense"),
    "deflate, said": _headed(zlib.compress, Content_Encoding="deflate"),
    "deflate without a frame, said": _headed(_raw_deflate, Content_Encoding="deflate"),
    "deflate, not said": _headed(zlib.compress),
    "utf-8 with a byte order mark": _recoded("utf-8-sig"),
    "utf-16 with a byte order mark": _recoded("utf-16"),
    "utf-16-le": _recoded("utf-16-le"),
    "utf-16-be": _recoded("utf-16-be"),
    "utf-32": _recoded("utf-32"),
    "utf-32-be": _recoded("utf-32-be"),
    "latin-1": _recoded("latin-1"),
    "latin-1, said": _recoded("latin-1", "application/json; charset=iso-8859-1"),
    "utf-8, said": _recoded("utf-8", "application/json; charset=utf-8"),
    "utf-8, said in capitals and quotes": _recoded("utf-8", 'application/json;charset="UTF-8"'),
    "utf-8, said to be latin-1": _recoded("utf-8", "application/json; charset=iso-8859-1"),
    "utf-16, said": _recoded("utf-16", "application/json; charset=utf-16"),
    "utf-16-le, said": _recoded("utf-16-le", "application/json; charset=utf-16le"),
    "utf-8, said to be nonsense": _recoded("utf-8", "application/json; charset=nonsense"),
    "utf-8, said to be nothing": _recoded("utf-8", "application/json; charset="),
    "in chunks": _headed(_same),
    "five million characters": _huge,
    "a NUL behind": _headed(lambda data: data + b"\0"),
    "white space around": _headed(lambda data: b" \r\n\t" + data + b"\n \t\r"),
    "a form feed before": _headed(lambda data: b"\x0c" + data),
    "no UTF-8": _headed(lambda data: data.replace(b'"COMPLETE"', b'"\xff\xfe"')),
    "overlong UTF-8": _headed(lambda data: data.replace(b'"COMPLETE"', b'"\xc0\xaf"')),
    "a surrogate in UTF-8": _headed(lambda data: data.replace(b'"COMPLETE"', b'"\xed\xa0\x80"')),
    "cut UTF-8": _headed(lambda data: data.replace(b'"COMPLETE"', b'"\xc3"')),
}

_TEXTS: dict[str, tuple[str, str]] = {
    "something behind": ('RunEvent"}', 'RunEvent"} x'),
    "a brace behind": ('RunEvent"}', 'RunEvent"}}'),
    "a comma behind": ('RunEvent"}', 'RunEvent"},'),
    "a second object behind": ('RunEvent"}', 'RunEvent"} {}'),
    "broken off": ('RunEvent"}', 'RunEvent"'),
    "broken off in a text": ('RunEvent"}', "RunEve"),
    "something before": ('{"eventType"', 'x{"eventType"'),
    "a comma before": ('{"eventType"', ',{"eventType"'),
    "a callback around": ('{"eventType"', 'f({"eventType"'),
    "a comma too many": ('RunEvent"}', 'RunEvent",}'),
    "two commas": ('"eventTime"', ', "eventTime"'),
    "no colon": ('"eventType": ', '"eventType" '),
    "a comment": ('{"eventType"', '{/* x */"eventType"'),
    "a line comment": ('{"eventType"', '{// x\n"eventType"'),
    "a hash comment": ('{"eventType"', '{# x\n"eventType"'),
    "single quotes": ('"eventType"', "'eventType'"),
    "a bare name": ('"eventType"', "eventType"),
    "NaN": ('"any": 1', '"any": NaN'),
    "Infinity": ('"any": 1', '"any": -Infinity'),
    "a number with a leading zero": ('"any": 1', '"any": 01'),
    "a number with a plus": ('"any": 1', '"any": +1'),
    "a number with a point before": ('"any": 1', '"any": .5'),
    "a number with a point behind": ('"any": 1', '"any": 1.'),
    "a hexadecimal number": ('"any": 1', '"any": 0x1'),
    "a number that is no double": ('"any": 1', '"any": 1e400'),
    "a tiny number": ('"any": 1', '"any": 1e-400'),
    "a long number": ('"any": 1', f'"any": {"1" * 1200}'),
    "a number of 1,000 digits": ('"any": 1', f'"any": {"1" * 1000}'),
    "a long fraction": ('"any": 1', f'"any": 0.{"1" * 1200}'),
    "minus zero": ('"any": 1', '"any": -0'),
    "True": ('"any": 1', '"any": True'),
    "a new line in a text": ('"select 1"', '"select\n1"'),
    "a tab in a text": ('"select 1"', '"select\t1"'),
    "an unknown escape": ('"select 1"', r'"select\x1"'),
    "a short escape": ('"select 1"', r'"select\u12"'),
    "an escaped slash": ('"select 1"', r'"select\/1"'),
    "an escaped NUL": ('"select 1"', r'"select\u00001"'),
    "two halves in the wrong order": ('"select 1"', r'"\udc00\ud800"'),
    "eventType twice": ('{"eventType"', '{"eventType": "FAIL", "eventType"'),
    "eventTime twice, once no time": ('{"eventType"', '{"eventTime": "x", "eventType"'),
    "eventTime twice, the other year": (
        '{"eventType"',
        '{"eventTime": "2019-01-01T00:00:00Z", "eventType"',
    ),
    "job twice": ('{"eventType"', '{"job": {"namespace": "odd-x", "name": "y"}, "eventType"'),
    "job twice, once a text": ('{"eventType"', '{"job": "x", "eventType"'),
    "run twice, then null": ('RunEvent"}', 'RunEvent", "run": null}'),
    "a facet twice": ('"sql": {', '"sql": {"query": "first"}, "sql": {'),
    "a facet of our own twice": ('"custom": {', '"custom": {"any": 2}, "custom": {'),
    "an empty key": ('"any": 1', '"": 1'),
    "a key with a NUL": ('"any": 1', r'"a\u0000b": 1'),
    "a very long key": ('"any": 1', f'"{"k" * 60000}": 1'),
    "a facet with a long name": ('"custom": {', f'"{"k" * 255}": {{'),
    "a facet with a very long name": ('"custom": {', f'"{"k" * 256}": {{'),
    "keys in other letters": ('"eventType"', '"EventType"'),
    "job in other letters": ('"job": {"n', '"Job": {"n'),
    "parentRun for parent": ('"parent": {', '"parentRun": {'),
    "parentRun besides parent": ('"parent": {', '"parentRun": {}, "parent": {'),
}

_WHOLE: dict[str, str] = {
    "nothing": "",
    "white space": " \n",
    "null": "null",
    "an empty object": "{}",
    "an empty list": "[]",
    "a text": '"x"',
    "an empty text": '""',
    "a number": "7",
    "true": "true",
    "an unknown word": "nope",
    "an open brace": "{",
    "a form": "eventType=COMPLETE&run=x",
    "xml": "<event/>",
    "an object of nulls": '{"eventType": null, "run": null, "job": null}',
    "only the kind of a job event": f'{{"schemaURL": "{_SCHEMA}JobEvent"}}',
    "only the kind of a dataset event": f'{{"schemaURL": "{_SCHEMA}DatasetEvent"}}',
}

_CONTENT_TYPES = (
    None, "", "application/json", "APPLICATION/JSON", "application/json;", "application/json; x=y",
    "application/vnd.openlineage+json", "application/ld+json", "application/json, text/plain", "application/*", "*/*",
    "text/json", "text/plain", "text/x-json", "json", "application/xml", "application/octet-stream",
    "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "application/x-ndjson",
)  # fmt: skip

_UNKNOWN: dict[str, tuple[Path, ...]] = {
    "of the event": ((),),
    "of the run": (("run",),),
    "of the job": (("job",),),
    "of a dataset": (("inputs", 0), ("outputs", 0)),
    "of the parent's run": (("run", "facets", "parent", "run"),),
    "of the parent's job": (("run", "facets", "parent", "job"),),
    "of a column": (("inputs", 0, "facets", "schema", "fields", 0),),
    "of a column's inputs": (("outputs", 0, "facets", "columnLineage", "fields", "o0"),),
    "everywhere": ((), ("run",), ("job",), ("inputs", 0), ("outputs", 0)),
}


def _rewritten(old: str, new: str) -> Make:
    def make(event: Json) -> bytes:
        text = encoded(event).decode()
        if old not in text:
            raise LookupError(old)
        return text.replace(old, new, 1).encode()

    return make


def _constant(text: str) -> Make:
    return lambda _event: text.encode()


def _typed(kind: str | None) -> Make:
    return lambda event: (encoded(event), {} if kind is None else {"Content-Type": kind})


def _nested(depth: int) -> Make:
    def make(event: Json) -> bytes:
        deep = "[" * depth + "]" * depth
        return encoded(event).decode().replace('"any": 1', f'"any": {deep}', 1).encode()

    return make


def _with_unknown(places: tuple[Path, ...]) -> Make:
    def make(event: Json) -> bytes:
        changed = deepcopy(event)
        for path in places:
            target = changed
            for key in path:
                target = target[key]
            target["odd"] = {"deep": [1, None, "x"]}
        return encoded(changed)

    return make
