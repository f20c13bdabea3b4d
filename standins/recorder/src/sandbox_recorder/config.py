"""How the backend behaves: the file that floe-local mounts, as frozen values."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

import jmespath
import yaml

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

# What the dummy of each kind of credential is made of; nothing: it is text.
KINDS = {
    "header": (),
    "bearer": (),
    "basic": ("username", "password"),
    "sigv4": ("access_key", "secret_key", "service"),
}
SCHEMAS = ("openlineage",)
SIGNALS = ("traces", "metrics", "logs", "lineage")

_Made = TypeVar("_Made")


class ConfigError(ValueError):
    """The file does not say what a backend is."""


@dataclass(frozen=True, slots=True)
class Wording:
    """An answer: status, content type, headers, and a body (text, or a JSON value)."""

    status: int = 200
    content_type: str = "application/json"
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Credential:
    """What a sender has to show; `value` is the dummy, as text or by parts."""

    kind: str
    value: Any
    header: str = "Authorization"
    form: str | None = None
    missing: int = 401
    wrong: int = 403


@dataclass(frozen=True, slots=True)
class Rule:
    """What must hold of an item; with a status the request is refused, else it is ignored."""

    query: str
    reason: str
    status: int | None = None


@dataclass(frozen=True, slots=True)
class Route:
    """One thing that the backend can be asked; `limit` is in bytes, uncompressed."""

    name: str
    path: str
    method: str = "POST"
    content_types: tuple[str, ...] = ()
    encodings: tuple[str, ...] = ("identity", "gzip")
    limit: int | None = None
    decode: str | None = None
    signal: str | None = None
    credential: bool = True
    schema: str | None = None
    rules: tuple[Rule, ...] = ()
    answer: Wording = Wording()


@dataclass(frozen=True, slots=True)
class Config:
    """A backend by name, its credential, its routes, and how it words refusals."""

    backend: str
    credential: Credential | None
    routes: tuple[Route, ...]
    answers: Mapping[int, Wording]


def read_config(path: Path) -> Config:
    """Read the file.

    Raises:
        OSError: If it cannot be read.
        ConfigError: If it is no YAML, or not what this module describes.
    """
    try:
        return parse_config(yaml.safe_load(path.read_bytes()))
    except (yaml.YAMLError, ConfigError) as problem:
        message = f"{path}: {problem}"
        raise ConfigError(message) from problem


def parse_config(given: Any) -> Config:
    """Make the values of a file's content.

    Raises:
        ConfigError: If something is missing, unknown or not what it should be.
    """
    return _made(
        Config,
        given,
        "sandbox",
        credential=lambda value: None if value is None else _credential(value),
        routes=lambda values: tuple(map(_route, values or ())),
        answers=lambda values: {
            int(status): _made(Wording, value, f"answers.{status}")
            for status, value in (values or {}).items()
        },
    )


def _credential(given: Any) -> Credential:
    made = _made(Credential, given, "credential")
    if made.kind not in KINDS:
        _complain("credential.kind", f"{made.kind!r} is none of {', '.join(KINDS)}")
    parts = KINDS[made.kind]
    if not _is_made_of(made.value, parts):
        _complain("credential.value", f"wanted: {', '.join(parts) or 'text'}")
    if made.form is not None:
        try:
            re.compile(made.form)
        except re.error as problem:
            _complain("credential.form", str(problem))
    return made


def _is_made_of(value: Any, parts: tuple[str, ...]) -> bool:
    if not parts:
        return isinstance(value, str)
    return isinstance(value, dict) and set(parts) <= set(value)


def _route(given: Any) -> Route:
    name = given.get("name", "?") if isinstance(given, dict) else "?"
    where = f"routes.{name}"
    made = _made(
        Route,
        given,
        where,
        content_types=lambda values: tuple(map(str.lower, values)),
        encodings=tuple,
        rules=lambda values: tuple(_rule(value, where) for value in values),
        answer=lambda value: _made(Wording, value, f"{where}.answer"),
    )
    if made.schema not in {None, *SCHEMAS}:
        _complain(f"{where}.schema", f"{made.schema!r} is none of {', '.join(SCHEMAS)}")
    if made.decode and made.signal not in SIGNALS:
        _complain(where, "what is decoded belongs to a signal")
    return made


def _rule(given: Any, where: str) -> Rule:
    made = _made(Rule, given, f"{where}.rules")
    try:
        jmespath.compile(made.query)
    except jmespath.exceptions.JMESPathError as problem:
        _complain(f"{where}.rules", str(problem))
    return made


def _made(
    shape: Callable[..., _Made], given: Any, where: str, **readers: Callable[[Any], Any]
) -> _Made:
    if not isinstance(given, dict):
        _complain(where, "not a mapping")
    try:
        return shape(**{key: readers.get(key, _as_is)(value) for key, value in given.items()})
    except (TypeError, AttributeError, ValueError) as problem:
        message = f"{where}: {problem}"
        raise ConfigError(message) from problem


def _as_is(value: Any) -> Any:
    return value


def _complain(where: str, what: str) -> None:
    message = f"{where}: {what}"
    raise ConfigError(message)
