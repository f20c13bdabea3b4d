"""What can go wrong with a request, and the answer that it gets."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


class ApiError(Exception):
    """An answer with a status and a JSON body."""

    def __init__(self, status: int, body: dict[str, object]) -> None:
        super().__init__(status, body)
        self.status = status
        self.body = body


class RefusedError(ApiError):
    """An event that is refused on the way: what was written of it before stays."""


class IllegalNameError(ValueError):
    """A name that the data model does not allow; 400 in an event, 404 in a path."""


def error(status: int, message: str) -> ApiError:
    """An answer of the form `{"code": ..., "message": ...}`."""
    return ApiError(status, {"code": status, "message": message})


def refused(status: int, message: str) -> RefusedError:
    """The answer to an event that is refused on the way."""
    return RefusedError(status, {"code": status, "message": message})


def not_found(kind: str, name: object) -> ApiError:
    """404 for a thing that is not there."""
    return error(404, f"{kind} '{name}' not found.")


def violations(status: int, messages: Sequence[str]) -> ApiError:
    """An answer that lists what is wrong with a request."""
    return ApiError(status, {"errors": list(messages)})


def fault() -> ApiError:
    """500 where the real server has a fault of its own."""
    return error(500, "There was an error processing your request. It has been logged.")
