"""The tap: two listeners, one spool, and a session of what passed."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import replace
from time import monotonic, sleep
from typing import TYPE_CHECKING, Self

from floe_local.observe.session.model import ObservedSession, TapFault, joined
from floe_local.observe.tap.servers import lineage_server, sink, take_event
from floe_local.observe.tap.splice import Splicer
from floe_local.observe.tap.spool import Spool

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

    from floe_local.observe.tap.exchanges import Exchange
    from floe_local.observe.tap.servers import Answer, PostedRequest
    from floe_local.observe.tap.spool import Record

LOOPBACK = "127.0.0.1"
_QUIET_S = 0.5
_PAUSE_S = 0.02


class Tap:
    """Takes what a command sends.

    Args:
        host: the address that is listened on.
        otlp: dials the OTLP receiver that each connection is joined with, by its first bytes.
        lineage: answers each OpenLineage request.
        folder: on whose disk the spool is; None: where temporary files are.
        ports: of OTLP and of OpenLineage; 0: any free one.

    Raises:
        OSError: an address cannot be listened on, or there is no room for a spool.
    """

    def __init__(
        self,
        host: str = LOOPBACK,
        *,
        otlp: Callable[[bytes], socket.socket] = sink,
        lineage: Callable[[PostedRequest], Answer] = take_event,
        folder: Path | None = None,
        ports: tuple[int, int] = (0, 0),
    ) -> None:
        self.host = host
        self._spool = Spool(folder)
        self._faults: list[TapFault] = []
        self._exchanges: _Numbered | None = None
        with ExitStack() as opened:
            opened.callback(self._spool.close)
            self._otlp = Splicer((host, ports[0]), "otlp", otlp, self._spool)
            opened.callback(self._otlp.close)
            serve = lineage_server(lineage)
            self._lineage = Splicer((host, ports[1]), "openlineage", serve, self._spool)
            opened.pop_all()  # all is well: it stays open until `close`

    @property
    def otlp_port(self) -> int:
        """Where OTLP is taken, gRPC and HTTP."""
        return self._otlp.port

    @property
    def lineage_port(self) -> int:
        """Where OpenLineage is taken."""
        return self._lineage.port

    @property
    def connections(self) -> int:
        """How many are open."""
        return self._otlp.connections + self._lineage.connections

    @property
    def size(self) -> int:
        """How many bytes came and were answered."""
        return self._spool.size

    def fault(self, code: str, text: str) -> None:
        """Note what went wrong besides."""
        self._faults.append(TapFault(code, text))

    @property
    def faults(self) -> tuple[TapFault, ...]:
        """What went wrong besides, so far."""
        if not self._spool.problem:
            return tuple(self._faults)
        text = f"the spool could not be written: {self._spool.problem}"
        later = "what came later was passed on, and not judged"
        return (*self._faults, TapFault("spool", f"{text}; {later}"))

    def take(self, most: int | None = None) -> ObservedSession:
        """Return what came since it was last asked; after `most` bytes, no more of it."""
        return self._read(last=False, most=most)

    def settle(self, deadline_s: float, *, last: bool = True) -> None:
        """Wait until all connections are closed, or quiet, or the deadline has passed.

        The command's own are closed with its process: what is open is a child's that it left. The
        `last` time, that is a fault.
        """
        deadline = monotonic() + deadline_s
        while self.connections and monotonic() < deadline:
            at = max(self._otlp.last_byte, self._lineage.last_byte)
            if monotonic() - at > _QUIET_S:
                break
            sleep(_PAUSE_S)
        if last and self.connections:
            count = self.connections
            text = f"{count} connection{'s are' if count > 1 else ' is'} still open"
            self.fault("still-connected", f"{text}: what comes later is in no report")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *raised: object) -> None:
        """Close it."""
        self.close()

    def close(self) -> None:
        """Take no more."""
        self._otlp.close()
        self._lineage.close()
        self._spool.close()

    def finish(self) -> ObservedSession:
        """Take no more, and return the rest."""
        self._otlp.close()
        self._lineage.close()
        return replace(self._read(last=True), faults=self.faults)

    def _read(self, *, last: bool, most: int | None = None) -> ObservedSession:
        records = self._spool.records(most)
        if self._exchanges is None:
            if not self._spool.size:
                return ObservedSession()
            self._exchanges = _Numbered()
        return joined(self._exchanges.sessions(records, last=last))


class _Numbered:
    """Numbers the exchanges in the order in which they end."""

    def __init__(self) -> None:
        # Only where something came: the parsers take a moment to load.
        from floe_local.observe.tap.exchanges import Exchanges  # noqa: PLC0415

        self._exchanges = Exchanges()
        self._count = 0

    def sessions(self, records: Iterable[Record], *, last: bool) -> Iterator[ObservedSession]:
        from floe_local.observe.tap.decode import session_of  # noqa: PLC0415 - as above

        for exchange in self._complete(records, last=last):
            self._count += 1
            yield session_of(exchange, self._count)

    def _complete(self, records: Iterable[Record], *, last: bool) -> Iterator[Exchange]:
        yield from self._exchanges.feed(records)
        if last:
            yield from self._exchanges.finish()
