"""sandbox show, fail: the recorders that play the backends which run elsewhere."""

from __future__ import annotations

from typing import Annotated

import typer

from floe_local.cli.output import say, write_json, write_table
from floe_local.cli.session import Session, where
from floe_local.errors import InputError

DEFAULT_STATUS = 500


def show(
    session: Session,
    *,
    backend: Annotated[str | None, typer.Argument(help="Only this backend's recorder.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="So many requests, the newest.")] = 50,
) -> None:
    """Show what arrived at the recorders, credentials masked.

    Example: `floe-local sandbox show`
    """
    from floe_local.operations.sandbox import show_received
    from floe_local.report.tables import count_lines, request_table

    result = show_received(where(session), backend, limit)
    if session.json:
        return write_json("sandbox show", result)
    if not result.recorders:
        return say("the sandbox plays no backend of this stack")
    for recorded in result.recorders:
        say(count_lines(recorded))
        write_table(*request_table(recorded.requests))
    return None


def fail(
    session: Session,
    *,
    backend: Annotated[str, typer.Argument(help="Whose recorder.")],
    status: Annotated[
        int | None,
        typer.Option(min=400, max=599, help="The HTTP status of the answers; else 500."),
    ] = None,
    times: Annotated[
        int | None, typer.Option(min=1, help="So many answers; until --off if not given.")
    ] = None,
    retry_after: Annotated[
        int | None, typer.Option(min=0, help="Seconds, for the header Retry-After.")
    ] = None,
    path: Annotated[
        str | None, typer.Option(help="Only requests of this path, such as /v1/traces.")
    ] = None,
    off: Annotated[bool, typer.Option("--off", help="Answer as the backend does, again.")] = False,
) -> None:
    """Make a recorder answer with an error, to see what a pipeline makes of it.

    Example: `floe-local sandbox fail datadog --status 429 --times 3 --retry-after 2`
    """
    from floe_local.operations.sandbox import Failure
    from floe_local.operations.sandbox import fail as answer_so

    _refuse_what_has_no_effect(
        {
            "--off": off,
            "--status": status,
            "--times": times,
            "--retry-after": retry_after,
            "--path": path,
        }
    )
    failure = Failure(
        status=status or DEFAULT_STATUS, times=times, retry_after=retry_after, path=path
    )
    result = answer_so(where(session), backend, None if off else failure)
    if session.json:
        return write_json("sandbox fail", result)
    if off:
        return say(f"{backend}: answers as the backend does")
    often = _often(times) if times else f"until `floe-local sandbox fail {backend} --off`"
    return say(f"{backend}: answers {failure.status} {often}")


def _often(times: int) -> str:
    return "once" if times == 1 else f"{times} times"


def _refuse_what_has_no_effect(options: dict[str, object]) -> None:
    given = [name for name, value in options.items() if value not in (None, False)]
    if "--off" in given and len(given) > 1:
        reason = f"--off goes with no other option, and there is {given[1]}"
        raise InputError("usage", reason, "leave one of them out")
    path = str(options["--path"] or "/")
    if not path.startswith("/"):
        raise InputError("usage", f"--path {path}: a path begins with /", f"--path /{path}")
