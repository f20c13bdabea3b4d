"""Which ports of the host a stack's endpoints get, and who is in the way."""

from __future__ import annotations

import errno
import hashlib
import socket
from pathlib import Path
from typing import TYPE_CHECKING

from floe_local.errors import MachineError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from floe_local.plan.stack.model import PortWish

# Below the range that systems take outgoing connections' ports from (32768 and up on Linux,
# 49152 elsewhere): a connection that is under way never holds a port that was chosen here.
_FIRST, _LAST = 20000, 32000
_NEARBY = 200


def choose_ports(
    wishes: Sequence[PortWish],
    *,
    project: str,
    held: Mapping[str, int],
    taken_by: Callable[[int], str | None],
    free_only: bool = False,
) -> dict[str, int]:
    """A host port for each endpoint, by ``service.endpoint``; the same in every run.

    Args:
        wishes: the endpoints.
        project: endpoints without a preference start their search at a port derived from it.
        held: ports that the stack already holds, which stay as they are unless the manifest
            asks for others: what runs is not restarted for a port that became free.
        taken_by: who uses a port; None: it is free, or the stack's own.
        free_only: ignore preferences, so that stacks run side by side.

    Raises:
        MachineError: a preferred port is somebody else's (``port-taken``); all are told.
    """
    preferred = {} if free_only else _preferred(wishes)
    asked = {wish.key: preferred[wish.key] for wish in wishes if wish.asked and not free_only}
    kept = {
        wish.key: port
        for wish in wishes
        if wish.key not in asked
        if (port := held.get(wish.key)) and port not in asked.values() and not taken_by(port)
    }
    wanted = {k: port for k, port in preferred.items() if port not in kept.values()} | kept
    clashes = [
        (wish, owner)
        for wish in wishes
        if wish.key in wanted and wish.key not in kept
        if (owner := taken_by(wanted[wish.key]))
    ]
    if clashes:
        raise _port_taken(clashes, taken_by, set(wanted.values()))
    for wish in wishes:
        if wish.key not in wanted:
            wanted[wish.key] = _free(wish, project, set(wanted.values()), taken_by)
    return wanted


def _preferred(wishes: Sequence[PortWish]) -> dict[str, int]:
    """The preferred ports, by endpoint. Of two that prefer one port, the first gets it.

    Raises:
        MachineError: the manifest asks for one port twice (``port-taken``).
    """
    owners: dict[int, PortWish] = {}
    for wish in sorted(wishes, key=lambda w: not w.asked):
        if wish.preferred is None:
            continue
        first = owners.setdefault(wish.preferred, wish)
        if wish.asked and first is not wish:
            raise MachineError(
                "port-taken",
                f"local.ports: port {wish.preferred} is asked for by {first.key} and {wish.key}",
                "give one of them another port",
            )
    return {wish.key: port for port, wish in owners.items()}


def _free(
    wish: PortWish,
    project: str,
    chosen: set[int],
    taken_by: Callable[[int], str | None],
) -> int:
    found = (p for p in _candidates(f"{project}/{wish.key}") if p not in chosen and not taken_by(p))
    port = next(found, None)
    if port is None:
        raise MachineError(
            "no-free-port",
            f"no port between {_FIRST} and {_LAST} is free for {wish.key}",
            "end something that listens on 127.0.0.1",
        )
    return port


def _candidates(seed: str) -> Iterator[int]:
    start = int.from_bytes(hashlib.sha256(seed.encode()).digest()[:4], "big")
    span = _LAST - _FIRST
    return (_FIRST + (start + step) % span for step in range(span))


def _port_taken(
    clashes: Sequence[tuple[PortWish, str]],
    taken_by: Callable[[int], str | None],
    wanted: set[int],
) -> MachineError:
    told = "; ".join(
        f"port {wish.preferred}, for {wish.key}, is used by {owner}" for wish, owner in clashes
    )
    suggested: dict[str, int] = {}
    for wish, _ in clashes:
        spoken_for = {*wanted, *suggested.values()}
        suggested[wish.key] = _near(wish.preferred or _FIRST, taken_by, spoken_for)
    ports = ", ".join(f"{key}: {port}" for key, port in suggested.items())
    return MachineError(
        "port-taken",
        told,
        f"free it, or choose others in the manifest (local: {{ports: {{{ports}}}}}), "
        "or let all be chosen with `floe-local up --free-ports`",
    )


def _near(port: int, taken_by: Callable[[int], str | None], spoken_for: set[int]) -> int:
    nearby = range(port + 1, min(port + _NEARBY, 65535))
    return next((p for p in nearby if p not in spoken_for and not taken_by(p)), port)


def bind_address(host: str) -> str:
    """The address of the engine's machine that ports are published on.

    This machine's loopback; for a remote engine the address that its name stands for, as
    its loopback could not be reached from here.
    """
    if host == "127.0.0.1":
        return host
    try:
        return str(socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)[0][4][0])
    except OSError as error:
        raise MachineError(
            "engine-host", f"the engine's host {host} has no address: {error}", "check DOCKER_HOST"
        ) from error


def listening(port: int, host: str = "127.0.0.1") -> bool:
    """Whether a port of this machine cannot be bound, as somebody has it."""
    with socket.socket() as probe:
        # As Docker's proxy binds: a connection in TIME_WAIT is in nobody's way.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except PermissionError:
            return False  # a low port, which the engine may bind
        except OSError as error:
            return error.errno == errno.EADDRINUSE
    return False


def process_on(port: int) -> str:
    """The process of this machine that listens on a port, as far as it can be found."""
    inodes = {inode for inode, local in _listeners() if local == port}
    for descriptor in _descriptors() if inodes else ():
        try:
            target = str(descriptor.readlink())
            if target.startswith("socket:[") and target[8:-1] in inodes:
                process = descriptor.parents[1]
                return f"{(process / 'comm').read_text().strip()} (process {process.name})"
        except OSError:  # it ended, or is another user's
            continue
    return "another process"


def _descriptors() -> Iterator[Path]:
    return Path("/proc").glob("[0-9]*/fd/*")


def _listeners() -> Iterator[tuple[str, int]]:
    """(inode, port) of every listening TCP socket, from Linux's own tables."""
    for table in (Path("/proc/net/tcp"), Path("/proc/net/tcp6")):
        if not table.exists():
            continue
        for line in table.read_text().splitlines()[1:]:
            fields = line.split()
            if fields[3] == "0A":
                yield fields[9], int(fields[1].rpartition(":")[2], 16)
