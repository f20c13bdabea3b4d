"""The errors that floe-local raises on purpose.

Each says what happened and where (`reason`), what to do next (`hint`), and which
exit code the command line ends with. One boundary, `floe_local.cli.boundary`, prints them.
"""

from __future__ import annotations

from enum import IntEnum


class ExitCode(IntEnum):
    """What the process's exit status means (docs/cli.md)."""

    OK = 0
    CHECK_FAILED = 1
    BAD_INPUT = 2
    ENVIRONMENT = 3
    NOT_READY = 4
    BUG = 70
    INTERRUPTED = 130


class FloeError(Exception):
    """Something that the user, the plugin's author or the machine can mend.

    Args:
        code: stable identifier in kebab case, e.g. ``port-taken``.
        reason: what happened and where (file, line, field).
        hint: what to do next; a command where there is one.
    """

    exit_code = ExitCode.BAD_INPUT

    def __init__(self, code: str, reason: str, hint: str = "") -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason
        self.hint = hint

    @property
    def told(self) -> dict[str, str]:
        """Code, reason and hint, as JSON tells them."""
        return {"code": self.code, "reason": self.reason, "hint": self.hint}


class InputError(FloeError):
    """The manifest, a plugin, a blueprint or the command line is wrong (exit 2)."""

    exit_code = ExitCode.BAD_INPUT


class MachineError(FloeError):
    """The machine is not ready: no engine, no image, a taken port (exit 3)."""

    exit_code = ExitCode.ENVIRONMENT


class NotReadyError(FloeError):
    """The stack did not become ready (exit 4)."""

    exit_code = ExitCode.NOT_READY


class CheckFailedError(FloeError):
    """A check was made and failed (exit 1)."""

    exit_code = ExitCode.CHECK_FAILED
