"""Talks to child processes of plugins and clients, and leaves nothing of them behind.

Each child gets its request as a file on stdin; its answers (JSON lines) and its stderr are
read side by side, until it ends or the time does. Then its whole process group is killed.
"""

from __future__ import annotations

import io
import json
import os
import selectors
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack, suppress
from typing import IO, TYPE_CHECKING, Any, NamedTuple, Self, TextIO, cast

from floe_local.errors import on_path

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


GRACE_S = 2.0
"""The child ends itself at the limit, saying where it hung; this much later it is killed."""

STDERR_TAIL = 65536
CHUNK = 65536
LOOK_UP_S = 0.2
_BYTES = "\x00bytes"
"""The key of an object that stands for bytes, which JSON does not have."""


class ChildOutput(NamedTuple):
    """What a child said until it ended, by itself or at the time limit."""

    messages: list[dict[str, Any]]
    stderr: str
    exit_code: int
    timed_out: bool

    @property
    def step(self) -> tuple[int, str]:
        """The job and the method that were under way last."""
        steps = self.said("step")
        return (steps[-1][0], steps[-1][1]) if steps else (0, "import")

    def said(self, key: str) -> list[Any]:
        """All messages of one sort."""
        return [m[key] for m in self.messages if key in m]


class Reporter:
    """The child's end: writes the protocol's lines."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    @classmethod
    def on_stdout(cls) -> Self:
        """Take stdout for the protocol; what others print goes to stderr from now on."""
        protocol = os.dup(1)
        os.dup2(2, 1)
        if isinstance(sys.stdout, io.TextIOWrapper):
            sys.stdout.reconfigure(line_buffering=True)  # what hangs later printed this, too
        return cls(os.fdopen(protocol, "w", encoding="utf-8"))

    def tell(self, **message: Any) -> None:
        """Write one message."""
        self.pass_on(f"{json.dumps(message)}\n")

    def pass_on(self, line: str) -> None:
        """Write a message as another process of the child wrote it."""
        self._stream.write(line)
        self._stream.flush()


def run_children(
    asks: Sequence[tuple[Mapping[str, Any], Mapping[str, str]]], limit_s: float
) -> list[ChildOutput]:
    """Start a child for each request, all at once; give what each said, in the same order.

    Args:
        asks: for each child, what it is asked, and its environment, whole.
        limit_s: seconds that each has.
    """
    with ExitStack() as stack:
        children = [
            stack.enter_context(Child(request, environment, limit_s))
            for request, environment in asks
        ]
        return finish(children, limit_s)


def finish(children: Sequence[Child], limit_s: float) -> list[ChildOutput]:
    """Give what each child said until it ended, or `limit_s` seconds had passed."""
    read_streams(children, time.monotonic() + limit_s + GRACE_S)
    return [child.output() for child in children]


class Child:
    """One child process in a session of its own, killed with all it started at the end.

    Args:
        request: what it is asked, as its module reads it; None: it comes later, by `give`, and
            until then the child can load what it needs.
        environment: all that it sees.
        limit_s: seconds that it has.
        module: what it runs.
        folder: where it runs.
    """

    def __init__(
        self,
        request: Mapping[str, Any] | None,
        environment: Mapping[str, str],
        limit_s: float = 0.0,
        *,
        module: str = "floe_local.plan.plugins.child",
        folder: str | None = None,
    ) -> None:
        with tempfile.TemporaryFile() as asked:
            if request is not None:
                with on_path(tempfile.gettempdir()):
                    asked.write(_encoded(request, limit_s))
                    asked.seek(0)
            self.process = subprocess.Popen(  # noqa: S603 - a module of ours
                [sys.executable, "-P", "-m", module],
                stdin=subprocess.PIPE if request is None else asked,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                env=environment,
                cwd=folder,
                start_new_session=True,  # what it starts ends with it, and ^C is ours alone
            )
        self.answers = bytearray()
        self.stderr = bytearray()
        self.open_streams = len(self.streams)
        self.limit_at = time.monotonic() + limit_s
        self.last_heard = 0.0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *raised: object) -> None:
        """Kill whatever is left, and reap the child."""
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self.process.pid, signal.SIGKILL)
        with self.process:
            self.process.wait()

    def give(self, request: Mapping[str, Any], limit_s: float) -> None:
        """Give a child that was started without a request the one that it waits for."""
        self.limit_at = time.monotonic() + limit_s
        stdin = cast("IO[bytes]", self.process.stdin)
        with suppress(BrokenPipeError), stdin:  # it has ended, and its conversation says how
            stdin.write(_encoded(request, limit_s))

    @property
    def streams(self) -> tuple[tuple[IO[bytes], bytearray], ...]:
        """The child's output streams, each with what was read of it."""
        stdout = cast("IO[bytes]", self.process.stdout)
        stderr = cast("IO[bytes]", self.process.stderr)
        return ((stdout, self.answers), (stderr, self.stderr))

    @property
    def said_all(self) -> bool:
        """Whether the protocol came to its end."""
        return self.answers.endswith(b'{"end": true}\n')

    @property
    def is_over(self) -> bool:
        """Whether nothing more is to be expected, though others may hold the streams open."""
        return self.said_all or self.process.poll() is not None

    def output(self) -> ChildOutput:
        """Give what it said."""
        with suppress(subprocess.TimeoutExpired):  # its streams close a moment before it is gone
            self.process.wait(0 if self.open_streams else GRACE_S)
        code = self.process.poll()
        timed_out = not self.said_all and (code is None or self.last_heard >= self.limit_at)
        whole = bytes(self.answers[: self.answers.rfind(b"\n") + 1])
        messages = [json.loads(line) for line in whole.splitlines()]
        stderr = self.stderr.decode("utf-8", "replace")
        return ChildOutput(messages, stderr, code or 0, timed_out)


