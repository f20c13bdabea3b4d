"""Hands each OpenLineage event on to the backends of a stack.

What a backend posts over HTTP is the body as it came, to the address and with the headers that
the real client would use; other transports (a cloud's own API) send what the client makes of it.
"""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import urljoin

import urllib3

from floe_local.observe.tap.servers import Answer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from floe_local.observe.tap.servers import PostedRequest

    Send = Callable[[PostedRequest], Answer]

_PASSED_ON = ("content-type", "content-encoding")
_CONNECT_S, _READ_S = 2.0, 15.0
_OK = 2
_BAD_GATEWAY = 502
_FAILURE = 200


@dataclass(frozen=True)
class ForwardRoute:
    """Where the events for one backend go, and how."""

    backend: str
    send: Send


@dataclass
class Forwarder:
    """Answers an event as the first backend does, and notes in `failures` what others answer.

    Attributes:
        routes: the backends, in their order.
        hide: takes credentials out of a text.
        failures: backend → what it answered to events that it did not take.
    """

    routes: tuple[ForwardRoute, ...]
    hide: Callable[[str], str] = str
    failures: dict[str, list[str]] = field(default_factory=dict)

    def __call__(self, asked: PostedRequest) -> Answer:
        """Send an event to each backend, one after the other."""
        if asked.method != "POST":
            return Answer(404)
        first, *others = [(route.backend, route.send(asked)) for route in self.routes]
        for backend, answer in others:
            if answer.status // 100 != _OK:
                said = self.hide(answer.body[:_FAILURE].decode("utf-8", "replace"))
                self.failures.setdefault(backend, []).append(f"HTTP {answer.status}: {said}")
        return first[1]


def routes_of(
    transports: Iterable[tuple[str, Mapping[str, Any]]],
    made: Callable[[Mapping[str, Any]], Callable[[dict[str, Any]], None]],
) -> tuple[ForwardRoute, ...]:
    """Return the routes for compiled transports.

    Args:
        transports: backend and transport, without wrapping ones and with references resolved.
        made: transport → a function that sends an event by the real client; for those that do
            not post over HTTP.
    """
    pool = urllib3.PoolManager(
        maxsize=8, retries=False, timeout=urllib3.Timeout(connect=_CONNECT_S, read=_READ_S)
    )
    return tuple(
        ForwardRoute(name, _by_http(pool, one) if _posts(one) else _by_client(made(one)))
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
    def send(asked: PostedRequest) -> Answer:
        with ThreadPoolExecutor(1) as pool:  # a transport may raise what it likes
            error = pool.submit(lambda: emit(json.loads(asked.body))).exception()
        if error:
            return _no_answer(str(error) or type(error).__name__)
        return Answer(201, (("content-type", "application/json"),), b"{}")

    return send


def _no_answer(reason: str) -> Answer:
    body = f"floe-local: the backend did not take it: {reason}".encode()
    return Answer(_BAD_GATEWAY, (("content-type", "text/plain; charset=utf-8"),), body)
