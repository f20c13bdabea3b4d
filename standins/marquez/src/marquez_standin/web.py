"""The two ports: routes, what a request's path and query hold, and what answers have in common."""

from __future__ import annotations

import json
import logging
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TypeAlias
from urllib.parse import unquote_to_bytes

import psycopg
from flask import Flask, Response, request
from psycopg_pool import PoolTimeout
from werkzeug.exceptions import HTTPException

from marquez_standin import SERVER_HEADER, body, event, intake, lineage, read
from marquez_standin.errors import (
    ApiError,
    IllegalNameError,
    RefusedError,
    error,
    fault,
    violations,
)
from marquez_standin.identity import (
    Node,
    checked_name,
    checked_namespace,
    parse_node,
    strict_uuid,
)
from marquez_standin.times import instant_text, parse_event_time

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from uuid import UUID
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

    from marquez_standin.store import Connection, Pool

    View: TypeAlias = Callable[..., Any]

_log = logging.getLogger("marquez_standin")

_DEPTH = 20
_LIMIT = 100
_LARGEST = 2**31 - 1
_PATIENCE = 5.0  # seconds for a connection
_SLASH = "\x1f"  # stands for a slash inside a part of the path; no name can hold it

_NAMESPACE = "/namespaces/<namespace>"
_JOB = f"{_NAMESPACE}/jobs/<job>"
_DATASET = f"{_NAMESPACE}/datasets/<dataset>"
_NOT_HERE = "this is a stand-in for Marquez, which does not answer this: see docs/stand-in.md"


def create_api(pool: Pool) -> Flask:
    """The API.

    Args:
        pool: Connections to the database.

    Returns:
        The application, to be served by any WSGI server behind `keep_slashes_apart`.
    """
    app = Flask("marquez_standin", static_folder=None)
    app.url_map.strict_slashes = False
    app.url_map.merge_slashes = False
    _add_reception(app, pool)
    for path, ask in _READS.items():
        _add(app, pool, "GET", path, ask)
    _add(app, pool, "DELETE", _JOB, _hide_job)
    _add(app, pool, "DELETE", _DATASET, _hide_dataset)
    _handle_errors(app)
    app.after_request(_name_server)
    app.after_request(_log_misdirected)
    return app


def _log_misdirected(response: Response) -> Response:
    """Log what is posted to no path of the API, in the form of the real server's request log."""
    if request.method in {"POST", "PUT"} and response.status_code in {404, 405}:
        line = f"{request.method} {request.path} HTTP/1.1"
        _log.info('%s "%s" %d', request.remote_addr, line, response.status_code)
    return response


def _add_reception(app: Flask, pool: Pool) -> None:
    @app.post("/api/v1/lineage")
    def receive() -> Response:
        value = body.read(request.get_data(), request.headers.get)
        received = event.parse(value)
        refusal: RefusedError | None = None
        with pool.connection() as connection:
            try:
                intake.take_in(connection, received)
            except RefusedError as problem:
                refusal = problem  # what was written before stays: the block commits
        if refusal:
            raise refusal
        return _answer(None, 201)


def _add(app: Flask, pool: Pool, method: str, path: str, ask: View) -> None:
    def view(**parts: str) -> Response:
        with pool.connection() as connection:
            return _answer(ask(connection, **parts))

    app.add_url_rule(f"/api/v1{path}", f"{method} {path}", view, methods=[method])


# Routes -----------------------------------------------------------------------


def _hide_job(connection: Connection, namespace: str, job: str) -> Any:
    return read.hide_job(connection, _namespace(namespace), _name(job))


def _hide_dataset(connection: Connection, namespace: str, dataset: str) -> Any:
    return read.hide_dataset(connection, _namespace(namespace), _name(dataset))


def _facets(connection: Connection, run: str) -> Any:
    kind = request.args.get("type", "").upper()
    if kind not in {"RUN", "JOB", "DATASET"}:
        raise error(400, "query param type must be one of [RUN, JOB, DATASET]")
    return read.facets_of_run(connection, _uuid(run), kind)


def _graph(connection: Connection) -> Any:
    return lineage.graph(connection, _node(), _integer("depth", _DEPTH))


def _events(connection: Connection) -> Any:
    between = _moment("after", "1970-01-01T00:00:00Z"), _moment("before", "2030-01-01T00:00:00Z")
    newest_first = request.args.get("sortDirection", "").lower() != "asc"
    return read.events(connection, between, *_paging(), newest_first=newest_first)


_READS: dict[str, View] = {
    "/namespaces": lambda connection: read.namespaces(connection, *_paging()),
    _NAMESPACE: lambda connection, namespace: read.namespace(connection, _namespace(namespace)),
    "/jobs": lambda connection: read.jobs(connection, None, *_paging()),
    f"{_NAMESPACE}/jobs": lambda connection, namespace: read.jobs(
        connection, _namespace(namespace), *_paging()
    ),
    _JOB: lambda connection, namespace, job: read.job(
        connection, _namespace(namespace), _name(job)
    ),
    f"{_JOB}/runs": lambda connection, namespace, job: read.runs_of_job(
        connection, (_namespace(namespace), _name(job)), *_paging()
    ),
    "/jobs/runs/<run>": lambda connection, run: read.run(connection, _uuid(run)),
    "/jobs/runs/<run>/facets": _facets,
    f"{_NAMESPACE}/datasets": lambda connection, namespace: read.datasets(
        connection, _namespace(namespace), *_paging()
    ),
    _DATASET: lambda connection, namespace, dataset: read.dataset(
        connection, _namespace(namespace), _name(dataset)
    ),
    "/lineage": _graph,
    "/events/lineage": _events,
}


