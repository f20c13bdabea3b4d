"""What a person sees: on a terminal of 80 columns, and in a pipe."""

from __future__ import annotations

import io
import re
from typing import TYPE_CHECKING

import pytest

from floe_local.cli.output import write_table
from floe_local.operations.sandbox import Failing, Failure
from floe_local.operations.stacks import ServiceRow
from floe_local.plan.blueprint.model import Losses
from floe_local.plan.values import Origin, Signal
from floe_local.prove.report import Check, Hop, HopName, HopState, Verdict
from floe_local.report.tables import (
    check_table,
    environment_lines,
    failure_lines,
    forced_failure_lines,
    not_compared_lines,
    reason_lines,
    service_table,
    what_passed,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

ANSI = re.compile(r"\x1b\[[0-9;]*m")
IMAGE = "registry.example/otel/opentelemetry-collector-contrib:0.155.0"
SERVICE = ServiceRow(
    service="otel-collector",
    backend="collector",
    image=IMAGE,
    origin=Origin.UPSTREAM,
    state="ready",
    seconds=10.71,
    urls={"otlp-http": "http://127.0.0.1:54318"},
)
HOPS = tuple(Hop(name=name, state=HopState.PASSED, seconds=2.345) for name in HopName)


def check(verdict: Verdict, **more: object) -> Check:
    fields = {"backend": "tempo", "signal": Signal.TRACES, "protocol": "http", "canary": "traces"}
    return Check.model_validate(fields | {"verdict": verdict, "hops": HOPS} | more)


class Terminal(io.StringIO):
    """A stdout that a person looks at."""

    def isatty(self) -> bool:
        return True


def shown(table: tuple[Sequence[str], Sequence[Sequence[object]]], columns: int) -> list[str]:
    """What a terminal of so many columns shows."""
    terminal = Terminal()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("COLUMNS", str(columns))
        patch.setattr("sys.stdout", terminal)
        write_table(*table)
    return ANSI.sub("", terminal.getvalue()).splitlines()


def test_a_url_is_never_broken() -> None:
    lines = shown(service_table([SERVICE]), 80)
    assert "http://127.0.0.1:54318" in lines[1]
    assert max(map(len, lines)) <= 80
    start = lines[0].index("image")
    assert "".join(line[start:].strip() for line in lines[1:]) == IMAGE


def test_a_pipe_gets_each_row_on_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    write_table(*service_table([SERVICE, SERVICE]))
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 3
    assert lines[1].rstrip().endswith(IMAGE)


def test_checks_fit_a_terminal_of_80_columns() -> None:
    lines = shown(check_table([check(Verdict.BY_SANDBOX), check(Verdict.FAILED)]), 80)
    assert len(lines) == 3
    assert max(map(len, lines)) <= 80
    assert lines[1].split() == [
        "✓",
        "tempo",
        "traces",
        "http",
        Verdict.BY_SANDBOX,
        *["2.35"] * 4,
    ]


def test_what_was_skipped_says_why() -> None:
    skipped = check(Verdict.SKIPPED, signal=Signal.LOGS, reason="tempo does not take logs")
    assert reason_lines([skipped]) == ["- tempo logs: tempo does not take logs"]


def test_what_was_not_read_back_says_why_once() -> None:
    accepted = check(Verdict.ACCEPTED, reason="acknowledged; set K to have it read back")
    both = [accepted, accepted.model_copy(update={"protocol": "grpc"})]
    told = "✓ tempo traces: acknowledged; set K to have it read back"
    assert reason_lines([*both, check(Verdict.RECEIVED)]) == [told]


def test_what_failed_says_where_and_what_to_do() -> None:
    failed = check(
        Verdict.FAILED,
        hop=HopName.BACKEND_STORED,
        field="links[0]",
        expected=1,
        found=None,
        reason="it is not there",
        hint="look at its log",
    )
    assert failure_lines(failed).splitlines() == [
        "✗ tempo traces http: broke at backend-stored",
        "    links[0]: expected 1, found None",
        "    it is not there",
        "    hint: look at its log",
    ]


def test_a_reference_is_the_shell_s_own_where_it_is_to_be_copied() -> None:
    told = environment_lines({"KEY": "${env:ACME_KEY}", "WORDS": "a b"})
    assert '  KEY="${ACME_KEY}"' in told
    assert "  WORDS='a b'" in told


def test_only_what_was_read_back_is_called_received() -> None:
    received, by_stand_in = check(Verdict.RECEIVED), check(Verdict.BY_STAND_IN)
    accepted, skipped = check(Verdict.ACCEPTED), check(Verdict.SKIPPED)
    assert what_passed([received, by_stand_in]) == "every canary was received"
    assert what_passed([accepted]) == "of 1 checks 1 accepted, not verified"
    told = "of 3 checks 1 received, 1 accepted, not verified, 1 skipped"
    assert what_passed([received, accepted, skipped]) == told


def test_what_a_backend_does_not_keep_is_said_once() -> None:
    lost = Losses(fields=("scope.schemaUrl",), storage="in memory")
    first = check(Verdict.RECEIVED).model_copy(update={"not_compared": lost})
    second = first.model_copy(update={"canary": "traces-large-span"})
    assert not_compared_lines([first, second, check(Verdict.RECEIVED)]) == [
        "tempo: not compared: scope.schemaUrl, which it does not keep (in memory)"
    ]
    assert [row[2] for row in check_table([first, second])[1]] == [
        "traces http",
        "traces large-span",
    ]


@pytest.mark.parametrize(
    ("failure", "line"),
    [
        (Failure(status=429), "429 to every request; `floe-local sandbox fail acme --off` ends it"),
        (Failure(status=503, times=1), "503 once;"),
        (Failure(status=503, times=3, path="/v1"), "503 to the next 3 requests at /v1;"),
    ],
)
def test_a_forced_failure_is_said_with_what_ends_it(failure: Failure, line: str) -> None:
    [said] = forced_failure_lines([Failing(backend="acme", failure=failure)])
    assert said.startswith(f"acme: the sandbox answers {line}")
    assert forced_failure_lines([Failing(backend="acme")]) == []
