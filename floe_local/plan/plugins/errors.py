"""Runs other people's code, and says whose fault it was.

A plugin may raise anything. `PluginErrors` is the one place where that becomes an `InputError`
that names the plugin, the method, the cause and the line, without a traceback and without
the values of credentials; an `CallResult` notes it instead. Light on purpose: the plugins'
child process imports it.
"""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, Self

from floe_local.errors import FloeError, InputError, printable
from floe_local.plan.secrets.mask import mask

if TYPE_CHECKING:
    from types import TracebackType

MEND_THE_PLUGIN = "Mend the plugin, or use another release of it."
LONGEST_CAUSE = 600


class PluginErrors:
    """Turns what the block raises into an `InputError` that names the plugin.

    Args:
        who: the plugin, as errors name it.
        doing: what was asked of it, e.g. ``get_helm_values()``.
        package: the plugin's top-level package; the error points to the line there.
        code: the error's code.
        hint: the error's hint.

    Raises:
        InputError: for everything but an interrupt and floe-local's own errors.
    """

    def __init__(
        self, who: str, doing: str, package: str, *, code: str, hint: str = MEND_THE_PLUGIN
    ) -> None:
        self.who = who
        self.doing = doing
        self.package = package
        self.code = code
        self.hint = hint

    def __enter__(self) -> None:
        """Start the block."""

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if error is None or isinstance(error, FloeError | KeyboardInterrupt):
            return
        reason = f"{self.who}: {self.doing} {cause(error)}{place(error, self.package)}"
        raise InputError(self.code, reason, self.hint) from error


class CallResult(ABC):
    """What a call came to, whether it returned or raised; an interrupt goes on.

    The block makes the call, and hands `take` what it returned.
    """

    @abstractmethod
    def take(self, answer: object) -> None:
        """Note what was returned."""

    @abstractmethod
    def take_error(self, error: BaseException) -> None:
        """Note what was raised."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> bool:
        if error is None or isinstance(error, KeyboardInterrupt):
            return False
        self.take_error(error)
        return True


def cause(error: BaseException) -> str:
    """Say what happened, in one line without credentials."""
    if isinstance(error, SystemExit):
        return f"called sys.exit({error.code!r})"
    return f"raised {type(error).__name__}: {message_of(error)}"


def message_of(error: BaseException) -> str:
    """Give an exception's own words, masked, printable and shortened."""
    fields = invalid_fields(error)
    text = "; ".join(fields) if fields else str(error)
    words = printable(" ".join(mask(text, os.environ).split())) or "(no message)"
    return words if len(words) <= LONGEST_CAUSE else f"{words[:LONGEST_CAUSE]}…"


def invalid_fields(error: BaseException) -> list[str]:
    """List ``field: what is wrong`` of a pydantic ValidationError (known by its shape).

    The refused values stay out: one may be a credential.
    """
    errors = getattr(error, "errors", None)
    if type(error).__name__ != "ValidationError" or not callable(errors):
        return []
    found: list[dict[str, Any]] = errors()
    return [f"{'.'.join(str(part) for part in e['loc']) or 'config'}: {e['msg']}" for e in found]


def place(error: BaseException, package: str) -> str:
    """Say where in `package` an exception came from: `` (file:line)``, or nothing."""
    if isinstance(error, SyntaxError) and error.filename:
        return printable(f" ({error.filename}:{error.lineno})")
    found = ""
    trace = error.__traceback__
    while trace is not None:
        module = str(trace.tb_frame.f_globals.get("__name__", ""))
        if module.partition(".")[0] == package:
            found = f" ({trace.tb_frame.f_code.co_filename}:{trace.tb_lineno})"
        trace = trace.tb_next
    return printable(found)
