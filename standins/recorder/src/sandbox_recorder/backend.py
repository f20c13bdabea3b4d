"""The port that plays the backend."""

from __future__ import annotations

import logging
import sqlite3
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from flask import Flask, Response, request

from sandbox_recorder import SERVER_HEADER, answers
from sandbox_recorder.credentials import masked
from sandbox_recorder.incoming import Incoming
from sandbox_recorder.intake import LARGEST_BODY, Intake
from sandbox_recorder.refusals import Refused
from sandbox_recorder.store import Entry

if TYPE_CHECKING:
    from sandbox_recorder.config import Config
    from sandbox_recorder.decoders import Decoders
    from sandbox_recorder.failures import Failures
    from sandbox_recorder.intake import Taken
    from sandbox_recorder.store import Store

_METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")

_log = logging.getLogger("sandbox_recorder")


def create_backend(config: Config, store: Store, failures: Failures, decoders: Decoders) -> Flask:
    """The application that plays the backend, to be served by any WSGI server.

    Raises:
        ConfigError: If a route names a decoder that is not there.
    """
    app = Flask("sandbox_recorder.backend", static_folder=None)
    app.url_map.merge_slashes = False
    intake = Intake(config, failures, decoders)

    @app.route("/", defaults={"path": ""}, methods=_METHODS, provide_automatic_options=False)
    @app.route("/<path:path>", methods=_METHODS, provide_automatic_options=False)
    def serve(path: str) -> Response:  # noqa: ARG001 - routes are matched by the path as sent
        incoming, now = _incoming(), datetime.now(UTC)
        taken = intake.take(incoming, now)
        answer = _answer(taken, incoming, config)
        entry = _entry(
            taken, incoming, answer.status_code, now, masked(config.credential, incoming)
        )
        store.add(entry, taken.found, (taken.route and taken.route.decode) or "")
        return answer

    @app.errorhandler(sqlite3.Error)
    def on_fault(problem: sqlite3.Error) -> Response:
        _log.error("the store failed: %s", problem)
        return answers.refused(Refused(500, "the store failed"), config.answers)

    @app.after_request
    def name_server(response: Response) -> Response:
        response.headers["Server"] = SERVER_HEADER
        return response

    return app


def _incoming() -> Incoming:
    path, _, query = request.environ["REQUEST_URI"].partition("?")
    return Incoming(
        method=request.method,
        path=path,
        query=query,
        headers={name.lower(): value for name, value in request.headers.items()},
        body=request.stream.read(LARGEST_BODY + 1),
    )


def _answer(taken: Taken, incoming: Incoming, config: Config) -> Response:
    if taken.refusal:
        return answers.refused(taken.refusal, config.answers)
    assert taken.route is not None  # noqa: S101 - only a refused request has none
    return answers.accepted(taken.route, incoming.content_type)


def _entry(
    taken: Taken, incoming: Incoming, status: int, now: datetime, credential: str | None
) -> Entry:
    reason, outcome = None, "accepted"
    if taken.refusal:
        reason, outcome = taken.refusal.reason, "refused"
    elif taken.ignored:
        reason, outcome = taken.ignored[0], "ignored"
    return Entry(
        at=now.isoformat(timespec="milliseconds"),
        method=incoming.method,
        path=incoming.path,
        status=status,
        content_type=incoming.content_type,
        encoding=incoming.encoding,
        bytes=len(incoming.body),
        credential=credential,
        signal=taken.route.signal if taken.route else None,
        items=len(taken.found),
        reason=reason,
        outcome=outcome,
    )
