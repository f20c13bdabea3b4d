"""Answers about what a namespace holds under a name: a job, a dataset."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

from marquez_standin import namespaces
from marquez_standin import request_values as values
from marquez_standin.answers import answer

if TYPE_CHECKING:
    from collections.abc import Callable

    from flask import Response

    from marquez_standin.store import Connection, Pool

Named: TypeAlias = tuple[str, str]
"""A namespace's name and the name in it."""


def named(namespace: str, name: str) -> Named:
    """The two names of a path.

    Raises:
        ApiError: 404 if one of them is illegal.
    """
    return values.namespace_in_path(namespace), values.name_in_path(name)


def answered(pool: Pool, names: Named, ask: Callable[[Connection, str, str], Any]) -> Response:
    """The answer that `ask` gives of the named thing.

    Raises:
        ApiError: 404 if the namespace is unknown, and whatever `ask` raises.
    """
    with pool.connection() as connection:
        namespaces.require(connection, names[0])
        return answer(ask(connection, *names))
