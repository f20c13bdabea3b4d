"""status, logs, urls, open, env, render, explain: a stack is looked at."""

from __future__ import annotations

import json
import sys
import webbrowser
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from floe_local.cli.output import say, warn, write, write_json, write_table
from floe_local.cli.session import LiveOption, Session, where
from floe_local.errors import ExitCode, InputError

if TYPE_CHECKING:
    from floe_local.operations.show import Explanation, Rendered, RenderedHelm, UrlRow


def status(session: Session) -> int:
    """Show what each service is doing, from which image; exit 4 unless all are ready.

    Example: `floe-local status`
    """
    from floe_local.operations.status import status as look
    from floe_local.report.tables import forced_failure_lines, service_table

    result = look(where(session))
    if session.json:
        write_json("status", result, ok=result.ready)
        return ExitCode.OK if result.ready else ExitCode.NOT_READY
    warn(result.warnings)
    if all(service.state == "down" for service in result.services):
        kept = "; its data is kept" if result.volumes else ""
        say(f"stack {result.stack} is not up{kept}; `floe-local up` brings it up")
    else:
        write(f"stack {result.stack} ({result.project}), network {result.network}\n")
        write_table(*service_table(result.services))
        for line in forced_failure_lines(result.failures):
            say(line)
    return ExitCode.OK if result.ready else ExitCode.NOT_READY


def logs(
    session: Session,
    *,
    services: Annotated[list[str] | None, typer.Argument(help="Services; all if none.")] = None,
    tail: Annotated[int | None, typer.Option(min=0, help="So many last lines of each.")] = None,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on as lines come.")] = False,
) -> None:
    """Print what the services write.

    Example: `floe-local logs marquez --tail 50`
    """
    from floe_local.operations.logs import logs as read

    lines = read(
        where(session), services or (), tail="all" if tail is None else tail, follow=follow
    )
    if session.json:
        return write_json("logs", {"lines": [line.model_dump(mode="json") for line in lines]})
    for line in lines:
        write(f"{line.service} | {line.text}")
        sys.stdout.flush()
    return None


def urls(session: Session) -> None:
    """Show where each endpoint is reached: from this machine, and from containers.

    Example: `floe-local urls`
    """
    from floe_local.operations.show import urls as look

    result = look(where(session))
    if session.json:
        return write_json("urls", result)
    rows = [
        (f"{r.service}.{r.endpoint}", r.url.rstrip("/"), r.container_url.rstrip("/"))
        for r in result.urls
    ]
    write_table(("endpoint", "from this machine", "from containers"), rows)
    return write(f"\ncontainers join the network {result.network}")


def open_(
    session: Session,
    *,
    service: Annotated[str | None, typer.Argument(help="Whose page; the first if none.")] = None,
) -> None:
    """Open a backend's page in the browser.

    Example: `floe-local open jaeger`
    """
    from floe_local.operations.show import urls as look

    row = _page(look(where(session)).urls, service)
    opened = webbrowser.open(row.url)
    if session.json:
        return write_json("open", {"url": row.url, "opened": opened})
    return write(row.url if opened else f"no browser here; the page is {row.url}")


def _page(rows: tuple[UrlRow, ...], service: str | None) -> UrlRow:
    pages = [row for row in rows if row.ui]
    found = next((row for row in pages if service in (None, row.service)), None)
    if found is None:
        known = ", ".join(row.service for row in pages) or "none"
        asked = f"service '{service}'" if service else "the stack"
        raise InputError("no-page", f"{asked} has no page to open", f"with a page: {known}")
    return found


def env(
    session: Session,
    *,
    form: Annotated[
        Literal["shell", "dotenv", "json"], typer.Option("--format", help="How to print it.")
    ] = "shell",
    container: Annotated[
        bool, typer.Option("--container", help="For containers that join the network.")
    ] = False,
    protocol: Annotated[
        Literal["grpc", "http/protobuf"] | None,
        typer.Option("--protocol", help="How OTLP travels; else local.otlp_protocol says."),
    ] = None,
    integration: Annotated[
        Literal["airflow", "spark"] | None,
        typer.Option("--for", help="Also what Airflow reads; or only spark-submit's --conf lines."),
    ] = None,
    show_secrets: Annotated[
        bool, typer.Option("--show-secrets", help="Print credentials' values.")
    ] = False,
) -> None:
    """Print what a pipeline's environment needs to reach the stack.

    Example: `eval "$(floe-local env)"`, `eval spark-submit $(floe-local env --for spark) job.py`
    """
    from floe_local.operations.show import env as environment

    form = "json" if session.json else form
    result = environment(
        where(session),
        form,
        container=container,
        protocol=protocol,
        integration=integration,
        show_secrets=show_secrets,
    )
    if session.json:
        return write_json("env", result.model_dump(mode="json", exclude={"text"}))
    warn(result.warnings)
    return write(result.text)


def render(
    session: Session,
    *,
    what: Annotated[
        Literal["stack", "helm"],
        typer.Argument(
            help="`stack`: the compose file with its configs. `helm`: the values of the charts "
            "that bring the backends to a cluster, and what they do not cover."
        ),
    ] = "stack",
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="A folder to write the files to.")
    ] = None,
    live: LiveOption = False,
) -> None:
    """Print, or write, what brings the backends up: here, or in a cluster; needs no Docker.

    Example: `floe-local render -o generated`, `floe-local -e prod render helm`
    """
    if what == "helm":
        from floe_local.operations.show import render_helm

        values = render_helm(where(session, live=True), output)
        return _tell_files(session, values, "\n".join(values.files.values()))
    from floe_local.operations.show import render as make

    stack = make(where(session, live=live), output)
    headed = (f"# --- {name}\n{text}" for name, text in stack.files.items())
    return _tell_files(session, stack, "\n".join(headed))


def _tell_files(session: Session, result: Rendered | RenderedHelm, text: str) -> None:
    """Say which files were written; `text` where none were."""
    if session.json:
        return write_json("render", result)
    warn(result.warnings)
    if result.folder:
        return write("\n".join(f"wrote {result.folder}/{name}" for name in result.files))
    return write(text)


def explain(session: Session, *, live: LiveOption = False) -> None:
    """Show each rule that changed what the plugins returned: before, after, why.

    Example: `floe-local explain`
    """
    from floe_local.operations.show import explain as tell

    result = tell(where(session, live=live))
    if session.json:
        return write_json("explain", result)
    warn(result.warnings)
    return write(_explanation_text(result))


def _explanation_text(result: Explanation) -> str:
    lines = [
        f"namespace: {result.namespace}",
        f"environment: {result.environment}",
        f"sampling: {result.sampling}",
    ]
    lines += [f"{service} also answers to: {', '.join(a)}" for service, a in result.aliases.items()]
    for change in result.changes:
        mark = "!" if change.level == "warning" else "·"
        lines += ["", f"{mark} {change.rule} at {change.where}", f"    {change.why}".rstrip()]
        lines += [f"    before: {_short(change.before)}", f"    after:  {_short(change.after)}"]
    return "\n".join(line for line in lines if line.strip() or not line)


def _short(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, default=str)
