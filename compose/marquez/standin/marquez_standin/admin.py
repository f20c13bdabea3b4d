"""The admin port: is the server there, and is its database?"""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import psycopg
from flask import Flask, Response
from psycopg_pool import PoolTimeout

from marquez_standin import SERVER_HEADER
from marquez_standin.answers import answer
from marquez_standin.times import instant_text

if TYPE_CHECKING:
    from marquez_standin.store import Pool

_PATIENCE = 5.0  # seconds for a connection


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
        return answer(checks, 500 if problem else 200)

    @app.after_request
    def name_server(response: Response) -> Response:
        response.headers["Server"] = SERVER_HEADER
        return response

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
