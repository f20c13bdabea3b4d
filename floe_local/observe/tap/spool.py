"""Where the tap keeps the bytes that pass it, until they are decoded.

The file has no name: nobody else opens it, and it is gone when the process is. It holds the
headers as they travelled, credentials among them; what is kept is the session, without them.
"""

from __future__ import annotations

import os
import struct
import tempfile
from threading import Lock
from time import time_ns
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

OPENED, SENT, ANSWERED, CLOSED, FAILED = range(5)
"""What a record is: a connection's begin (its channel), bytes each way, its end, a fault's text."""

_HEAD = struct.Struct(">BIQI")


class Record(NamedTuple):
    """One record: when (Unix nanoseconds), of which connection, and its bytes."""

    kind: int
    connection: int
    at: int
    data: bytes


class Spool:
    """Appended to by many threads, read by one.

    Args:
        folder: on whose disk it is; None: where temporary files are.

    Attributes:
        problem: why no more could be written; empty: all was.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self._file = tempfile.TemporaryFile(dir=folder, buffering=0)  # noqa: SIM115 - closed by close
        self._lock = Lock()
        self._size = 0
        self._read = 0
        self.problem = ""

    def append(self, kind: int, connection: int, data: bytes | memoryview = b"") -> None:
        """Write a record; once the disk is full, no more."""
        head = _HEAD.pack(kind, connection, time_ns(), len(data))
        with self._lock:
            if self.problem or self._file.closed:
                return
            try:
                written = os.writev(self._file.fileno(), [head, data])
                while written < len(head) + len(data):  # a signal, or a disk that is nearly full
                    written += os.write(self._file.fileno(), (head + bytes(data))[written:])
            except OSError as error:
                self.problem = error.strerror or str(error)
            else:
                self._size += written

    @property
    def size(self) -> int:
        """How many bytes were written."""
        return self._size

    def records(self, most: int | None = None) -> Iterator[Record]:
        """Return the records that came since they were last read; after `most` bytes, no more."""
        end = self._size if most is None else min(self._size, self._read + most)
        while self._read < end:
            head = os.pread(self._file.fileno(), _HEAD.size, self._read)
            kind, connection, at, length = _HEAD.unpack(head)
            start = self._read + _HEAD.size
            self._read = start + length
            yield Record(kind, connection, at, self._bytes(start, length))

    def _bytes(self, start: int, length: int) -> bytes:
        parts = []
        while length:
            part = os.pread(self._file.fileno(), length, start)
            parts.append(part)
            start, length = start + len(part), length - len(part)
        return b"".join(parts)

    def close(self) -> None:
        """Give the disk's room back; what is appended later goes nowhere."""
        with self._lock:
            self._file.close()
