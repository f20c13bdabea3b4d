"""smoke-test: the proof."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from floe_local.cli.output import say, warn, write_file, write_json, write_table
from floe_local.cli.progress import progress
from floe_local.cli.session import LiveOption, Session, where
from floe_local.errors import ExitCode, InputError

if TYPE_CHECKING:
    from floe_local.operations.targets import EndpointOptions
    from floe_local.prove.report import Report


def smoke_test(
    session: Session,
    *,
    count: Annotated[
        int, typer.Option(min=0, help="Send so many more traces and runs; account for each.")
    ] = 0,
    threads: Annotated[int, typer.Option(min=1, max=64, help="Threads for --count.")] = 8,
    deadline: Annotated[
        float, typer.Option(min=0.1, help="Seconds for reading back, from the last ack.")
    ] = 30.0,
    strict: Annotated[
        bool, typer.Option("--strict", help="Only what the backend itself showed is a pass.")
    ] = False,
    keep: Annotated[
        bool, typer.Option("--keep", help="Leave the canaries in the lineage backend.")
    ] = False,
    junit: Annotated[Path | None, typer.Option(help="Write a JUnit report to this file.")] = None,
    otlp_grpc: Annotated[
        str | None, typer.Option(help="OTLP/gRPC URL of a stack started elsewhere.")
    ] = None,
    otlp_http: Annotated[
        str | None, typer.Option(help="OTLP/HTTP base URL of a stack started elsewhere.")
    ] = None,
    metrics_url: Annotated[
        str | None, typer.Option(help="URL of that Collector's own metrics.")
    ] = None,
    endpoint: Annotated[
        list[str] | None,
        typer.Option(help="BACKEND.ENDPOINT=URL (or BACKEND=URL) of that stack; repeatable."),
    ] = None,
    live: LiveOption = False,
) -> int:
    """Send spans and lineage events, and read each back from its backend.

    Example: `floe-local smoke-test --junit report.xml`
    """
    from floe_local.prove.send.isolation import start_sender

    elsewhere = _elsewhere(otlp_grpc, otlp_http, metrics_url, endpoint or [])
    # `env` knows nothing of a stack elsewhere, so that no client is configured by it.
    with nullcontext() if elsewhere else start_sender() as sender:
        from floe_local.operations.smoke_test import smoke_test as prove
        from floe_local.prove.targets import SmokeOptions

        options = SmokeOptions(
            deadline=deadline, count=count, threads=threads, keep=keep, strict=strict
        )
        with progress(session) as display:
            found = where(session, live=live)
            report = prove(found, options, elsewhere, report=display, sender=sender)
    return _tell(session, report, junit)


def _tell(session: Session, report: Report, junit: Path | None) -> int:
    """Write the report where it is to go; its exit code."""
    if junit:
        from floe_local.report.junit import smoke_junit

        write_file(junit, smoke_junit(report))
    if session.json:
        write_json("smoke-test", report.model_dump(mode="json", by_alias=True), ok=report.ok)
    else:
        warn(report.warnings)
        _print(report)
    return ExitCode.OK if report.ok else ExitCode.CHECK_FAILED


def _elsewhere(
    otlp_grpc: str | None, otlp_http: str | None, metrics: str | None, endpoints: list[str]
) -> EndpointOptions | None:
    if not (otlp_grpc or otlp_http or metrics or endpoints):
        return None
    from floe_local.operations.targets import EndpointOptions

    pairs = dict(_pair(text) for text in endpoints)
    return EndpointOptions(
        otlp_grpc=otlp_grpc, otlp_http=otlp_http, collector_metrics=metrics, backends=pairs
    )


def _pair(text: str) -> tuple[str, str]:
    name, equals, url = text.partition("=")
    if not (name and equals and url.startswith(("http://", "https://"))):
        raise InputError(
            "usage",
            f"--endpoint {text}: is not BACKEND.ENDPOINT=URL",
            "`floe-local urls` shows the names: --endpoint NAME.query=http://127.0.0.1:16686",
        )
    return name, url


def _print(report: Report) -> None:
    from floe_local.report.tables import (
        bulk_table,
        check_table,
        failure_lines,
        not_compared_lines,
        reason_lines,
        what_passed,
    )

    write_table(*check_table(report.checks))
    say("\n".join(["(seconds from the start)", *reason_lines(report.checks), ""]))
    if report.bulk:
        write_table(*bulk_table(report.bulk))
    for check in report.checks:
        if check.verdict == "failed":
            say("\n" + failure_lines(check), "red")
    for used in report.backends:
        say(f"{used.name}: {used.image or 'image unknown'} ({used.origin})")
    for line in not_compared_lines(report.checks):
        say(line)
    say(f"sampling: {report.sampling}; namespace: {report.namespace}")
    took = report.durations
    sandboxed = [used.name for used in report.backends if used.origin == "sandbox"]
    by = f" (SANDBOX: nothing reached the real {', '.join(sandboxed)})" if sandboxed else ""
    verdict = (
        f"green: {what_passed(report.checks)}{by}" if report.ok else f"red: {report.reason}{by}"
    )
    took_s = f" ({took.total:.1f} s, of which {took.load:.1f} s loading the SDKs)"
    say(verdict + took_s, "bold green" if report.ok else "bold red")
