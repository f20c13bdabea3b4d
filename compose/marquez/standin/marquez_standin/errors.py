"""What can go wrong with a request, and the answer that it gets."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


class ApiError(Exception):
    """An answer with a status and a JSON body.

    The body's code may differ from the status: the real server answers unreadable JSON
    with the status 500 and the code 400.
    """

    def __init__(self, status: int, body: dict[str, object]) -> None:
        super().__init__(status, body)
        self.status = status
        self.body = body


class BareError(Exception):
    """An answer with a status and the servlet container's HTML page as its body."""

    def __init__(self, status: int, reason: str | None = None) -> None:
        super().__init__(status)
        self.status = status
        self.reason = reason


class IllegalNameError(ValueError):
    """A name that the data model does not allow; 400 in an event, 404 in a path."""


def error(status: int, message: str, *, code: int | None = None) -> ApiError:
    """An answer of the form `{"code": ..., "message": ...}`."""
    return ApiError(status, {"code": code or status, "message": message})


def not_found(kind: str, name: object) -> ApiError:
    """404 for a thing that is not there."""
    return error(404, f"{kind} '{name}' not found.")


def no_such_page() -> ApiError:
    """404 for a path that leads nowhere, or that holds an illegal name."""
    return error(404, "HTTP 404 Not Found")


def violations(status: int, messages: Sequence[str]) -> ApiError:
    """An answer that lists what is wrong with a request."""
    return ApiError(status, {"errors": list(messages)})


def logged_fault() -> ApiError:
    """500 for what the real server answers with a fault of its own."""
    number = secrets.token_hex(8)
    message = f"There was an error processing your request. It has been logged (ID {number})."
    return error(500, message)
