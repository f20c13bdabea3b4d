"""What an action raises, as a value: so that a test can also state that it raises nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

Error = TypeVar("Error", bound=BaseException)


def raised(kind: type[Error], action: Callable[..., object], *arguments: object) -> Error | None:
    """The error of a kind that an action raises; None where it raises nothing."""
    try:
        action(*arguments)
    except kind as error:
        return error
    return None
