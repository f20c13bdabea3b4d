"""References to variables in nested values: ``${env:NAME}``, ``${env:NAME:-default}``.

They stay in every artifact (ADR-0035: credentials by reference only). The Collector
resolves its own; for everything else `resolve` does, in memory, at the moment of use. What a
rule of the compiler judges is the value that the component will see: `seen`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from floe_local import references as refs
from floe_local.errors import InputError
from floe_local.plan.nested import map_texts, texts

MAX_PASSES = 20
"""How often what a variable holds may lead to another one."""

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from floe_local.references import Reference, Values


def references(value: Any) -> tuple[str, ...]:
    """The names of the variables that a nested value refers to, sorted, each once."""
    found = (r.variable for text in texts(value) for r in refs.references(refs.parse(text)))
    return tuple(sorted({name for name in found if name}))


def required(value: Any) -> tuple[str, ...]:
    """Like `references`, without those that name a default."""
    return missing(value, {})


def missing(value: Any, environ: Mapping[str, str]) -> tuple[str, ...]:
    """The variables that a nested value needs, and that are not set, or empty; each once.

    What stands in a default is needed only where the default is.
    """
    known = _not_empty(environ)
    return tuple(
        sorted({n for text in texts(value) for n in refs.missing(refs.parse(text), known)})
    )


def resolve(value: Any, environ: Mapping[str, str], where: str) -> Any:
    """A nested value with every reference replaced; `where` names it in the error.

    Raises:
        InputError: a variable without a default is not set, or is empty.
    """
    lacking = missing(value, environ)
    if lacking:
        raise unset(lacking, where)
    return seen(value, _not_empty(environ))


def _not_empty(environ: Mapping[str, str]) -> dict[str, str]:
    """The variables that count as set for what is not a Collector: as in a shell's ``${X:-…}``."""
    return {name: value for name, value in environ.items() if value}


def seen(value: Any, values: Values) -> Any:
    """A nested value as its component sees it; references that have no value stay.

    Args:
        value: what a plugin returned, or a part of it.
        values: of the variables that are set.
    """
    return map_texts(value, lambda text: refs.filled(refs.parse(text), values))


def expanded(value: Any, values: Values) -> Any:
    """Like `seen`, as the Collector does it: what a variable holds is expanded, too."""
    for _ in range(MAX_PASSES):
        before, value = value, seen(value, values)
        if value == before:
            break
    return value


def typed(value: Any, values: Values) -> Any:
    """Like `expanded`, where the component wants another type than text: a number, a switch.

    A text that is one reference, and nothing else, is what its value is as YAML.
    """

    def one(text: str) -> Any:
        parts = refs.parse(text)
        after = expanded(text, values)
        whole = len(parts) == 1 and isinstance(parts[0], refs.Reference)
        return _from_yaml(after) if whole and not references(after) else after

    return map_texts(value, one)


def _from_yaml(text: str) -> Any:
    """What the Collector's YAML 1.2 makes of a text; a text stays as it is, quotes included."""
    import yaml  # noqa: PLC0415 - few rules ask for it

    try:
        value = yaml.safe_load(text)
    except (yaml.YAMLError, ValueError):
        return text
    if isinstance(value, bool):  # `yes` and `on` are texts in YAML 1.2
        return value if text.strip().lower() in {"true", "false"} else text
    if isinstance(value, int | float):
        return text if ":" in text else value
    return value if isinstance(value, dict | list | None) else text


def substituted(value: Any, values: Mapping[str, str]) -> Any:
    """A nested value with the references to the variables of `values` replaced, others not."""

    def known(reference: Reference) -> str | None:
        return values.get(reference.variable) if reference.variable else None

    return map_texts(value, lambda text: refs.rewritten(refs.parse(text), known))


def unset(names: tuple[str, ...] | list[str], where: str) -> InputError:
    """The error for variables that are not set where `where` needs them."""
    listed = ", ".join(names)
    what = f"variables {listed} are" if len(names) > 1 else f"variable {listed} is"
    reason = f"{where}: {what} not set"
    return InputError("variable-unset", reason, f"export {names[0]}=… and run it again")


def rewritten(
    text: str,
    *,
    literal: Callable[[str], str],
    reference: Callable[[str, str | None], str],
) -> str:
    """A text with its references, and what stands between them, written in another way.

    Args:
        text: with references, or without.
        literal: writes what is not a reference.
        reference: writes one to a variable: its name, and its default as it stands, with
            references of its own (None: it has none). Other references are literals.
    """

    def one(part: str | Reference) -> str:
        if isinstance(part, str) or part.variable is None:
            return literal(str(part))
        return reference(
            part.variable, None if part.default is None else refs.written(part.default)
        )

    return "".join(map(one, refs.parse(text)))


def without_references(text: str) -> str:
    """A text without its references; their defaults stay."""
    return rewritten(
        text, literal=str, reference=lambda _, default: without_references(default or "")
    )


def escape_dollars(text: str) -> str:
    """Text of floe-local's own for a Collector config: each ``$`` that is not a reference, doubled."""
    parts = (p.replace("$", "$$") if isinstance(p, str) else str(p) for p in refs.parse(text))
    return "".join(parts)
