"""Which ports of the host a stack's endpoints get, and who is in the way."""

from __future__ import annotations

import errno
import hashlib
import socket
from typing import TYPE_CHECKING, NamedTuple

from floe_local.errors import MachineError
from floe_local.plan.stack.model import MovedPort

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from floe_local.plan.stack.model import PortRequest

# Below the range that systems take outgoing connections' ports from (32768 and up on Linux,
# 49152 elsewhere): a connection that is under way never holds a port that was chosen here.
_FIRST, _LAST = 20000, 32000
_NEARBY = 200


class ChosenPorts(NamedTuple):
    """A host port for each endpoint, by ``service.endpoint``, and those that had to move."""

    ports: dict[str, int]
    moved: tuple[MovedPort, ...] = ()


def choose_ports(
    requests: Sequence[PortRequest],
    *,
    project: str,
    held: Mapping[str, int],
    taken_by: Callable[[int], str | None],
    moved_before: Sequence[MovedPort] = (),
    free_only: bool = False,
    strict: bool = False,
) -> ChosenPorts:
    """A host port for each endpoint; the same in every run.

    An endpoint whose preferred port is somebody else's moves to a free one near it, unless the
    manifest asks for that port.

    Args:
        requests: the endpoints.
        project: endpoints without a preference start their search at a port derived from it.
        held: ports that the stack already holds, or has moved to, which stay as they are unless
            the manifest asks for others: what runs is not restarted for a port that became free.
        taken_by: who uses a port; None: it is free, or the stack's own.
        moved_before: the endpoints that an earlier run has moved.
        free_only: ignore preferences, so that stacks run side by side.
        strict: no endpoint moves.

    Raises:
        MachineError: a port that may not move is somebody else's (``port-taken``); all are
            named.
    """
    preferred = {} if free_only else _preferred(requests)
    demanded = {
        request.key: preferred[request.key]
        for request in requests
        if request.is_fixed and not free_only
    }
    kept = _kept(requests, held, demanded, taken_by)
    ports = {k: port for k, port in preferred.items() if port not in kept.values()} | kept
    clashes = [
        PortClash(request, owner)
        for request in requests
        if request.key in ports
        and request.key not in kept
        and (owner := taken_by(ports[request.key]))
    ]
    fixed = [clash for clash in clashes if strict or clash.request.is_fixed]
    if fixed:
        raise _port_taken(fixed, taken_by, set(ports.values()))
    moved = _moved(clashes, set(ports.values()), taken_by)
    ports |= {one.key: one.port for one in moved}
    for request in requests:
        if request.key not in ports:
            ports[request.key] = _free(request, project, set(ports.values()), taken_by)
    still = [one for one in moved_before if kept.get(one.key) == one.port]
    return ChosenPorts(ports, (*still, *moved))


def _kept(
    requests: Sequence[PortRequest],
    held: Mapping[str, int],
    demanded: Mapping[str, int],
    taken_by: Callable[[int], str | None],
) -> dict[str, int]:
    """The ports that stay as they are: nobody else has them, nor does the manifest ask for them."""
    return {
        request.key: port
        for request in requests
        if request.key not in demanded
        if (port := held.get(request.key)) and port not in demanded.values() and not taken_by(port)
    }


class PortClash(NamedTuple):
    """An endpoint whose preferred port `owner` uses."""

    request: PortRequest
    owner: str


def _moved(
    clashes: Sequence[PortClash], chosen: set[int], taken_by: Callable[[int], str | None]
) -> tuple[MovedPort, ...]:
    """Each endpoint on the next free port after the one that it prefers."""
    moved: list[MovedPort] = []
    for request, owner in clashes:
        preferred = request.preferred or _FIRST
        port = _near(preferred, taken_by, chosen | {one.port for one in moved})
        moved.append(MovedPort(key=request.key, preferred=preferred, port=port, owner=owner))
    return tuple(moved)


def _preferred(requests: Sequence[PortRequest]) -> dict[str, int]:
    """The preferred ports, by endpoint. Of two that prefer one port, the first gets it.

    Raises:
        MachineError: the manifest asks for one port twice (``port-taken``).
    """
    owners: dict[int, PortRequest] = {}
    for request in sorted(requests, key=lambda w: not w.is_fixed):
        if request.preferred is None:
            continue
        first = owners.setdefault(request.preferred, request)
        if request.is_fixed and first is not request:
            raise MachineError(
                "port-taken",
                f"local.ports: port {request.preferred} is asked for by {first.key} and {request.key}",
                "give one of them another port",
            )
    return {request.key: port for port, request in owners.items()}


def _free(
    request: PortRequest,
    project: str,
    chosen: set[int],
    taken_by: Callable[[int], str | None],
) -> int:
    found = (
        p for p in _candidates(f"{project}/{request.key}") if p not in chosen and not taken_by(p)
    )
    port = next(found, None)
    if port is None:
        raise MachineError(
            "no-free-port",
            f"no port between {_FIRST} and {_LAST} is free for {request.key}",
            "end something that listens on 127.0.0.1",
        )
    return port


def _candidates(seed: str) -> Iterator[int]:
    start = int.from_bytes(hashlib.sha256(seed.encode()).digest()[:4], "big")
    span = _LAST - _FIRST
    return (_FIRST + (start + step) % span for step in range(span))


def _port_taken(
    clashes: Sequence[PortClash],
    taken_by: Callable[[int], str | None],
    chosen: set[int],
) -> MachineError:
    reason = "; ".join(
        f"port {request.preferred}, for {request.key}, is used by {owner}"
        for request, owner in clashes
    )
    ports = ", ".join(f"{one.key}: {one.port}" for one in _moved(clashes, chosen, taken_by))
    return MachineError(
        "port-taken",
        reason,
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
    """The process of this machine that listens on a port, as far as this user may know it."""
    import psutil  # noqa: PLC0415 - only where somebody is in the way

    try:
        found = [
            connection.pid
            for connection in psutil.net_connections("tcp")
            if connection.status == psutil.CONN_LISTEN and connection.laddr[1:] == (port,)
        ]
        pid = next(filter(None, found), None)
        return f"{psutil.Process(pid).name()} (process {pid})" if pid else "another process"
    except (psutil.AccessDenied, psutil.NoSuchProcess):  # macOS tells root only; or it has ended
        return "another process"
