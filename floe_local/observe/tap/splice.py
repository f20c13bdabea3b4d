"""Listens, and joins each connection with another: bytes pass as they are, and are spooled.

Threads, as asyncio takes longer to load than a short command to run, and a blocking read
wakes as fast.
"""

from __future__ import annotations

import socket
from threading import Event, Lock, Thread
from time import monotonic
from typing import TYPE_CHECKING

from floe_local.observe.tap.spool import ANSWERED, CLOSED, FAILED, OPENED, SENT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from floe_local.observe.tap.spool import Spool

_CHUNK = 256 * 1024
_LAST_BYTES_S = 1.0
_LONGEST_PREFIX = 3
"""Bytes that tell HTTP/2 from HTTP/1: `PRI` is no method of the latter."""

HTTP2 = b"PRI"


class Splicer:
    """Listens on one address.

    Args:
        address: host and port; port 0: any free one.
        channel: what is spooled as the channel of its connections.
        dial: first bytes of a connection → the socket to join it with; it may raise OSError.
        spool: where bytes are kept.

    Raises:
        OSError: the address cannot be listened on.
    """

    def __init__(
        self,
        address: tuple[str, int],
        channel: str,
        dial: Callable[[bytes], socket.socket],
        spool: Spool,
    ) -> None:
        family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
        self._listener = socket.create_server(address, family=family, backlog=128)
        self.port: int = self._listener.getsockname()[1]
        self._channel, self._dial, self._spool = channel, dial, spool
        self._lock = Lock()
        self._open: dict[int, list[socket.socket]] = {}
        self._serving: dict[int, Thread] = {}
        self._count = 0
        self._closing = Event()
        self.last_byte = monotonic()
        self._accepting = Thread(target=self._accept, name=f"tap-{channel}", daemon=True)
        self._accepting.start()

    @property
    def connections(self) -> int:
        """How many are open."""
        return len(self._open)

    def close(self) -> None:
        """Take no more connections, and end those that are open."""
        self._closing.set()
        _shut(self._listener)
        self._listener.close()
        self._accepting.join()
        with self._lock:
            for pair in self._open.values():
                for end in pair:
                    _shut(end)
            serving = list(self._serving.values())
        for thread in serving:  # what they have read is still to be spooled
            thread.join(_LAST_BYTES_S)

    def _accept(self) -> None:
        while not self._closing.is_set():
            try:
                client, _ = self._listener.accept()
            except OSError:  # it is closed, or the client has gone already
                continue
            with self._lock:
                self._count += 1
                number = self._count
                self._open[number] = [client]
                name = f"tap-{self._channel}-{number}"
                thread = Thread(target=self._serve, args=(number, client), name=name, daemon=True)
                self._serving[number] = thread
            thread.start()

    def _serve(self, number: int, client: socket.socket) -> None:
        connection = number * 2 + (self._channel == "openlineage")  # unlike the other listener's
        self._spool.append(OPENED, connection, self._channel.encode())
        try:
            self._join(number, connection, client)
        except OSError as error:
            self._failed(connection, error)
        finally:
            with self._lock:
                ends = self._open.pop(number)
            for end in ends:
                end.close()
            self._spool.append(CLOSED, connection)
            with self._lock:
                self._serving.pop(number)

    def _failed(self, connection: int, error: OSError) -> None:
        if not self._closing.is_set():  # else it is us who ended it
            self._spool.append(FAILED, connection, (error.strerror or str(error)).encode())

    def _join(self, number: int, connection: int, client: socket.socket) -> None:
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        first = b""
        while len(first) < _LONGEST_PREFIX:
            more = client.recv(_CHUNK)
            if not more:
                break
            first += more
        if not first:
            return
        self._spool.append(SENT, connection, first)
        server = self._dial(first)
        with self._lock:
            self._open[number].append(server)
        server.sendall(first)
        back = Thread(target=self._answers, args=(connection, server, client), daemon=True)
        back.start()
        try:
            for data in _chunks(client):
                self.last_byte = monotonic()
                # First, so that no answer is spooled before its question.
                self._spool.append(SENT, connection, data)
                server.sendall(data)
        finally:
            _shut(server, socket.SHUT_WR)
            back.join()

    def _answers(self, connection: int, server: socket.socket, client: socket.socket) -> None:
        try:
            for data in _chunks(server):
                if self._closing.is_set():  # the client is not there to take it
                    break
                self.last_byte = monotonic()
                # First, too: no next question is spooled before the answer to this one.
                self._spool.append(ANSWERED, connection, data)
                client.sendall(data)
        except OSError as error:
            self._failed(connection, error)
        finally:
            # Nothing more will be answered: a client that waits is told so.
            _shut(client)


def _chunks(end: socket.socket) -> Iterator[memoryview]:
    """What comes, until the other side ends; each chunk is valid until the next one."""
    room = memoryview(bytearray(_CHUNK))
    while length := end.recv_into(room):
        yield room[:length]


def _shut(end: socket.socket, how: int = socket.SHUT_RDWR) -> None:
    try:
        end.shutdown(how)
    except OSError:  # the other side was faster
        return
