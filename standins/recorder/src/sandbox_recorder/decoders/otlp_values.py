"""What the three signals of OTLP share: requests in two encodings, attributes, ids."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

from google.protobuf import json_format

from sandbox_recorder.decoders.found import read_json
from sandbox_recorder.refusals import Refused

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from sandbox_recorder.messages import Messages

JSON = "application/json"
_IDS = frozenset({"traceId", "spanId", "parentSpanId"})


def parse_request(messages: Messages, name: str, body: bytes, content_type: str) -> Any:
    """The message in a body, whichever of OTLP's two encodings it has.

    Raises:
        Refused: 400, if it does not hold one.
    """
    if content_type != JSON:
        return messages.parsed(name, body)
    try:
        value = _with_base64_ids(_object(read_json(body)))
        return json_format.ParseDict(value, messages.empty(name), ignore_unknown_fields=True)
    except (
        json_format.ParseError,
        ValueError,
        TypeError,
        AttributeError,
        RecursionError,
    ) as problem:
        raise Refused(400, f"the body is no OTLP JSON: {problem}") from problem


def _object(value: Any) -> dict[str, Any]:
    """ParseDict itself takes an empty list for an empty message."""
    if isinstance(value, dict):
        return value
    raise Refused(400, "the body is no OTLP JSON: no object")


def _with_base64_ids(value: Any) -> Any:
    """OTLP's JSON has ids in hexadecimal, where protobuf's has base64."""
    if isinstance(value, list):
        return [_with_base64_ids(part) for part in value]
    if isinstance(value, dict):
        return {
            key: base64.b64encode(bytes.fromhex(part)).decode()
            if key in _IDS and isinstance(part, str)
            else _with_base64_ids(part)
            for key, part in value.items()
        }
    return value


def plain(attributes: Iterable[Any]) -> dict[str, Any]:
    """Attributes as a JSON object with plain values; bytes as base64 text."""
    return {pair.key: plain_value(pair.value) for pair in attributes}


def plain_value(value: Any) -> Any:
    """An AnyValue as a plain JSON value."""
    kind = value.WhichOneof("value")
    if kind is None:
        return None
    inner = getattr(value, kind)
    read = _PLAIN.get(kind)
    return read(inner) if read else inner


def _base64(value: bytes) -> str:
    return base64.b64encode(value).decode()


_PLAIN: dict[str, Callable[[Any], Any]] = {
    "array_value": lambda value: [plain_value(part) for part in value.values],
    "kvlist_value": lambda value: plain(value.values),
    "bytes_value": _base64,
}


def otlp_json(attributes: Iterable[Any]) -> list[dict[str, Any]]:
    """Attributes as OTLP JSON has them."""
    return [{"key": pair.key, "value": _json_value(pair.value)} for pair in attributes]


def _json_value(value: Any) -> dict[str, Any]:
    kind = value.WhichOneof("value")
    if kind is None:
        return {}
    name, read = _JSON[kind]
    return {name: read(getattr(value, kind))}


def _unchanged(value: Any) -> Any:
    return value


_JSON: dict[str, tuple[str, Callable[[Any], Any]]] = {
    "string_value": ("stringValue", _unchanged),
    "bool_value": ("boolValue", _unchanged),
    "int_value": ("intValue", str),
    "double_value": ("doubleValue", _unchanged),
    "array_value": (
        "arrayValue",
        lambda value: {"values": [_json_value(part) for part in value.values]},
    ),
    "kvlist_value": ("kvlistValue", lambda value: {"values": otlp_json(value.values)}),
    "bytes_value": ("bytesValue", _base64),
}
