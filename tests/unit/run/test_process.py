from __future__ import annotations

import logging
import os
import shlex
import sys
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from floe_local.errors import InputError, MachineError
from floe_local.run.process import pasteable, run
from tests.waiting import wait_for

if TYPE_CHECKING:
    from pathlib import Path

ARGUMENTS = st.lists(st.text(st.characters(exclude_characters="\0", codec="utf-8")), min_size=1)


def python(code: str) -> list[str]:
    return [sys.executable, "-c", code]


@given(ARGUMENTS)
def test_a_shown_command_can_be_pasted(command: list[str]) -> None:
    assert shlex.split(pasteable(command)) == command


def test_folder_and_variables_are_shown_too(tmp_path: Path) -> None:
    shown = pasteable(["go", "build"], cwd=tmp_path / "a b", env={"X": "1 2"})

    assert shown == f"cd '{tmp_path}/a b' && X='1 2' go build"


def test_output_comes_back_line_by_line() -> None:
    lines: list[str] = []

    finished = run(python("print('a'); print('b')"), on_line=lines.append)

    assert (finished.output, lines) == ("a\nb\n", ["a", "b"])


def test_a_command_reads_its_input() -> None:
    assert run(python("print(input())"), stdin="hello").output == "hello\n"


def test_input_that_is_not_read_is_no_error() -> None:
    assert run(python("pass"), stdin="x" * 1_000_000).returncode == 0


def test_a_failure_holds_the_command_and_the_end_of_its_output() -> None:
    with pytest.raises(MachineError) as raised:
        run(python("[print(n) for n in range(100)]; raise SystemExit(7)"))

    assert raised.value.code == "command-failed"
    assert "status 7" in raised.value.reason
    assert raised.value.reason.endswith("  98\n  99")
    assert "\n  79" not in raised.value.reason


def test_the_caller_chooses_the_kind_of_error() -> None:
    with pytest.raises(InputError):
        run(python("raise SystemExit(1)"), error=InputError)


def test_a_failure_may_be_no_error() -> None:
    assert run(python("raise SystemExit(3)"), check=False).returncode == 3


def test_secrets_are_never_shown(caplog: pytest.LogCaptureFixture) -> None:
    secret = "it's s3cret"
    code = "import sys; print(sys.argv[1]); raise SystemExit(1)"

    with caplog.at_level(logging.DEBUG), pytest.raises(MachineError) as raised:
        run([*python(code), secret], env={"PASSWORD": secret}, secrets=[secret])

    assert "s3cret" not in caplog.text + raised.value.reason + repr(raised.value.__cause__)
    assert "***" in caplog.text


def test_each_command_is_logged_as_it_can_be_pasted(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, logger="floe_local.process"):
        run(python("pass"))

    assert caplog.messages == [pasteable(python("pass"))]


def test_a_missing_command_says_which() -> None:
    with pytest.raises(MachineError, match="no-such-tool") as raised:
        run(["no-such-tool", "--help"])

    assert raised.value.code == "command-missing"


def test_a_time_limit_ends_the_whole_group(tmp_path: Path) -> None:
    child = tmp_path / "pid"
    script = f"sleep 60 & echo $! > {child}; wait"

    with pytest.raises(MachineError) as raised:
        run(["sh", "-c", script], timeout_s=0.5)

    assert raised.value.code == "command-timeout"
    wait_for(lambda: not alive(int(child.read_text())), "the child ends", 5)


def alive(pid: int) -> bool:
    """Whether the process runs; one that has ended and was not waited for does not."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8") as stat:  # noqa: PTH123
            return stat.read().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False
