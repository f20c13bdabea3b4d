"""Listening to children: nothing that one said is lost."""

from __future__ import annotations

import os
import time
from contextlib import ExitStack
from typing import IO, cast

from floe_local.plan.plugins.process import Child, listen

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
        listen([cast("Child", child)], time.monotonic() + 30)
    assert child.answers == LAST_WORDS
