"""Whatever a command raises becomes a message with an exit code, never a traceback."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
import typer

from floe_local.cli.boundary import Boundary
from floe_local.cli.command_line import run
from floe_local.errors import InputError, MachineError, NotReadyError


def end_of(error: BaseException, *, as_json: bool = False) -> int:
    boundary = Boundary("up", as_json=as_json)
    with boundary:
        raise error
    return boundary.exit_code


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (InputError("a", "b"), 2),
        (MachineError("a", "b"), 3),
        (NotReadyError("a", "b"), 4),
        (KeyboardInterrupt(), 130),
        (typer.Abort(), 130),
        (typer.BadParameter("what"), 2),
        (ZeroDivisionError("oh"), 70),
        (typer.Exit(5), 5),
        (SystemExit(7), 7),
    ],
)
def test_each_error_has_its_exit_code(
    error: BaseException, code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    assert end_of(error) == code
    assert "Traceback" not in capsys.readouterr().err


def test_reason_code_and_hint_are_told(capsys: pytest.CaptureFixture[str]) -> None:
    end_of(MachineError("port-taken", "port 1 is taken", "free it"))
    told = capsys.readouterr().err
    assert told == "error: port 1 is taken [port-taken]\n  hint: free it\n"


def test_an_error_in_json_is_one_document(capsys: pytest.CaptureFixture[str]) -> None:
    end_of(InputError("manifest", "bad", "mend it"), as_json=True)
    out, err = capsys.readouterr()
    assert json.loads(out) == {
        "schema": "floe-local/v1",
        "command": "up",
        "ok": False,
        "error": {"code": "manifest", "reason": "bad", "hint": "mend it"},
    }
    assert err == ""


def test_a_bug_is_one_line_and_a_log_without_credentials(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOME_AUTH", "do-not-tell")  # a part of the other one
    monkeypatch.setenv("SOME_API_KEY", "do-not-tell-1234")
    end_of(ValueError("request with do-not-tell-1234 failed"))
    told = capsys.readouterr().err
    assert told.startswith("error: this is a bug in floe-local: ValueError")
    log = Path(told.splitlines()[0].split(" is in ")[1].split(" [")[0])
    text = log.read_text(encoding="utf-8")
    log.unlink()
    assert "Traceback" in text
    assert "do-not-tell" not in text
    assert "-1234" not in text
    assert "do-not-tell-1234" not in told


@pytest.mark.parametrize(("raised", "code"), [(KeyboardInterrupt, 130), (BrokenPipeError, 141)])
def test_typer_swallows_neither_an_interrupt_nor_a_broken_pipe(
    raised: type[BaseException],
    code: int,
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def broken(*_: object) -> None:
        raise raised

    monkeypatch.setattr("floe_local.operations.plugins.list_plugins", broken)
    monkeypatch.setattr("floe_local.cli.boundary._silence_stdout", lambda: None)
    ended = run(["plugins", "list", "--json"])
    out, err = capfd.readouterr()
    assert (ended, err) == (code, "")
    assert (json.loads(out)["error"]["code"] == "interrupted") if code == 130 else (out == "")


def test_an_interrupt_while_typer_is_at_work_is_told(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("floe_local.cli.app.Session", interrupted)
    assert run(["plugins", "list"]) == 130
    assert "error: interrupted [interrupted]" in capsys.readouterr().err


def test_an_interrupt_while_modules_load_is_a_line() -> None:
    script = (
        "import sys; from floe_local.cli.main import main\n"
        "class Impatient:\n"
        "    def find_spec(self, name, *rest):\n"
        "        if name.startswith('typer'): raise KeyboardInterrupt\n"
        "sys.meta_path.insert(0, Impatient()); main()"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (130, "error: interrupted [interrupted]\n")
