"""sandbox show, fail: the recorders that play the backends which run elsewhere."""

from __future__ import annotations

from typing import Annotated

import typer

from floe_local.cli.output import write, write_json, write_table
from floe_local.cli.session import Session, where


def show(
    session: Session,
    *,
    backend: Annotated[str | None, typer.Argument(help="Only this backend's recorder.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="So many requests, the newest.")] = 50,
) -> None:
    """Show what arrived at the recorders, credentials masked.

    Example: `floe-local sandbox show`
    """
    from floe_local.cli.tables import count_lines, request_table
    from floe_local.operations.sandbox import show_received

    result = show_received(where(session), backend, limit)
    if session.json:
        return write_json("sandbox show", result)
    if not result.recorders:
        return write("the sandbox plays no backend of this stack")
    for recorded in result.recorders:
        write(count_lines(recorded))
        write_table(*request_table(recorded.requests))
    return None


def fail(
    session: Session,
    *,
    backend: Annotated[str, typer.Argument(help="Whose recorder.")],
    status: Annotated[
        int, typer.Option(min=400, max=599, help="The HTTP status of the answers.")
    ] = 500,
    times: Annotated[
        int | None, typer.Option(min=1, help="So many answers; until --off if not given.")
    ] = None,
    retry_after: Annotated[
        int | None, typer.Option(min=0, help="Seconds, for the header Retry-After.")
    ] = None,
    path: Annotated[str | None, typer.Option(help="Only requests of this path.")] = None,
    off: Annotated[bool, typer.Option("--off", help="Answer as the backend does, again.")] = False,
) -> None:
    """Make a recorder answer with an error, to see what a pipeline makes of it.

    Example: `floe-local sandbox fail datadog --status 429 --times 3 --retry-after 2`
    """
    from floe_local.operations.sandbox import Failure
    from floe_local.operations.sandbox import fail as answer_so

    failure = Failure(status=status, times=times, retry_after=retry_after, path=path)
    result = answer_so(where(session), backend, None if off else failure)
    if session.json:
        return write_json("sandbox fail", result)
    if off:
        return write(f"{backend}: answers as the backend does")
    often = f"{times} times" if times else "until `floe-local sandbox fail --off`"
    return write(f"{backend}: answers {status} {often}")
