"""The tree of commands."""

from __future__ import annotations

import typer

from floe_local.cli.commands import images, plugins, proof, show, stack
from floe_local.cli.session import Session, add, shared

app = typer.Typer(
    name="floe-local",
    no_args_is_help=True,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
