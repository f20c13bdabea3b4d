"""The options that every command takes, before or after its name."""

from __future__ import annotations

import inspect
import re
import shlex
from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, get_type_hints

import typer

from floe_local.cli.boundary import beyond_typer
from floe_local.cli.output import completing_hints

if TYPE_CHECKING:
    from floe_local.operations.stacks import Where

_OPEN = (None, False)


@dataclass(frozen=True)
class Session:
    """What was asked of the command line as a whole."""

    manifest: Path | None = None
    environment: str | None = None
    stack: str | None = None
    json: bool = False
    quiet: bool = False
    verbose: bool = False

    def complete(self, text: str) -> str:
        """The text, with floe-local's commands in it such that they can be pasted as they stand.

        Each gets the options that say which stack this session is about, unless it has them,
        or needs none. A command is in backticks, or in a shell's ``$(…)``.
        """
        return _COMMAND.sub(lambda found: f"{found[1]}{self._about(found[2])}{found[2]}", text)

    def _about(self, command: str) -> str:
        if command.startswith(_OF_NO_STACK):
            return ""
        words = set(command.split())
        chosen = {"-m": self.manifest, "-e": self.environment, "-s": self.stack}
        return "".join(
            f"{short} {shlex.quote(str(value))} "
            for (short, value), field in zip(chosen.items(), OPTIONS, strict=False)
            if value is not None and not words & set(OPTIONS[field].param_decls)
        )

    def over(self, other: Session) -> Session:
        """This session, with what it leaves open taken from `other`."""
        given = {f.name: getattr(self, f.name) for f in fields(self)}
        return replace(
            other, **{name: value for name, value in given.items() if value not in _OPEN}
        )


OPTIONS: dict[str, Any] = {
    "manifest": typer.Option(
        "--manifest", "-m", help="The manifest; ./manifest.yaml if there is one."
    ),
    "environment": typer.Option(
        "--env", "-e", help="The environment: `-e prod` reads prod/manifest.yaml."
    ),
    "stack": typer.Option("--stack", "-s", help="The stack's name; from the folder if not given."),
    "json": typer.Option("--json", help="Print one JSON document, nothing else."),
    "quiet": typer.Option("--quiet", "-q", help="Print results, no progress."),
    "verbose": typer.Option("--verbose", "-v", help="Print each command that is run."),
}
"""The options that every command has; the fields of `Session`."""


_COMMAND = re.compile(r"((?:`|\$\()floe-local )(?=[a-z])([^`)]+)")
_OF_NO_STACK = ("list", "plugins list", "plugins new", "plugins test")
"""Commands for which it makes no difference which stack is meant."""


def _shared(name: str) -> inspect.Parameter:
    """A shared option as a parameter, as typer reads it from a signature."""
    default = getattr(Session, name)
    kind = bool if default is False else Path if name == "manifest" else str
    annotation = Annotated[kind if kind is bool else kind | None, OPTIONS[name]]  # type: ignore[valid-type]
    return inspect.Parameter(
        name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation
    )


def with_session(command: Callable[..., int | None]) -> Callable[..., int | None]:
    """Give a command the shared options, merged into its first parameter, a Session.

    typer reads options from a function's signature, so the wrapper's is made of the shared
    options and the command's own: each option works on either side of the command's name.
    An option that a command has itself stands for the shared one.
    """

    def wrapper(context: typer.Context, **given: Any) -> int | None:
        own = Session(**{name: given.pop(name) for name in OPTIONS if name not in hints})
        session = own.over(context.find_root().obj or Session())
        with completing_hints(session.complete), beyond_typer():
            return command(session, **given)

    hints = get_type_hints(command, include_extras=True)
    parameters = list(inspect.signature(command).parameters.values())[1:]
    signature = [
        inspect.Parameter("context", inspect.Parameter.POSITIONAL_ONLY, annotation=typer.Context),
        *(
            p.replace(annotation=hints[p.name], kind=inspect.Parameter.KEYWORD_ONLY)
            for p in parameters
        ),
        *(_shared(name) for name in OPTIONS if name not in hints),
    ]
    wrapper.__name__, wrapper.__doc__ = command.__name__, command.__doc__
    wrapper.__annotations__ = {p.name: p.annotation for p in signature}
    vars(wrapper)["__signature__"] = inspect.Signature(signature)
    return wrapper


def add(
    app: typer.Typer, name: str, command: Callable[..., int | None], *, takes_command: bool = False
) -> None:
    """Register a command that takes the shared options.

    Args:
        app: where.
        name: its name.
        command: the function; an option that it has itself stands for the shared one.
        takes_command: whatever follows its first argument is another command's.
    """
    settings = {"allow_interspersed_args": False} if takes_command else None
    app.command(name, context_settings=settings)(with_session(command))


LiveOption = Annotated[
    bool,
    typer.Option("--live", help="Use backends that run elsewhere for real, with your account."),
]
"""The option of the commands that would reach a backend's real account."""

BuildOption = Annotated[
    bool | None,
    typer.Option("--build/--no-build", help="Build images that cannot be pulled; asks if neither."),
]
"""The option of the commands that get images."""


def where(session: Session, *, live: bool = False) -> Where:
    """Which stack the session is about."""
    from floe_local.operations.stacks import Where

    return Where(
        manifest=session.manifest,
        environment=session.environment,
        stack=session.stack,
        live=live,
    )