# What a path and a query hold -------------------------------------------------


def keep_slashes_apart(app: WSGIApplication) -> WSGIApplication:
    """Wrap an application so that an encoded slash does not end a part of the path.

    WSGI hands on the path decoded, where the two kinds of slash are the same.
    """

    def wrapped(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        raw = environ["REQUEST_URI"].partition("?")[0]
        parts = (unquote_to_bytes(part).decode("latin-1") for part in raw.split("/"))
        environ["PATH_INFO"] = "/".join(part.replace("/", _SLASH) for part in parts)
        return app(environ, start_response)

    return wrapped


def _namespace(part: str) -> str:
    return checked_namespace(part.replace(_SLASH, "/"))


def _name(part: str) -> str:
    return checked_name(part.replace(_SLASH, "/"))


def _uuid(text: str) -> UUID:
    found = strict_uuid(text)
    if found is None:
        raise IllegalNameError(text)
    return found


def _integer(name: str, default: int) -> int:
    text = request.args.get(name)
    try:
        number = int(text) if text else default
    except ValueError as problem:
        raise IllegalNameError(text) from problem
    if number > _LARGEST:
        raise IllegalNameError(text)
    return number


def _paging() -> tuple[int, int]:
    """Limit and offset; 400 if one is negative."""
    limit, offset = _integer("limit", _LIMIT), _integer("offset", 0)
    negative = [name for name, value in (("offset", offset), ("limit", limit)) if value < 0]
    if negative:
        raise violations(
            400, [f"query param {name} must be greater than or equal to 0" for name in negative]
        )
    return limit, offset


def _moment(name: str, default: str) -> datetime:
    text = request.args.get(name, default)
    try:
        return parse_event_time(text.replace(" ", "+")).instant
    except ValueError as problem:
        raise error(400, f"query param {name} is not a time: {text}") from problem


def _node() -> Node:
    text = request.args.get("nodeId")
    if text is None:
        raise violations(400, ["query param nodeId must not be null"])
    return parse_node(text)


# Answers ----------------------------------------------------------------------


def _answer(value: Any, status: int = 200) -> Response:
    """A JSON answer; None is an empty one without a type."""
    if value is None:
        empty = Response(status=status)
        del empty.headers["Content-Type"]
        return empty
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return Response(text.encode(), status, content_type="application/json")


def _name_server(response: Response) -> Response:
    response.headers["Server"] = SERVER_HEADER
    return response


def _handle_errors(app: Flask) -> None:
    app.register_error_handler(ApiError, lambda problem: _answer(problem.body, problem.status))
    app.register_error_handler(
        IllegalNameError, lambda _problem: _answer(error(404, "HTTP 404 Not Found").body, 404)
    )
    app.register_error_handler(HTTPException, _on_http_error)
    for kind in (psycopg.Error, PoolTimeout, LookupError, ValueError):
        app.register_error_handler(kind, _on_fault)


def _on_http_error(problem: HTTPException) -> Response:
    code = problem.code or 500
    message = f"{problem.name}: {_NOT_HERE}" if code in {404, 405} else problem.name
    return _answer({"code": code, "message": message}, code)


def _on_fault(problem: Exception) -> Response:
    _log.error("%s: %s", type(problem).__name__, problem)
    answered = fault()
    return _answer(answered.body, answered.status)


# The admin port ---------------------------------------------------------------


def create_admin(pool: Pool) -> Flask:
    """The admin application: `/ping` and `/healthcheck`."""
    app = Flask("marquez_standin_admin", static_folder=None)

    @app.get("/ping")
    def ping() -> Response:
        return Response("pong\n", content_type="text/plain;charset=iso-8859-1")

    @app.get("/healthcheck")
    def healthcheck() -> Response:
        started = time.monotonic()
        problem = _database_problem(pool)
        spent = int((time.monotonic() - started) * 1000)
        checks = {"deadlocks": _check(None, 0), "postgresql": _check(problem, spent)}
        return _answer(checks, 500 if problem else 200)

    app.after_request(_name_server)
    return app


def _database_problem(pool: Pool) -> str | None:
    try:
        with pool.connection(timeout=_PATIENCE) as connection:
            connection.execute("SELECT 1")
    except (psycopg.Error, PoolTimeout) as problem:
        return type(problem).__name__
    return None


def _check(problem: str | None, duration: int) -> dict[str, Any]:
    moment = datetime.now(UTC)
    whole = moment.replace(microsecond=moment.microsecond // 1000 * 1000)
    checked: dict[str, Any] = {"healthy": problem is None}
    if problem:
        checked["message"] = problem
    return checked | {"duration": duration, "timestamp": instant_text(whole)}
