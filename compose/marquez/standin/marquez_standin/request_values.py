"""What a request's path, query and body hold, checked as the real server checks it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from flask import request
from werkzeug.exceptions import UnsupportedMediaType

from marquez_standin import body, web_path
from marquez_standin.errors import BareError, error, logged_fault, no_such_page, violations
from marquez_standin.identity import strict_uuid
from marquez_standin.names import Node, checked_name, checked_namespace, parse_node
from marquez_standin.times import parse_event_time

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime
    from uuid import UUID


def namespace_in_path(name: str) -> str:
    """The namespace of a path; 404 if it is not allowed."""
    return checked_namespace(web_path.part(name))


def name_in_path(name: str) -> str:
    """The name of a path; 404 if it is not allowed."""
    return checked_name(web_path.part(name))


def uuid_in_path(text: str) -> UUID:
    """The id of a path; 404 if it is no UUID."""
    found = strict_uuid(text)
    if found is None:
        raise no_such_page()
    return found


def integer(name: str, default: int) -> int:
    """A whole number of the query; 404 if it is none."""
    text = request.args.get(name)
    if not text:
        return default
    try:
        return int(text)
    except ValueError as problem:
        raise no_such_page() from problem


def paging(default_limit: int = 100) -> tuple[int, int]:
    """Limit and offset of the query; 400 if one is negative."""
    limit, offset = integer("limit", default_limit), integer("offset", 0)
    negative = [name for name, value in (("offset", offset), ("limit", limit)) if value < 0]
    if negative:
        raise violations(
            400, [f"query param {name} must be greater than or equal to 0" for name in negative]
        )
    return limit, offset


def unchecked_paging() -> tuple[int, int]:
    """Limit and offset, where the real server has a fault of its own if one is negative."""
    limit, offset = integer("limit", 100), integer("offset", 0)
    if min(limit, offset) < 0:
        raise logged_fault()
    return limit, offset


def one_of(name: str, choices: Sequence[str]) -> str | None:
    """A word of the query, in capitals; 400 if it is none of the choices."""
    text = request.args.get(name)
    return _choice(name, text, choices) if text else None


def many_of(name: str, choices: Sequence[str]) -> list[str]:
    """Words of the query, in capitals; 400 if one is none of the choices."""
    return [_choice(name, text, choices) for text in request.args.getlist(name) if text]


def _choice(name: str, text: str, choices: Sequence[str]) -> str:
    word = text.strip().upper()
    if word not in choices:
        listed = ", ".join(choices)
        raise error(400, f"query param {name} must be one of [{listed}]")
    return word


def moment(name: str, default: str) -> datetime:
    """A time of the query; 400 if it is none."""
    text = request.args.get(name, default)
    try:
        return parse_event_time(text.replace(" ", "+")).instant
    except ValueError as problem:
        message = f"Parameter is invalid: Text '{text}' could not be parsed at index 0"
        raise error(400, message) from problem


def node() -> Node:
    """The node of the query; 400 without one, 404 if it is none."""
    text = request.args.get("nodeId")
    if text is None:
        raise violations(400, ["query param nodeId must not be null"])
    return parse_node(text)


def json_text() -> str:
    """The body of a request that must be JSON; 415 if its type says otherwise."""
    kind = request.mimetype
    if kind and kind != "application/json" and not kind.endswith("+json"):
        raise UnsupportedMediaType
    try:
        return request.get_data().decode()
    except UnicodeDecodeError as problem:
        raise BareError(400) from problem


def json_object() -> tuple[str, dict[str, Any]]:
    """The body as text and as an object; the real server has a fault of its own without one."""
    text = json_text()
    value = body.parse(text)
    if not isinstance(value, dict):
        raise logged_fault()
    return text, value
