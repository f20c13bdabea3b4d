"""References to environment variables: ``${env:NAME}`` and ``${env:NAME:-default}``.

They stay in every artifact (ADR-0035: credentials by reference only). The Collector
resolves its own; for everything else `resolve` does, in memory, at the moment of use.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from floe_local.errors import InputError
from floe_local.plan.nested import map_texts, texts

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

# `$$` is the Collector's escaped `$`: `$${env:X}` is no reference.
_REFERENCE = re.compile(
    r"(?P<escaped>(?<!\$)(?:\$\$)*)\$\{(?:env:)?(?P<name>[A-Za-z_]\w*)(?::-(?P<default>[^}]*))?\}"
)


def references(value: Any) -> tuple[str, ...]:
    """The names of the variables that a nested value refers to, sorted, each once."""
    return tuple(sorted({m["name"] for text in texts(value) for m in _REFERENCE.finditer(text)}))


def required(value: Any) -> tuple[str, ...]:
    """Like `references`, without those that name a default."""
    found = (m for text in texts(value) for m in _REFERENCE.finditer(text))
    return tuple(sorted({m["name"] for m in found if m["default"] is None}))


def resolve(value: Any, environ: Mapping[str, str], where: str) -> Any:
    """A nested value with every reference replaced; `where` names it in the error.

    Raises:
        InputError: a variable without a default is not set, or is empty.
    """
    missing = [name for name in required(value) if not environ.get(name)]
    if missing:
        raise unset(missing, where)

    def one(match: re.Match[str]) -> str:
        return match["escaped"] + (environ.get(match["name"]) or match["default"] or "")

    return map_texts(value, lambda text: _REFERENCE.sub(one, text))


def substituted(value: Any, values: Mapping[str, str]) -> Any:
    """A nested value with the references to the variables of `values` replaced, others not."""

    def one(match: re.Match[str]) -> str:
        known = values.get(match["name"])
        return match[0] if known is None else match["escaped"] + known

    return map_texts(value, lambda text: _REFERENCE.sub(one, text))


def unset(names: list[str], where: str) -> InputError:
    """The error for variables that are not set where `where` needs them."""
    listed = ", ".join(names)
    what = f"variables {listed} are" if len(names) > 1 else f"variable {listed} is"
    reason = f"{where}: {what} not set"
    return InputError("variable-unset", reason, f"export {names[0]}=… and run it again")


def rewritten(
    text: str,
    *,
    literal: Callable[[str], str],
    reference: Callable[[str, str, str | None], str],
) -> str:
    """A text with its references, and what stands between them, written in another way.

    Args:
        text: with references, or without.
        literal: writes what is no reference.
        reference: writes one: as it stands, its name, its default (None: it has none).
    """
    parts = []
    end = 0
    for match in _REFERENCE.finditer(text):
        start = match.start() + len(match["escaped"])
        whole = text[start : match.end()]
        parts += [literal(text[end:start]), reference(whole, match["name"], match["default"])]
        end = match.end()
    return "".join(parts) + literal(text[end:])


def escape_dollars(text: str) -> str:
    """Text of floe-local's own for a Collector config: each ``$`` that is no reference, doubled."""
    return rewritten(
        text, literal=lambda part: part.replace("$", "$$"), reference=lambda whole, *_: whole
    )
