"""plugins list, show, validate."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from floe_local.cli.output import write, write_json, write_table
from floe_local.cli.session import Session, where
from floe_local.errors import ExitCode


def list_(session: Session) -> None:
    """List the plugins that are installed, without importing any.

    Example: `floe-local plugins list`
    """
    from floe_local.operations.plugins import list_plugins

    result = list_plugins()
    if session.json:
        return write_json("plugins list", result)
    rows = [(p.kind, p.name, f"{p.distribution} {p.version}", p.target) for p in result.plugins]
    return write_table(("kind", "name", "distribution", "class"), rows)


def show(
    session: Session,
    *,
    name: Annotated[str, typer.Argument(help="The plugin's name.")],
) -> None:
    """Show what a plugin returns, exactly as returned.

    Example: `floe-local plugins show jaeger`
    """
    from floe_local.operations.plugins import show_plugin

    shown = show_plugin(where(session), name)
    if session.json:
        body = {"plugins": [one.model_dump(mode="json") for one in shown]}
        return write_json("plugins show", body)
    for one in shown:
        write(one.output.who)
        returned = one.output.model_dump(mode="json", exclude_none=True)
        write(json.dumps(returned, indent=2, ensure_ascii=False))
    return None


def validate(session: Session) -> int:
    """Run validate_connection() of the manifest's plugins; names lead to the running stack.

    Example: `floe-local plugins validate`
    """
    from floe_local.operations.plugins import validate_plugins

    result = validate_plugins(where(session))
    if session.json:
        write_json("plugins validate", result, ok=result.ok)
    else:
        rows = [(p.kind, p.name, p.status, p.reason, p.hint) for p in result.plugins]
        write_table(("kind", "name", "status", "reason", "hint"), rows, folding=2)
    return ExitCode.OK if result.ok else ExitCode.CHECK_FAILED
