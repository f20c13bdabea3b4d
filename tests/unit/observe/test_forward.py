"""Events handed on to backends whose transport does not post over HTTP."""

from __future__ import annotations

from typing import Any

import pytest

from floe_local.observe.tap.forward import Forwarder, routes_of
from floe_local.observe.tap.servers import PostedRequest

OTHER = ("other", {"type": "a-cloud-s-own"})


class NobodyTakesItError(BaseException):
    """What a transport may raise: anything."""


def posted(body: bytes) -> PostedRequest:
    return PostedRequest("POST", "/api/v1/lineage", (), body)


@pytest.mark.parametrize(
    ("error", "says"),
    [
        (OSError("no route"), b"no route"),
        (KeyError(), b"KeyError"),
        (NobodyTakesItError("not me"), b"not me"),
    ],
)
def test_what_a_client_raises_is_an_answer(error: BaseException, says: bytes) -> None:
    def emit(_event: dict[str, Any]) -> None:
        raise error

    answer = Forwarder(routes_of([OTHER], lambda _: emit))(posted(b"{}"))

    assert answer.status == 502
    assert answer.body == b"floe-local: the backend did not take it: " + says


def test_an_event_goes_out_by_the_client_of_its_transport() -> None:
    taken: list[dict[str, Any]] = []
    forward = Forwarder(routes_of([OTHER], lambda _: taken.append))

    assert forward(posted(b'{"eventType": "START"}')).status == 201
    assert forward(posted(b"{")).status == 502
    assert taken == [{"eventType": "START"}]
