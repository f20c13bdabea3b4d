"""init, up, down, list: stacks come and go."""

from __future__ import annotations

import sys
from functools import partial
from typing import TYPE_CHECKING, Annotated

import typer

from floe_local.cli.output import say, warn, write_json, write_table
from floe_local.cli.progress import Display, progress
from floe_local.cli.session import BuildOption, LiveOption, Session, where

if TYPE_CHECKING:
    from floe_local.run.images import Policy


def init(
    session: Session,
    *,
    telemetry: Annotated[str | None, typer.Option(help="The telemetry backend.")] = None,
    lineage: Annotated[str | None, typer.Option(help="The lineage backend.")] = None,
) -> None:
    """Write a manifest.yaml to start from.

    Example: `floe-local init`
    """
    from floe_local.operations.scaffold import init as write_manifest

    result = write_manifest(where(session), telemetry, lineage)
    if session.json:
        return write_json("init", result)
    return say(f"wrote {result.file}: {result.telemetry}, {result.lineage}")


def up(
    session: Session,
    *,
    build: BuildOption = None,
    retain: Annotated[
        bool, typer.Option("--retain", help="Leave a stack that failed as it is.")
    ] = False,
    free_ports: Annotated[
        bool, typer.Option("--free-ports", help="Publish on any free ports.")
    ] = False,
    strict_ports: Annotated[
        bool, typer.Option("--strict-ports", help="Fail where a port is taken; move none.")
    ] = False,
    deadline: Annotated[
        float | None, typer.Option(min=1, help="Seconds to wait until all is ready.")
    ] = None,
    live: LiveOption = False,
) -> None:
    """Bring the manifest's stack up, and wait until it is ready.

    Example: `floe-local up`
    """
    from floe_local.operations.request import UpSettings
    from floe_local.operations.up import up as bring_up
    from floe_local.report.tables import environment_lines, service_table

    settings = UpSettings(
        free_ports=free_ports, strict_ports=strict_ports, retain=retain, deadline_s=deadline
    )
    with progress(session) as display:
        asked = policy(build=build, display=display)
        result = bring_up(where(session, live=live), settings, policy=asked, report=display)
    if session.json:
        return write_json("up", result)
    warn(text for text in result.warnings if not display.has_warned(text))
    done = "is up" if result.changed else "was up already, unchanged"
    say(f"stack {result.stack} {done} ({result.seconds:.1f} s)\n", "bold green")
    write_table(*service_table(result.services))
    return say(environment_lines(result.environment))


def policy(*, build: bool | None, display: Display) -> Policy:
    """How images may be got: ask on a terminal, where neither option is given."""
    from floe_local.run.images import Policy

    if build is None:
        asked = partial(_confirm, display) if sys.stdin.isatty() and sys.stderr.isatty() else None
        return Policy(build="ask", ask=asked)
    return Policy(build="always" if build else "never")


def _confirm(display: Display, question: str) -> bool:
    with display.paused():
        return typer.confirm(question, err=True)


def down(
    session: Session,
    *,
    volumes: Annotated[bool, typer.Option("--volumes", help="Remove the data, too.")] = False,
) -> None:
    """Remove the stack; its data stays unless --volumes is given.

    Example: `floe-local down --volumes`
    """
    from floe_local.operations.down import down as take_down

    with progress(session) as display:
        result = take_down(where(session), volumes=volumes, report=display)
    if session.json:
        return write_json("down", result)
    for gone in result.removed:
        say(f"removed {gone}")
    for kept in result.kept:
        say(f"kept    {kept}  (`floe-local down --volumes` removes it)")
    if not result.removed and not result.kept:
        say(f"nothing of {result.project} is there")
    return None


def list_(session: Session) -> None:
    """List every stack on this engine.

    Example: `floe-local list`
    """
    from floe_local.operations.status import list_stacks

    result = list_stacks()
    if session.json:
        return write_json("list", result)
    if not result.stacks:
        return say("no stacks")
    rows = [
        (s.project, f"{s.running}/{s.containers}", s.volumes, _folder(s.folder, s.folder_exists))
        for s in result.stacks
    ]
    return write_table(("stack", "running", "volumes", "folder"), rows)


def _folder(folder: str, exists: bool | None) -> str:  # noqa: FBT001 - a fact, not a switch
    return f"{folder} (gone)" if exists is False else folder
