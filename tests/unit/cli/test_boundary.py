"""Whatever a command raises becomes a message with an exit code, never a traceback."""

from __future__ import annotations

import errno
import io
import json
import sys
from pathlib import Path

import pytest
import requests
import typer
from docker.errors import APIError

from floe_local.cli.app import run
from floe_local.cli.boundary import Boundary
from floe_local.errors import InputError, MachineError, NotReadyError, on_path


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


def api_error() -> APIError:
    return APIError("500 Server Error", explanation="driver failed")


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (OSError(errno.ENOSPC, "No space left on device", "/a/b"), "/a/b: No space left on device"),
        (OSError(errno.EROFS, "Read-only file system", "/a"), "/a: Read-only file system"),
        (PermissionError(errno.EACCES, "Permission denied", "/a"), "/a: Permission denied"),
        (OSError(errno.ENOLCK, "No locks available", b"/a"), "/a: No locks available"),
        (OSError(errno.EMFILE, "Too many open files"), "Too many open files"),
        (OSError(errno.ENAMETOOLONG, "File name too long", "/a"), "/a: File name too long"),
        (OSError(errno.ELOOP, "Too many levels of symbolic links", "/a"), "/a: Too many levels"),
        (NotADirectoryError(errno.ENOTDIR, "Not a directory", "/a"), "/a: Not a directory"),
        (OSError(errno.EINVAL, "Invalid argument", "/vfat/a:b"), "/vfat/a:b: Invalid argument"),
        (OSError(errno.EIO, "Input/output error"), "Input/output error"),
        (FileNotFoundError(errno.ENOENT, "No usable temporary directory found"), "No usable"),
        (
            UnicodeEncodeError("utf-8", "a\udcff", 1, 2, "surrogates not allowed"),
            "a\\udcff: a name",
        ),
        (requests.ConnectionError("gone"), "the Docker engine broke off: gone"),
        (api_error(), "driver failed"),
    ],
)
def test_what_the_system_refuses_is_the_machines(
    error: BaseException, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert end_of(error) == 3
    err = capsys.readouterr().err
    assert words in err
    assert "\n  hint: " in err


@pytest.mark.parametrize(
    "error",
    [
        OSError(errno.EBADF, "Bad file descriptor"),
        OSError(errno.EINVAL, "Invalid argument"),
        OSError("made up by a library"),
        io.UnsupportedOperation("not writable"),
        UnicodeDecodeError("utf-8", b"\xff", 0, 1, "invalid start byte"),
        FileExistsError(),
    ],
)
def test_a_mistake_of_ours_stays_a_bug(
    error: BaseException, capsys: pytest.CaptureFixture[str]
) -> None:
    assert end_of(error) == 70
    Path(capsys.readouterr().err.split(" is in ")[1].split(" [")[0]).unlink()


def test_a_path_is_put_on_what_names_none(tmp_path: Path) -> None:
    for raised in (OSError(errno.ENOSPC, "full"), UnicodeDecodeError("utf-8", b"", 0, 1, "x")):
        with pytest.raises(OSError, match=r"full|not UTF-8") as caught, on_path(tmp_path):
            raise raised
        assert caught.value.filename == str(tmp_path)
    with pytest.raises(OSError, match="full") as caught, on_path(tmp_path):
        raise OSError(errno.ENOSPC, "full", "/its/own")
    assert caught.value.filename == "/its/own"


def test_a_log_that_cannot_be_written_is_said(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("tempfile.mkstemp", full)
    assert end_of(ValueError("x")) == 70
    assert "could not be written: [Errno 28]" in capsys.readouterr().err


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
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def broken(*_: object) -> None:
        raise raised

    monkeypatch.setattr("floe_local.operations.plugins.list_plugins", broken)
    with (tmp_path / "out").open("w") as stdout:
        monkeypatch.setattr(sys, "stdout", stdout)
        ended = run(["plugins", "list", "--json"])
    out = (tmp_path / "out").read_text()
    assert (ended, capsys.readouterr().err) == (code, "")
    assert (json.loads(out)["error"]["code"] == "interrupted") if code == 130 else (out == "")


def test_an_interrupt_while_typer_is_at_work_is_told(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("floe_local.cli.app.Session", interrupted)
    assert run(["plugins", "list"]) == 130
    assert "error: interrupted [interrupted]" in capsys.readouterr().err
