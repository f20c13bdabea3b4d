"""Comparing two servers' answers: what must differ is masked, all else must not.

Masked are: times of the clock (event times lie years back, and are compared), and ids that a
server makes up (UUIDs that are neither of the request nor computed from names; they must
match one to one over a whole sequence). Lists count in any order, and null counts as absent.
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

Json = Any

_CLOCK_TIME = re.compile(r"20(?:2[6-9]|[3-9]\d)-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z")
_MADE_UP_ID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")

_HEXADECIMAL = re.compile(r"[0-9a-fA-F]+")
_BITS = (32, 16, 16, 16, 48)  # of the groups of a UUID, which may be written shorter
_GROUPS, _LENGTH = len(_BITS), 36


def masked_text(text: str) -> str:
    """A text without what differs from one server, and one moment, to another."""
    return _CLOCK_TIME.sub("<now>", text)


@dataclass
class Differ:
    """Compares the answers of one sequence.

    Attributes:
        sent: Ids of the requests: they are never made up.
        pairs: Which id of the first server is which of the second, as seen so far.
    """

    sent: frozenset[str]
    pairs: dict[str, str] = field(default_factory=dict)
    back: dict[str, str] = field(default_factory=dict)

    def copy(self) -> Differ:
        """One that knows as much, to try a comparison with."""
        return Differ(self.sent, dict(self.pairs), dict(self.back))

    def learn(self, other: Differ) -> None:
        """Take over what a trial has found out of the servers' ids."""
        self.pairs, self.back = other.pairs, other.back

    def is_made_up(self, text: str) -> bool:
        """Whether a server made up that id."""
        return bool(_MADE_UP_ID.fullmatch(text)) and text not in self.sent

    def differences(self, left: Json, right: Json, path: str = "") -> list[str]:
        """The places at which two answers differ, as dotted paths with both values."""
        if isinstance(left, dict) and isinstance(right, dict):
            return self._in_objects(left, right, path)
        if isinstance(left, list) and isinstance(right, list) and len(left) == len(right):
            pairs = enumerate(zip(left, right, strict=True))
            return [
                text
                for index, (a, b) in pairs
                for text in self.differences(a, b, f"{path}[{index}]")
            ]
        if isinstance(left, str) and isinstance(right, str) and self._same_text(left, right):
            return []
        return (
            [] if left == right and type(left) is type(right) else [_described(path, left, right)]
        )

    def _in_objects(self, left: dict[str, Json], right: dict[str, Json], path: str) -> list[str]:
        keys = sorted({*left, *right})
        absent = object()
        found = []
        for key in keys:
            a, b = left.get(key, absent), right.get(key, absent)
            if a is absent or b is absent:
                found.append(f"{path}.{key}: only in the {'second' if a is absent else 'first'}")
            else:
                found += self.differences(a, b, f"{path}.{key}")
        return found

    def _same_text(self, left: str, right: str) -> bool:
        if self.is_made_up(left) and self.is_made_up(right):
            known = self.pairs.setdefault(left, right), self.back.setdefault(right, left)
            return known == (right, left)
        return masked_text(left) == masked_text(right)

    def plain(self, answer: Json) -> Json:
        """An answer without nulls, every list in an order that does not depend on the server."""
        if isinstance(answer, dict):
            return {key: self.plain(part) for key, part in answer.items() if part is not None}
        if isinstance(answer, list):
            return sorted(map(self.plain, answer), key=self._sort_key)
        return answer

    def _sort_key(self, part: Json) -> str:
        text = masked_text(json.dumps(part, sort_keys=True))
        return _MADE_UP_ID.sub(lambda found: found[0] if found[0] in self.sent else "<id>", text)


def _described(path: str, left: Json, right: Json) -> str:
    limit = 160
    texts = (json.dumps(part, ensure_ascii=False)[:limit] for part in (left, right))
    return f"{path}: {' | '.join(texts)}"


def stored_run_id(run: str) -> str:
    """The id under which Marquez stores a run: the UUID that was sent, or an MD5 name UUID."""
    parts = run.split("-")
    if len(parts) == _GROUPS and len(run) <= _LENGTH and all(map(_HEXADECIMAL.fullmatch, parts)):
        numbers = (int(part, 16) % 2**bits for part, bits in zip(parts, _BITS, strict=True))
        digits = (f"{number:0{bits // 4}x}" for number, bits in zip(numbers, _BITS, strict=True))
        return "-".join(digits)
    digest = hashlib.md5(run.encode(errors="replace"), usedforsecurity=False).digest()
    return str(UUID(bytes=digest, version=3))
