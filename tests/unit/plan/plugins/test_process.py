"""Listening to children: nothing that one said is lost."""

from __future__ import annotations

import io
import os
import sys
import time
from contextlib import ExitStack
from types import SimpleNamespace
from typing import IO, TYPE_CHECKING, cast

from floe_local.plan.caller import for_clients
from floe_local.plan.plugins.process import Child, finish, read_request, read_streams

if TYPE_CHECKING:
    from typing import Any

    import pytest

LAST_WORDS = b'{"end": true}\n'


class LateSpeaker:
    """A child that ends, having spoken, at the very moment in which it is asked whether it has."""

    open_streams = 2
    last_heard = 0.0

    def __init__(self, files: ExitStack) -> None:
        pipes = [os.pipe(), os.pipe()]
        self.mouths = [files.enter_context(os.fdopen(end, "wb")) for _, end in pipes]
        self.ears = [files.enter_context(os.fdopen(end, "rb")) for end, _ in pipes]
        self.answers, self.stderr = bytearray(), bytearray()

    @property
    def streams(self) -> list[tuple[IO[bytes], bytearray]]:
        """Give stdout and stderr, with what was read of each."""
        return list(zip(self.ears, (self.answers, self.stderr), strict=True))

    @property
    def said_all(self) -> bool:
        """Whether its last words were heard."""
        return self.answers.endswith(LAST_WORDS)

    @property
    def is_over(self) -> bool:
        """End, where it has not."""
        if not self.mouths[0].closed:
            self.mouths[0].write(LAST_WORDS)
            for mouth in self.mouths:
                mouth.close()
        return True


def test_what_a_child_says_as_it_ends_is_heard() -> None:
    with ExitStack() as files:
        child = LateSpeaker(files)
        read_streams([cast("Child", child)], time.monotonic() + 30)
    assert child.answers == LAST_WORDS


REQUEST = {"bytes": b"\x00\xff", "deep": [{"k": [b"", 2**53 + 1, 3.0]}], "limit_s": 5}


def test_a_request_reaches_a_child_as_it_was_given(monkeypatch: pytest.MonkeyPatch) -> None:
    written = io.BytesIO()
    monkeypatch.setattr(written, "close", lambda: None)
    child = Child.__new__(Child)
    child.process = cast("Any", SimpleNamespace(stdin=written))
    child.give(REQUEST, 5)
    assert read_request(io.StringIO(written.getvalue().decode())) == REQUEST


def test_a_child_that_ended_before_it_was_given_its_request_says_how() -> None:
    environment = for_clients(os.environ, sys.path, "/", {})
    with Child(None, environment, module="floe_local.no_such_module") as child:
        child.process.wait(30)
        child.give({"much": "x" * 1_000_000}, 5)
        (talk,) = finish([child], 5)
    assert (talk.messages, talk.exit_code, talk.timed_out) == ([], 1, False)
    assert "no_such_module" in talk.stderr
