"""Hands each OpenLineage event on to the backends of a stack.

What a backend posts over HTTP is the body as it came, to the address and with the headers that
the real client would use; other transports (a file, a cloud's own API, one that transforms events)
send what the client makes of it.
"""

from __future__ import annotations

import json
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from threading import Lock
from typing import TYPE_CHECKING, Any
from urllib.parse import urljoin

import urllib3

from floe_local.observe.tap.decode import decompressed
from floe_local.observe.tap.servers import Answer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from openlineage.client.client import Event
    from openlineage.client.transport import Transport

    from floe_local.observe.tap.servers import PostedRequest

    Send = Callable[[PostedRequest], Answer]

_PASSED_ON = ("content-type", "content-encoding")
_CONNECT_S, _READ_S = 2.0, 15.0
_OK = 2
_BAD_GATEWAY = 502
_FAILURE = 200
_LATE = "no answer yet"


@dataclass(frozen=True)
class ForwardRoute:
    """Where the events for one backend go, and how; whether an answer of its own comes back."""

    backend: str
    send: Send
    answers: bool = True


class Forwarder:
    """Answers an event as the first backend does, and notes what others answer.

    Each other backend is sent the events in their order, beside the first: the client does not
    wait for it.

    Args:
        routes: the backends, in their order. The first that posts over HTTP, if one does, is the
            one that answers: a console takes everything.
        hide: takes credentials out of a text.
    """

    def __init__(self, routes: Iterable[ForwardRoute], hide: Callable[[str], str] = str) -> None:
        self._first, *others = sorted(routes, key=lambda route: not route.answers)
        self._others = [(route, ThreadPoolExecutor(1, "tap-forward")) for route in others]
        self._hide = hide
        self._lock = Lock()
        self._open: dict[Future[Answer], str] = {}
        self._failures: dict[str, list[str]] = {}

    def __call__(self, asked: PostedRequest) -> Answer:
        """Send an event to each backend; the first one's answer."""
        if asked.method != "POST":
            return Answer(404)
        for route, pool in self._others:
            future = pool.submit(route.send, asked)
            with self._lock:
                self._open[future] = route.backend
            future.add_done_callback(self._note)
        return self._first.send(asked)

    def _note(self, future: Future[Answer]) -> None:
        with self._lock:
            backend = self._open.pop(future)
            if not future.cancelled() and (answer := future.result()).status // 100 != _OK:
                said = self._hide(answer.body[:_FAILURE].decode("utf-8", "replace"))
                failure = f"HTTP {answer.status}: {said}"
                self._failures.setdefault(backend, []).append(failure)

    def failures(self, deadline_s: float) -> dict[str, list[str]]:
        """Wait for the other backends, at most so long.

        Returns:
            backend → what it answered to events that it did not take.
        """
        with self._lock:
            waiting = list(self._open)
        wait(waiting, deadline_s)
        with self._lock:
            found = {backend: list(said) for backend, said in self._failures.items()}
            for backend in self._open.values():
                found.setdefault(backend, []).append(_LATE)
        return found

    def close(self) -> None:
        """Send nothing more."""
        for _, pool in self._others:
            pool.shutdown(wait=False, cancel_futures=True)


