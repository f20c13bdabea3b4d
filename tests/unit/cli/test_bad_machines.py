"""No engine, the wrong one, or one that may not be used: exit 3, and nothing is changed."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.unit.cli.conftest import Ended

NEED_AN_ENGINE = [("up",), ("down",), ("status",), ("logs",), ("list",), ("images", "list")]


@pytest.mark.parametrize("command", NEED_AN_ENGINE, ids=" ".join)
def test_no_engine(command: tuple[str, ...], project: Path, floe: Callable[..., Ended]) -> None:
    ended = floe(*command)
    assert (ended.code, ended.out) == (3, "")
    assert "unix:///nonexistent/docker.sock is not running" in ended.err
    assert "[engine-not-running]\n  hint: Start it: " in ended.err
    assert not list(project.iterdir())
    as_json = floe(*command, "--json")
    assert as_json.error["code"] == "engine-not-running"
    assert json.loads(as_json.out)["command"] == " ".join(command)


@pytest.mark.parametrize("command", [("urls",), ("env",), ("open",), ("smoke-test",)], ids=" ".join)
def test_a_stack_that_was_never_up(
    command: tuple[str, ...], project: Path, floe: Callable[..., Ended]
) -> None:
    ended = floe(*command)
    assert (ended.code, ended.out) == (3, "")
    assert "is not up [stack-unknown]\n  hint: `floe-local up` brings it up" in ended.err
    assert not list(project.iterdir())


def test_a_context_that_does_not_exist(
    floe: Callable[..., Ended], project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("DOCKER_HOST")
    monkeypatch.setenv("DOCKER_CONTEXT", "nowhere")
    ended = floe("up")
    assert ended.code == 3
    assert "DOCKER_CONTEXT names the docker context 'nowhere'" in ended.err
    assert not list(project.iterdir())


def test_a_remote_engine_that_does_not_answer(
    floe: Callable[..., Ended], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOCKER_HOST", "tcp://127.0.0.1:1")
    ended = floe("status")
    assert ended.code == 3
    assert "tcp://127.0.0.1:1 does not answer" in ended.err
    assert "It was chosen by DOCKER_HOST" in ended.err


def test_an_engine_that_may_not_be_used(
    floe: Callable[..., Ended], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("socket.socket.connect", refused)
    ended = floe("up")
    assert (ended.code, ended.out) == (3, "")
    assert "[engine-permission]" in ended.err
    assert "usermod -aG docker" in ended.err


@pytest.mark.parametrize("group", [(), ("images",), ("plugins",)])
def test_a_group_without_a_command_shows_its_help(
    group: tuple[str, ...], floe: Callable[..., Ended]
) -> None:
    ended = floe(*group)
    assert ended.code == 2
    assert ended.err.startswith(" ".join(["Usage: floe-local", *group, "[OPTIONS] COMMAND"]))
    assert len(ended.err.splitlines()) > 5


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("frobnicate",), "frobnicate"),
        (("up", "--nope"), "--nope"),
        (("up", "--deadline", "soon"), "'--deadline': Input should be a valid number"),
        (("smoke-test", "--count", "-1"), "'--count': Input should be greater than or equal to 0"),
        (("env", "--format", "xml"), "'xml' is not one of"),
        (("smoke-test", "--endpoint", "nonsense"), "is not BACKEND.ENDPOINT=URL"),
    ],
)
def test_a_command_line_that_is_wrong(
    arguments: tuple[str, ...], told: str, project: Path, floe: Callable[..., Ended]
) -> None:
    ended = floe(*arguments)
    assert (ended.code, ended.out) == (2, "")
    assert told in ended.err
    assert "\n  hint: " in ended.err
    assert not list(project.iterdir())
