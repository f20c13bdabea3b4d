"""plugins list, show, validate, test, new."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from floe_local.cli.commands.stack import policy
from floe_local.cli.output import say, write, write_file, write_json, write_table
from floe_local.cli.session import BuildOption, LiveOption, Session, where
from floe_local.errors import ExitCode

if TYPE_CHECKING:
    from floe_local.conformance.report import ConformanceReport, PluginReport

_Kind = Literal["telemetry", "lineage"]  # the enumeration would load pydantic for `--help`


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
        say(one.output.who)
        returned = one.output.model_dump(mode="json", exclude_none=True)
        write(json.dumps(returned, indent=2, ensure_ascii=False))
    return None


def validate(session: Session, *, live: LiveOption = False) -> int:
    """Run validate_connection() of the manifest's plugins; names lead to the running stack.

    Example: `floe-local plugins validate`
    """
    from floe_local.operations.plugins import validate_plugins

    result = validate_plugins(where(session, live=live))
    if session.json:
        write_json("plugins validate", result, ok=result.ok)
    else:
        rows = [(p.kind, p.name, p.status, p.reason, p.hint) for p in result.plugins]
        write_table(("kind", "name", "status", "reason", "hint"), rows, folding=2)
        if result.reason:
            write(result.reason)
    return ExitCode.OK if result.ok else ExitCode.CHECK_FAILED


def new(
    session: Session,
    *,
    name: Annotated[str, typer.Argument(help="What a manifest will call the backend.")],
    kind: Annotated[_Kind, typer.Option(help="What it stores.")],
    sandbox: Annotated[
        bool, typer.Option("--sandbox", help="It runs elsewhere (a SaaS): a recorder plays it.")
    ] = False,
    folder: Annotated[
        Path | None, typer.Option(help="Write the distribution's folder there, not here.")
    ] = None,
) -> None:
    """Write a small distribution with a plugin, its blueprint and its tests.

    Example: `floe-local plugins new my-backend --kind telemetry`
    """
    from floe_local.operations.scaffold import new_plugin
    from floe_local.plan.values import Kind

    result = new_plugin(name, Kind(kind), folder, sandbox=sandbox)
    if session.json:
        return write_json("plugins new", result)
    listed = "\n".join(f"  {file}" for file in result.files)
    return say(f"{result.folder}:\n{listed}\n\nNext: floe-local plugins test {result.folder}")


def check(
    session: Session,
    *,
    target: Annotated[
        str, typer.Argument(help="A plugin's name, or a folder that holds a distribution.")
    ],
    kind: Annotated[_Kind | None, typer.Option(help="Only the plugin of this kind.")] = None,
    live: Annotated[
        bool, typer.Option("--live", help="Then bring up a stack of it alone, and smoke-test it.")
    ] = False,
    build: BuildOption = None,
    deadline: Annotated[
        float, typer.Option(min=0.1, help="Seconds for the plugin's methods together.")
    ] = 10.0,
    junit: Annotated[Path | None, typer.Option(help="Write a JUnit report to this file.")] = None,
) -> int:
    """Check whether a plugin keeps its contract: without Docker, in seconds.

    It runs in child processes, without network and without anybody's credentials. With
    `--live`, a backend that runs elsewhere is played by the sandbox.

    Example: `floe-local plugins test ./floe-telemetry-mine --junit report.xml`
    """
    from floe_local.cli.progress import progress
    from floe_local.operations.plugin_checks import LiveNotJudgedError, check_plugins
    from floe_local.plan.values import Kind

    wanted = Kind(kind) if kind else None
    try:
        with progress(session) as display:
            result = check_plugins(
                target,
                wanted,
                limit_s=deadline,
                live=live,
                policy=policy(build=build, display=display) if live else None,
                report=display,
            )
    except LiveNotJudgedError as error:
        if session.json:  # one document, so that it holds both
            write_json(
                "plugins test",
                {**_report(session, error.report, junit), "error": error.as_dict()},
                ok=False,
            )
            return error.exit_code
        _report(session, error.report, junit)
        raise
    body = _report(session, result, junit)
    if session.json:
        write_json("plugins test", body, ok=result.ok)
    return ExitCode.OK if result.ok else ExitCode.CHECK_FAILED


def _report(session: Session, result: ConformanceReport, junit: Path | None) -> dict[str, Any]:
    """Write the JUnit file and the tables, where they are wanted; the body of the document."""
    if junit:
        from floe_local.report.junit import conformance_junit

        write_file(junit, conformance_junit(result))
    if not session.json:
        for plugin in result.plugins:
            _print_checks(plugin)
    return result.model_dump(mode="json")


def _print_checks(plugin: PluginReport) -> None:
    from floe_local.report.tables import conformance_lines, conformance_table

    origin = f"{plugin.distribution} {plugin.version}".strip()
    say(f"{plugin.kind} plugin '{plugin.name}' ({origin}), {plugin.seconds:.1f} s")
    write_table(*conformance_table(plugin.checks))
    say("\n".join([*conformance_lines(plugin.checks), ""]))
