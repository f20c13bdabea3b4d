"""References to variables, ``${env:NAME}``: the one parser of them, as the Collector reads them.

The Collector (`confmap`, expand.go of 0.155) expands from the inside out: the first ``}``
closes the last ``${`` before it. A scheme may be left out (``${NAME}``), a variable may have a
default (``${env:NAME:-text}``), which may hold further references. ``$NAME`` is plain text.
An odd number of ``$`` before the ``${`` escapes it, and ends all expansion of that text.

This module needs the standard library only: plugins use it through `floe_local.plugin_api`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    Values = Mapping[str, str]

ENV = "env"
SCHEMES = frozenset({ENV, "file", "http", "https", "yaml"})
"""What the Collector's own distributions can fetch a value from."""

MAX_DEPTH = 40
"""References nested deeper are plain text."""

_MARK = re.compile(r"(?P<dollars>\$+)(?P<open>\{)?|\}")
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+:")
_BARE_DEFAULT = re.compile(rf"(?!(?:{'|'.join(sorted(SCHEMES))}):)[A-Za-z_][A-Za-z0-9_]*:-")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_DEFAULT = ":-"


@dataclass(frozen=True, slots=True)
class Reference:
    """One ``${…}``.

    `prefix` is the scheme with its colon, as written: ``env:``, ``file:``, or nothing, which
    means ``env:``. `name` is what follows, of variables without the default. Name and default
    are texts of their own, with references in them.
    """

    prefix: str
    name: Text
    default: Text | None = None

    def __str__(self) -> str:
        """Give the reference as it was written."""
        default = "" if self.default is None else _DEFAULT + written(self.default)
        return f"${{{self.prefix}{written(self.name)}{default}}}"

    @property
    def scheme(self) -> str:
        """Where the value comes from: ``env``, ``file`` and so on."""
        return self.prefix[:-1] or ENV

    @property
    def variable(self) -> str | None:
        """The variable's name; None: it is not a variable, or its name is only known at run time."""
        name = written(self.name)
        return name if self.scheme == ENV and _VARIABLE.fullmatch(name) else None


Text = tuple["str | Reference", ...]
"""A parsed text: what is written, and the references in between."""


def parse(text: str) -> Text:
    """Take a text apart. Escaped and unfinished references are plain text."""
    if "${" not in text:
        return (text,) if text else ()
    frames: list[_Frame] = [_Frame(is_escaped=False)]
    known: dict[str, Reference] = {}
    end = 0
    for mark in _MARK.finditer(text):
        top = frames[-1]
        top.parts.append(text[end : mark.start()])
        end = mark.end()
        if mark["open"] and len(frames) <= MAX_DEPTH:
            top.parts.append(mark["dollars"][1:])
            frames.append(_Frame(is_escaped=len(mark["dollars"]) % 2 == 0))
        elif mark[0] != "}" or len(frames) == 1:
            top.parts.append(mark[0])
        else:
            reference = _reference(_joined(top.parts))
            if top.is_escaped and str(reference) not in known:
                end = mark.start()
                break
            known[str(reference)] = reference
            frames.pop()
            frames[-1].parts.append(reference)
    frames[-1].parts += _repeated(text[end:], known)
    return _joined([p for i, f in enumerate(frames) for p in (*["${"][: i > 0], *f.parts)])


class _Frame:
    """What was read since a ``${`` that is still open."""

    def __init__(self, *, is_escaped: bool) -> None:
        self.is_escaped = is_escaped
        self.parts: list[str | Reference] = []


def _repeated(text: str, known: Mapping[str, Reference]) -> list[str | Reference]:
    """Text behind an escaped reference: the Collector replaces what it found before, everywhere."""
    if not known or "${" not in text:
        return [text]
    longest_first = sorted(known, key=len, reverse=True)
    pieces = re.split(f"({'|'.join(map(re.escape, longest_first))})", text)
    return [known.get(piece, piece) for piece in pieces]


def _joined(parts: Sequence[str | Reference]) -> Text:
    """The parts, with texts that follow each other made one."""
    joined: list[str | Reference] = []
    for part in parts:
        if isinstance(part, str) and joined and isinstance(joined[-1], str):
            joined[-1] += part
        elif part != "":
            joined.append(part)
    return tuple(joined)


def _reference(body: Text) -> Reference:
    first = body[0] if body and isinstance(body[0], str) else ""
    scheme = None if _BARE_DEFAULT.match(first) else _SCHEME.match(first)
    prefix = scheme[0] if scheme else ""
    rest = _joined([first[len(prefix) :], *body[1:]]) if first else body
    if prefix not in {"", f"{ENV}:"}:
        return Reference(prefix, rest)
    for index, part in enumerate(rest):
        if isinstance(part, str) and _DEFAULT in part:
            before, _, after = part.partition(_DEFAULT)
            name, default = (*rest[:index], before), (after, *rest[index + 1 :])
            return Reference(prefix, _joined(name), _joined(default))
    return Reference(prefix, rest)


def written(parts: Text) -> str:
    """The text that was parsed."""
    return "".join(map(str, parts))


def references(parts: Text) -> Iterator[Reference]:
    """Every reference, those within others included, the outer before the inner."""
    for part in parts:
        if isinstance(part, Reference):
            yield part
            yield from references(part.name)
            yield from references(part.default or ())


def missing(parts: Text, values: Values) -> Iterator[str]:
    """The variables that a text needs, and that `values` does not have.

    What stands in a default is only needed where that default is.
    """
    for part in parts:
        if isinstance(part, Reference) and part.variable not in values:
            if part.default is not None:
                yield from missing(part.default, values)
            elif part.variable:
                yield part.variable
            else:
                yield from missing(part.name, values)


def rewritten(parts: Text, change: Callable[[Reference], str | None]) -> str:
    """The text with each reference as `change` writes it; None: as it is, but for those within."""

    def one(part: str | Reference) -> str:
        if isinstance(part, str):
            return part
        changed = change(part)
        if changed is not None:
            return changed
        default = None if part.default is None else (rewritten(part.default, change),)
        return str(Reference(part.prefix, (rewritten(part.name, change),), default))

    return "".join(map(one, parts))


def filled(parts: Text, values: Values) -> str:
    """The text with the values of variables, or their defaults, in place of references.

    Args:
        parts: the parsed text.
        values: of the variables that are set.

    Returns:
        Text in which references that have no value stand as they were written.
    """

    def value(reference: Reference) -> str | None:
        name, default = reference.variable, reference.default
        if name is not None and name in values:
            return values[name]
        return str(reference) if name is None or default is None else filled(default, values)

    return rewritten(parts, value)


def fault(reference: Reference) -> str | None:
    """Why the Collector refuses a reference; None: it does not."""
    if reference.scheme not in SCHEMES:
        return f"the Collector has no scheme '{reference.scheme}'"
    if reference.scheme == ENV and reference.variable is None:
        return f"'{written(reference.name)}' is not a variable name"
    if reference.prefix == "" and reference.default is not None:
        return "a default needs the scheme"
    body = (*reference.name, *(reference.default or ()))
    if any("$" in part for part in body if isinstance(part, str)):
        return "the Collector takes no '$' inside of a reference"
    return None