def parts_of(transport: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """The transports of a composite, however deep; one that chooses or transforms is whole."""
    children = transport.get("transports")
    if transport.get("type") != "composite" or transport.get("continue_on_success") is False:
        yield transport
        return
    for child in children.values() if isinstance(children, dict) else children or ():
        yield from parts_of(child)


def routes_of(
    transports: Iterable[tuple[str, Mapping[str, Any]]],
    made: Callable[[Mapping[str, Any]], Callable[[dict[str, Any]], None]],
) -> tuple[ForwardRoute, ...]:
    """Return the routes for compiled transports.

    Args:
        transports: backend and transport, without composites and with references resolved.
        made: transport → a function that sends an event by the real client; for those that do
            not post the event as it is.
    """
    pool = urllib3.PoolManager(
        maxsize=8, retries=False, timeout=urllib3.Timeout(connect=_CONNECT_S, read=_READ_S)
    )
    return tuple(
        ForwardRoute(name, _by_http(pool, one))
        if _posts(one)
        else ForwardRoute(name, _by_client(made(one)), answers=False)
        for name, one in transports
    )


def _posts(transport: Mapping[str, Any]) -> bool:
    return transport.get("type") in {"http", "async_http"}


def _by_http(pool: urllib3.PoolManager, transport: Mapping[str, Any]) -> Send:
    # The client's own class, so that headers and address are what it makes of the settings.
    from openlineage.client.transport.http import HttpConfig  # noqa: PLC0415 - slow to load

    config = HttpConfig.from_dict({**transport, "type": "http"})
    address = urljoin(config.url, config.endpoint)
    own = dict(config.custom_headers or {})
    if bearer := config.auth.get_bearer():
        own["Authorization"] = bearer

    def send(asked: PostedRequest) -> Answer:
        headers = {name: value for name in _PASSED_ON if (value := asked.header(name))}
        try:
            answer = pool.request(
                "POST", address, body=asked.body, headers=headers | own, redirect=False
            )
        except (urllib3.exceptions.HTTPError, OSError) as error:
            return _no_answer(str(error).rsplit(">: ", 1)[-1])
        kind = answer.headers.get("Content-Type")
        kept = (("content-type", kind),) if kind else ()
        return Answer(answer.status, kept, answer.data)

    return send


def _by_client(emit: Callable[[dict[str, Any]], None]) -> Send:
    lock = Lock()  # clients of tests and jobs are not shared by threads: not all can be

    def every(asked: PostedRequest) -> None:
        content = json.loads(decompressed(asked.body, asked.header("content-encoding")))
        with lock:
            for event in content if isinstance(content, list) else [content]:
                emit(event)

    def send(asked: PostedRequest) -> Answer:
        with ThreadPoolExecutor(1) as pool:  # a transport may raise what it likes
            error = pool.submit(every, asked).exception()
        if error:
            return _no_answer(str(error) or type(error).__name__)
        return Answer(201, (("content-type", "application/json"),), b"{}")

    return send


def client_of(transport: Mapping[str, Any]) -> Callable[[dict[str, Any]], None]:
    """Return what sends an event, given as JSON, by the real client.

    What it returns raises whatever the transport does, ConnectionError where a transport that
    sends in the background was not answered with success, and KeyError for what is no event.
    """
    from floe_local.prove.send.lineage import canary_client  # noqa: PLC0415 - slow to load

    made = canary_client(dict(transport)).transport

    def send(content: dict[str, Any]) -> None:
        before = _not_taken(made, 0.0)
        made.emit(_event(content))  # the client itself would add its own facets to the sender's
        if (failed := _not_taken(made, _READ_S) - before) > 0:
            message = f"{failed} events were not answered with success in the background"
            raise ConnectionError(message)

    return send


def _not_taken(transport: Transport, patience_s: float) -> int:
    """How many events the senders in the background of a transport could not deliver."""
    inner = [getattr(transport, name, None) for name in ("transport", "async_http")]
    inner += getattr(transport, "transports", ())
    count = sum(_not_taken(one, patience_s) for one in inner if one is not None)
    if hasattr(transport, "wait_for_completion"):
        transport.wait_for_completion(patience_s)
        stats = transport.get_stats()  # type: ignore[attr-defined]
        count += int(stats["failed"] + stats["pending"])
    return count


def _event(content: dict[str, Any]) -> Event:
    """Make the client's event of a JSON one, as far as the client knows its fields."""
    from openlineage.client import event_v2 as v2  # noqa: PLC0415 - slow to load

    shared = {name: content[name] for name in ("eventTime", "producer")}
    if "dataset" in content:
        return v2.DatasetEvent(dataset=_known(v2.StaticDataset, content["dataset"]), **shared)
    shared |= {
        "job": _known(v2.Job, content["job"]),
        "inputs": [_known(v2.InputDataset, one) for one in content.get("inputs") or ()],
        "outputs": [_known(v2.OutputDataset, one) for one in content.get("outputs") or ()],
    }
    if "run" not in content:
        return v2.JobEvent(**shared)
    kind = v2.RunState[content["eventType"]] if content.get("eventType") else None
    return v2.RunEvent(run=_known(v2.Run, content["run"]), eventType=kind, **shared)


def _known(kind: type[Any], content: dict[str, Any]) -> Any:
    import attr  # noqa: PLC0415 - the client's

    return kind(**{name: content[name] for name in attr.fields_dict(kind) if name in content})


def _no_answer(reason: str) -> Answer:
    body = f"floe-local: the backend did not take it: {reason}".encode()
    return Answer(_BAD_GATEWAY, (("content-type", "text/plain; charset=utf-8"),), body)
