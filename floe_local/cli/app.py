"""The tree of commands, and a command line → an exit code."""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any

import typer

from floe_local.cli.boundary import Boundary, beyond_typer
from floe_local.cli.commands import images, observe, plugins, proof, sandbox, show, stack
from floe_local.cli.output import STDOUT, write
from floe_local.cli.session import OPTIONS, Session, add
from floe_local.errors import ExitCode, on_path

_HELP_OPTIONS = ["-h", "--help"]


def _version(wanted: bool) -> None:  # noqa: FBT001 - typer calls it so
    if wanted:
        from importlib.metadata import version

        write(f"floe-local {version('floe-local')}")
        raise typer.Exit


def _shared(
    context: typer.Context,
    *,
    manifest: Annotated[Path | None, OPTIONS["manifest"]] = None,
    environment: Annotated[str | None, OPTIONS["environment"]] = None,
    stack: Annotated[str | None, OPTIONS["stack"]] = None,
    json: Annotated[bool, OPTIONS["json"]] = False,
    quiet: Annotated[bool, OPTIONS["quiet"]] = False,
    verbose: Annotated[bool, OPTIONS["verbose"]] = False,
    version: Annotated[  # noqa: ARG001 - its callback does the work
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Say which one.")
    ] = False,
) -> None:
    context.obj = Session(manifest, environment, stack, json, quiet, verbose)


TREE: dict[str, dict[str, Callable[..., int | None]]] = {
    "": {
        "init": stack.init,
        "up": stack.up,
        "smoke-test": proof.smoke_test,
        "run": observe.run,
        "listen": observe.listen,
        "check": observe.check,
        "down": stack.down,
        "status": show.status,
        "logs": show.logs,
        "urls": show.urls,
        "open": show.open_,
        "env": show.env,
        "render": show.render,
        "explain": show.explain,
        "list": stack.list_,
    },
    "plugins": {
        "list": plugins.list_,
        "show": plugins.show,
        "validate": plugins.validate,
        "test": plugins.check,
        "new": plugins.new,
    },
    "sandbox": {"show": sandbox.show, "fail": sandbox.fail},
    "images": {
        "list": images.list_,
        "get": images.get,
        "pull": images.pull,
        "build": images.build,
        "save": images.save,
        "load": images.load,
    },
}
_JSON_INTO_A_FILE = {"run", "listen"}
"""Commands whose stdout is a command's, or a shell's: `--json` names a file."""

_TAKE_A_VALUE = {"-m", "--manifest", "-e", "--env", "-s", "--stack"}
"""The options before a command's name that have a value."""

_FLAGS = {"--json", "-q", "--quiet", "-v", "--verbose"}
"""Those that have none."""

_HELP = {
    "plugins": "The plugins that are installed here.",
    "sandbox": "The recorders that play backends which run elsewhere.",
    "images": "The images that the stack's services run.",
}


def tree(only: str = "") -> typer.Typer:
    """Make the tree of commands.

    Args:
        only: the one that is to be in it, or a group with all of its own; empty: all. Each takes
            a while to make.
    """
    app = typer.Typer(
        name="floe-local",
        no_args_is_help=True,
        rich_markup_mode=None,  # rich would take four times as long to print a help text
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": _HELP_OPTIONS},
        help="Bring the backends of a floe manifest up locally, and prove that each receives.",
    )
    app.callback()(_shared)
    for group, commands in TREE.items():
        branch = typer.Typer(no_args_is_help=True, help=_HELP[group]) if group else app
        for name, command in commands.items():
            if only in {"", group, f"{group} {name}".strip()}:
                add(branch, name, command, takes_command=command is observe.run)
        if group and only.partition(" ")[0] in {"", group}:
            app.add_typer(branch, name=group)
    return app


def run(arguments: list[str]) -> int:
    """Run a command line; its exit code."""
    own = arguments[: arguments.index("--")] if "--" in arguments else arguments
    command = command_named(own)
    boundary = Boundary(command, as_json="--json" in own and command not in _JSON_INTO_A_FILE)
    with boundary:
        boundary.exit_code = _command(_needed(own))(arguments, standalone_mode=False) or 0
        if boundary.exit_code == ExitCode.INTERRUPTED:  # while typer itself was at work
            raise KeyboardInterrupt
        with beyond_typer(), on_path(STDOUT):
            sys.stdout.flush()
    return boundary.exit_code


@cache
def _command(only: str) -> Any:
    """The tree as click has it: made once."""
    return typer.main.get_command(tree(only))


def _needed(arguments: list[str]) -> str:
    """The command that is all that a command line needs; empty: help and errors show others."""
    name = command_named(arguments)
    options = arguments[: arguments.index(name.split()[0])] if name else []
    known = all(
        word in _TAKE_A_VALUE | _FLAGS or before in _TAKE_A_VALUE
        for before, word in pairwise(["", *options])
    )
    return name if known and not set(arguments) & set(_HELP_OPTIONS) else ""


def command_named(arguments: list[str]) -> str:
    """The command that a command line names, such as ``images list``; empty if none."""
    words = [
        word
        for before, word in pairwise(["", *arguments])
        if not word.startswith("-") and before not in _TAKE_A_VALUE
    ]
    group, name, *_ = [*words, "", ""]
    if name in TREE.get(group, ()):
        return f"{group} {name}"
    return group if group in {*TREE, *TREE[""]} else ""