def _encoded(request: Mapping[str, Any], limit_s: float) -> bytes:
    return json.dumps({**request, "limit_s": limit_s}, default=_tagged).encode()


def _tagged(value: Any) -> dict[str, str]:
    if isinstance(value, bytes):
        return {_BYTES: value.hex()}
    raise TypeError(type(value).__name__)


def read_request(stream: IO[str]) -> dict[str, Any]:
    """Read what a child is asked, in the child; bytes are bytes again."""
    request: dict[str, Any] = json.load(stream, object_hook=_untagged)
    return request


def _untagged(value: dict[str, Any]) -> Any:
    return bytes.fromhex(value[_BYTES]) if value.keys() == {_BYTES} else value


def _read(
    selector: selectors.BaseSelector, ready: Sequence[tuple[selectors.SelectorKey, int]]
) -> None:
    """Keep what can be read of the streams that are ready."""
    for key, _ in ready:
        child, kept = key.data
        chunk = os.read(key.fd, CHUNK)
        kept.extend(chunk)
        child.last_heard = time.monotonic()
        del child.stderr[:-STDERR_TAIL]  # a plugin may print for ever
        if not chunk:
            selector.unregister(key.fileobj)
            child.open_streams -= 1


def read_streams(children: Sequence[Child], deadline: float) -> None:
    """Read all streams until every child is over, or the deadline (monotonic) has come."""
    with selectors.DefaultSelector() as selector:
        for child in children:
            for stream, kept in child.streams:
                selector.register(stream, selectors.EVENT_READ, (child, kept))
        while selector.get_map() and not all(child.said_all for child in children):
            left = deadline - time.monotonic()
            over = all(child.is_over for child in children)  # then all they said can be read
            ready = selector.select(0 if over else min(LOOK_UP_S, max(left, 0)))
            if left <= 0 or (over and not ready):
                break  # what a child that is over has started may hold its streams open
            _read(selector, ready)
        _read(selector, selector.select(0))  # what was printed just before the end
