"""The control port: what arrived, and failures on demand."""

from __future__ import annotations

import itertools
import logging
import sqlite3
from typing import TYPE_CHECKING, Any

from flask import Flask, Response, request
from werkzeug.exceptions import HTTPException

from sandbox_recorder import SERVER_HEADER
from sandbox_recorder.answers import json_answer
from sandbox_recorder.config import SIGNALS
from sandbox_recorder.decoders.otlp_traces import OtlpTraces
from sandbox_recorder.failures import parse_failure

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sandbox_recorder.decoders import Decoders
    from sandbox_recorder.decoders.found import Decoder
    from sandbox_recorder.failures import Failures
    from sandbox_recorder.store import Store

MOST_ITEMS = 10_000
"""Items in one answer: memory stays flat whatever is asked for."""

_REQUESTS = 50
_OUTCOMES = ("requests", "accepted", "refused", "ignored")

_log = logging.getLogger("sandbox_recorder")


def create_control(store: Store, failures: Failures, decoders: Decoders) -> Flask:
    """The control application, to be served by any WSGI server."""
    app = Flask("sandbox_recorder.control", static_folder=None)
    app.url_map.merge_slashes = False
    _add_received(app, store, decoders)
    _add_failures(app, failures)

    @app.get("/ready")
    def ready() -> Response:
        store.counts()
        return json_answer({"ready": True})

    @app.errorhandler(HTTPException)
    def on_http_error(problem: HTTPException) -> Response:
        return json_answer({"error": problem.name}, problem.code or 500)

    @app.errorhandler(sqlite3.Error)
    def on_fault(problem: sqlite3.Error) -> Response:
        _log.error("the store failed: %s", problem)
        return json_answer({"error": "the store failed"}, 500)

    @app.after_request
    def name_server(response: Response) -> Response:
        response.headers["Server"] = SERVER_HEADER
        return response

    return app


def _add_received(app: Flask, store: Store, decoders: Decoders) -> None:
    @app.get("/received/<any(traces, metrics, logs, lineage):signal>/<path:key>")
    def received(signal: str, key: str) -> Response:
        wanted = request.args.to_dict()
        unpacked = ((decoders[one.decoder, signal], one.packed) for one in store.find(signal, key))
        # Without a filter nothing is unpacked to be looked at: a trace may have thousands of spans.
        matching = (
            pair for pair in unpacked if not wanted or _matches(pair[0].item(pair[1]), wanted)
        )
        return _received(list(itertools.islice(matching, MOST_ITEMS)))

    @app.get("/requests")
    def requests() -> Response:
        return json_answer(store.requests(request.args.get("limit", _REQUESTS, type=int)))

    @app.get("/counts")
    def counts() -> Response:
        return json_answer(_counts(store.counts()))

    @app.delete("/received")
    def forget() -> Response:
        store.clear()
        return json_answer({"forgotten": True})


def _received(found: list[tuple[Decoder, bytes]]) -> Response:
    body: dict[str, Any] = {"items": [decoder.item(packed) for decoder, packed in found]}
    otlp = [
        decoder.resource_spans(packed)
        for decoder, packed in found
        if isinstance(decoder, OtlpTraces)
    ]
    if otlp:
        body["resourceSpans"] = otlp
    return json_answer(body, 200 if found else 404)


def _matches(item: dict[str, Any], wanted: Mapping[str, str]) -> bool:
    return all(str(item.get(field)) == value for field, value in wanted.items())


def _counts(stored: Mapping[str, int]) -> dict[str, Any]:
    def of(group: str) -> dict[str, int]:
        return {signal: stored.get(f"{group}.{signal}", 0) for signal in SIGNALS}

    dropped = {"requests": stored.get("dropped.requests", 0), **of("dropped")}
    totals = {name: stored.get(name, 0) for name in _OUTCOMES}
    return {**totals, "items": of("items"), "dropped": dropped}


def _add_failures(app: Flask, failures: Failures) -> None:
    @app.get("/fail")
    def show() -> Response:
        return json_answer({"fail": failures.as_dict()})

    @app.put("/fail")
    def put() -> Response:
        try:
            failure = parse_failure(request.get_json(force=True, silent=True))
        except ValueError as problem:
            return json_answer({"error": str(problem)}, 400)
        failures.put(failure)
        return json_answer({"fail": failures.as_dict()})

    @app.delete("/fail")
    def clear() -> Response:
        failures.put(None)
        return json_answer({"fail": None})
