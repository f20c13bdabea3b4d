"""What a decoder finds in a body."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from sandbox_recorder.refusals import Refused

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

LONGEST_KEY = 256  # characters; nobody asks for a longer one


@dataclass(frozen=True, slots=True)
class Found:
    """One span, data point, log record or event, as its decoder packs it to be kept.

    `keys` are what it is found by. Unpacking is left until somebody asks: most is never asked
    for, and packing is what the rate hangs on.
    """

    keys: tuple[str, ...]
    packed: bytes


class Decoder(Protocol):
    """Reads bodies of one kind, for one signal."""

    def decode(self, body: bytes, content_type: str) -> Iterator[Found]:
        """What a body holds.

        Raises:
            Refused: If it is not what it should be; possibly while iterating.
        """
        ...

    def item(self, packed: bytes) -> dict[str, Any]:
        """What was found, as the control port shows it: a JSON object."""
        ...


class PacksJson:
    """A decoder whose items are packed as JSON."""

    def item(self, packed: bytes) -> dict[str, Any]:
        """The item as it was packed."""
        item: dict[str, Any] = json.loads(packed)
        return item


def found(keys: Iterable[Any], item: dict[str, Any]) -> Found:
    """An item packed as JSON, found by those keys that can be asked for."""
    return Found(as_keys(keys), json.dumps(item).encode())


def as_keys(values: Iterable[Any]) -> tuple[str, ...]:
    """Those values that are text that can be asked for, each once."""
    return tuple(dict.fromkeys(value for value in values if _is_key(value)))


def _is_key(value: Any) -> bool:
    return isinstance(value, str) and 0 < len(value) <= LONGEST_KEY


def read_json(body: bytes) -> Any:
    """The JSON value in a body.

    Raises:
        Refused: 400, if it is none, or nested too deep to read.
    """
    try:
        return json.loads(body)
    except (ValueError, RecursionError) as problem:
        raise Refused(400, f"the body is no JSON: {problem}") from problem
