"""run, listen, check: a verdict on what a pipeline of your own sends."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from floe_local.cli.output import document_text, say, warn, write, write_file, write_json
from floe_local.cli.session import LiveOption, Session, where
from floe_local.errors import ExitCode, InputError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from floe_local.observe.verdict import PipelineVerdict, Settings
    from floe_local.operations.observe import RunResult

FailOn = Annotated[
    Literal["error", "warning"] | None,
    typer.Option(
        "--fail-on", help="Which findings, and worse ones, make the verdict red; else: error."
    ),
]
Ignore = Annotated[
    list[str] | None, typer.Option("--ignore", help="The code of a rule to leave out; repeatable.")
]
Profiles = Annotated[
    list[str] | None,
    typer.Option(
        "--profile", help="Rules besides the default ones: floe, backend:NAME; repeatable."
    ),
]
As = Annotated[
    list[str] | None,
    typer.Option("--as", help="Judge as this backend would see it: --profile backend:NAME."),
]
Baseline = Annotated[
    Path | None,
    typer.Option("--baseline", help="A file that names findings which are known; see --accept."),
]
Accept = Annotated[
    bool, typer.Option("--accept", help="Write all that is found to the --baseline file.")
]
AllowEmpty = Annotated[
    bool, typer.Option("--allow-empty", help="Let it pass if nothing comes at all.")
]
NoStack = Annotated[
    bool, typer.Option("--no-stack", help="Take all that comes here: no stack, no Docker.")
]
Host = Annotated[
    str, typer.Option("--listen", help="The address to listen on, for commands in containers.")
]
Json = Annotated[
    Path | None, typer.Option("--json", help="Write the verdict as JSON to this file.")
]
Deadline = Annotated[
    float,
    typer.Option(
        "--deadline",
        min=0.1,
        help="Seconds for what goes on after the end, and then for reading back.",
    ),
]
Junit = Annotated[Path | None, typer.Option("--junit", help="Write a JUnit report to this file.")]
Files = Annotated[
    list[Path], typer.Argument(help="Files, or folders, with OpenLineage events or OTLP JSON.")
]


def run(
    session: Session,
    *,
    command: Annotated[list[str], typer.Argument(help="The command, with its options.")],
    no_stack: NoStack = False,
    host: Host = "127.0.0.1",
    json: Json = None,
    junit: Junit = None,
    fail_on: FailOn = None,
    ignore: Ignore = None,
    profile: Profiles = None,
    as_: As = None,
    baseline: Baseline = None,
    accept: Accept = False,
    allow_empty: AllowEmpty = False,
    deadline: Deadline = 15.0,
    traceparent: Annotated[
        bool,
        typer.Option(
            "--traceparent", help="Give the command TRACEPARENT: its spans are one trace."
        ),
    ] = False,
    live: LiveOption = False,
) -> int:
    """Run a command, take the spans and lineage events that it sends, and judge them.

    Its exit code is the command's where that is not 0, else 1 for a red verdict.

    Example: `floe-local run --no-stack -- python my_job.py`
    """
    from floe_local.operations.observe import Options
    from floe_local.operations.observe import run as observe

    _refuse_json(session, "run")
    settings = _settings(
        session,
        fail_on,
        ignore,
        profile,
        as_,
        baseline=baseline,
        accept=accept,
        allow_empty=allow_empty,
    )
    options = Options(
        host=host,
        deadline_s=deadline,
        traceparent=traceparent,
        tell=str if session.quiet else _tell,
    )
    stack = None if no_stack else where(session, live=live)
    result = observe(command, settings, options, where=stack)
    _accept(baseline if accept else None, result.verdict)
    _report("run", result, json, junit, quiet=session.quiet)
    return result.exit_code


def listen(
    session: Session,
    *,
    no_stack: NoStack = False,
    host: Host = "127.0.0.1",
    otlp_port: Annotated[int, typer.Option(help="Where OTLP is taken; 0: any free port.")] = 0,
    lineage_port: Annotated[
        int, typer.Option(help="Where OpenLineage is taken; 0: any free port.")
    ] = 0,
    json: Json = None,
    junit: Junit = None,
    fail_on: FailOn = None,
    ignore: Ignore = None,
    profile: Profiles = None,
    as_: As = None,
    baseline: Baseline = None,
    accept: Accept = False,
    allow_empty: AllowEmpty = False,
    deadline: Deadline = 15.0,
    live: LiveOption = False,
) -> int:
    """Take what others send until ^C, and judge it: for what cannot be wrapped.

    What it prints is for the shell, or the settings, of what is to send here.

    Example: `floe-local listen --no-stack`
    """
    from floe_local.operations.observe import Options
    from floe_local.operations.observe import listen as observe

    _refuse_json(session, "listen")
    settings = _settings(
        session,
        fail_on,
        ignore,
        profile,
        as_,
        baseline=baseline,
        accept=accept,
        allow_empty=allow_empty,
    )
    options = Options(host=host, ports=(otlp_port, lineage_port), deadline_s=deadline)
    stack = None if no_stack else where(session, live=live)
    result = observe(settings, options, where=stack, ready=_print_variables)
    _accept(baseline if accept else None, result.verdict)
    _report("listen", result, json, junit, quiet=session.quiet)
    return result.exit_code


def _tell(text: str) -> None:
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()


def _print_variables(variables: Mapping[str, str]) -> None:
    lines = [f"export {name}={shlex.quote(value)}\n" for name, value in variables.items()]
    write("".join(lines))
    sys.stdout.flush()
    sys.stderr.write("listening; ^C ends it, and judges what came\n")
    sys.stderr.flush()


def _refuse_json(session: Session, command: str) -> None:
    if session.json:
        reason = f"`{command}` leaves stdout to others"
        raise InputError("usage", reason, f"name a file behind it: {command} --json report.json")


def _accept(baseline: Path | None, verdict: PipelineVerdict) -> None:
    """Write the baseline that names all that was found; None: it is not to be written."""
    if baseline:
        from floe_local.operations.observe import write_baseline

        write_baseline(baseline, verdict)


def _write_junit(
    junit: Path | None, verdict: PipelineVerdict, command: str, seconds: float = 0.0
) -> None:
    if junit:
        from floe_local.report.junit import verdict_junit

        write_file(junit, verdict_junit(verdict, command, seconds))


def _report(
    command: str, result: RunResult, json: Path | None, junit: Path | None, *, quiet: bool
) -> None:
    """Write the report to stderr, and where else it is to go."""
    from floe_local.report.verdict import verdict_text

    if json:
        write_file(json, document_text(command, result.document, ok=result.verdict.ok))
    _write_junit(junit, result.verdict, command, result.seconds)
    warn([result.problem] if result.problem else [])
    warn(result.warnings)
    text = verdict_text(result.verdict)
    sys.stderr.write(text.splitlines(keepends=True)[-1] if quiet else text)
    if result.file and not quiet:
        sys.stderr.write(f"the session is in {result.file}\n")


def check(
    session: Session,
    *,
    files: Files,
    fail_on: FailOn = None,
    ignore: Ignore = None,
    profile: Profiles = None,
    as_: As = None,
    baseline: Baseline = None,
    accept: Accept = False,
    allow_empty: AllowEmpty = False,
    junit: Junit = None,
) -> int:
    """Judge lineage events and spans that were recorded elsewhere; needs no stack.

    Example: `floe-local check events.ndjson`
    """
    from floe_local.operations.observe import check as judge

    settings = _settings(
        session,
        fail_on,
        ignore,
        profile,
        as_,
        baseline=baseline,
        accept=accept,
        allow_empty=allow_empty,
    )
    verdict = judge(files, settings)
    _accept(baseline if accept else None, verdict)
    _write_junit(junit, verdict, "check")
    if session.json:
        write_json("check", verdict.document, ok=verdict.ok)
    else:
        _print(verdict)
    return ExitCode.OK if verdict.ok else ExitCode.CHECK_FAILED


def _settings(
    session: Session,
    fail_on: Literal["error", "warning"] | None,
    ignore: list[str] | None,
    profile: list[str] | None,
    as_: list[str] | None,
    *,
    baseline: Path | None,
    accept: bool,
    allow_empty: bool,
) -> Settings:
    """What the command line says, and the manifest's `local.checks` where it says nothing."""
    from floe_local.observe.rules.profiles import DEFAULT
    from floe_local.observe.verdict import Settings
    from floe_local.operations.observe import baseline_text

    profiles = [*(profile or ()), *(f"backend:{name}" for name in as_ or ())]
    given = [session.manifest, session.environment, *Path().glob("manifest.y*ml")]
    if any(given):  # only then: pydantic and a parser of YAML are slow to load
        from floe_local.operations.observe_stack import checks_of

        checks, folder = checks_of(where(session))
        profiles = [*checks.profiles, *profiles]
        ignore = [*checks.ignore, *(ignore or ())]
        fail_on = fail_on or checks.fail_on
        if checks.baseline and baseline is None:
            baseline = folder / checks.baseline
    return Settings(
        profiles=(*DEFAULT, *profiles),
        fail_on=fail_on or "error",
        ignore=frozenset(ignore or ()),
        baseline="" if accept else baseline_text(baseline),
        allow_empty=allow_empty,
    )


def _print(verdict: PipelineVerdict) -> None:
    from floe_local.report.verdict import verdict_text

    *body, last = verdict_text(verdict).splitlines()
    write("\n".join(body) + "\n" if body else "")
    say(last, "bold green" if verdict.ok else "bold red")
