"""Answers in the backend's words."""

from __future__ import annotations

import json
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from flask import Response

from sandbox_recorder.config import Wording

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sandbox_recorder.config import Route
    from sandbox_recorder.refusals import Refused

_TOO_MANY = 429
JSON = "application/json"


def json_answer(value: Any, status: int = 200) -> Response:
    """An answer of the control port."""
    return Response(json.dumps(value), status, content_type=JSON)


def accepted(route: Route, content_type: str) -> Response:
    """The answer to a request that was taken."""
    if route.decode == "otlp" and route.answer.body is None:
        # OTLP answers in the request's encoding; nothing rejected is an empty message.
        empty = "{}" if content_type == JSON else ""
        return Response(empty, route.answer.status, content_type=content_type)
    return _worded(route.answer, route.answer.status)


def refused(problem: Refused, answers: Mapping[int, Wording]) -> Response:
    """The answer to a request that was refused: the backend's, or the status in words."""
    generic = Wording(body={"error": _phrase(problem.status)})
    answer = _worded(answers.get(problem.status, generic), problem.status)
    answer.headers.extend(problem.headers)
    if problem.status == _TOO_MANY:
        answer.headers.setdefault("Retry-After", "1")
    return answer


def _worded(wording: Wording, status: int) -> Response:
    body = wording.body
    text = "" if body is None else body if isinstance(body, str) else json.dumps(body)
    answer = Response(text, status, content_type=wording.content_type)
    answer.headers.extend(wording.headers)
    return answer


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return f"status {status}"
