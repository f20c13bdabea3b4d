"""The HTTP server: what every answer has in common."""

from __future__ import annotations

import html
import logging
from typing import TYPE_CHECKING

import psycopg
from flask import Flask, Response, request
from psycopg_pool import PoolTimeout
from werkzeug.exceptions import HTTPException

from marquez_standin import SERVER_HEADER, routes, routes_datasets, routes_jobs
from marquez_standin.answers import answer
from marquez_standin.errors import ApiError, BareError, IllegalNameError, logged_fault, no_such_page

if TYPE_CHECKING:
    from marquez_standin.store import Pool

_log = logging.getLogger("marquez_standin")

_HTML = """<html>
<head>
<meta http-equiv="Content-Type" content="text/html;charset=ISO-8859-1"/>
<title>Error {status} {reason}</title>
</head>
<body><h2>HTTP ERROR {status} {reason}</h2>
<table>
<tr><th>URI:</th><td>{path}</td></tr>
<tr><th>STATUS:</th><td>{status}</td></tr>
<tr><th>MESSAGE:</th><td>{reason}</td></tr>
<tr><th>SERVLET:</th><td>jersey</td></tr>
</table>

</body>
</html>
"""
_REASONS = {400: "Bad Request", 500: "Server Error"}


def create_api(pool: Pool) -> Flask:
    """The API.

    Args:
        pool: Connections to the database.

    Returns:
        The application, to be served by any WSGI server.
    """
    app = Flask("marquez_standin", static_folder=None)
    app.url_map.strict_slashes = False
    app.url_map.merge_slashes = False
    for module in (routes, routes_jobs, routes_datasets):
        app.register_blueprint(module.blueprint(pool), url_prefix="/api/v1")
    _handle_errors(app)
    app.after_request(_name_server)
    return app


def _name_server(response: Response) -> Response:
    response.headers["Server"] = SERVER_HEADER
    return response


def _handle_errors(app: Flask) -> None:
    app.register_error_handler(ApiError, _on_api_error)
    app.register_error_handler(BareError, _on_bare_error)
    app.register_error_handler(IllegalNameError, _on_illegal_name)
    app.register_error_handler(HTTPException, _on_http_error)
    for fault in (psycopg.Error, PoolTimeout, LookupError, ValueError):
        app.register_error_handler(fault, _on_fault)


def _on_api_error(problem: ApiError) -> Response:
    return answer(problem.body, problem.status)


def _on_bare_error(problem: BareError) -> Response:
    page = _HTML.format(
        status=problem.status,
        reason=problem.reason or _REASONS[problem.status],
        path=html.escape(request.path),
    )
    return Response(page, problem.status, content_type="text/html;charset=iso-8859-1")


def _on_illegal_name(_problem: IllegalNameError) -> Response:
    return _on_api_error(no_such_page())


def _on_http_error(problem: HTTPException) -> Response:
    code = problem.code or 500
    return answer({"code": code, "message": f"HTTP {code} {problem.name}"}, code)


def _on_fault(problem: Exception) -> Response:
    answered = logged_fault()
    _log.error("%s: %s: %s", answered.body["message"], type(problem).__name__, problem)
    return _on_api_error(answered)
