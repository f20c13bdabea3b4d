"""Start the stand-in: `python3 -m marquez_standin`."""

from __future__ import annotations

import logging
import os
import signal
import sys
import threading
from typing import TYPE_CHECKING, NoReturn, cast

from psycopg_pool import PoolTimeout
from waitress.server import create_server

from marquez_standin import SERVER_HEADER
from marquez_standin.store import create_default_namespace, from_environment, open_pool
from marquez_standin.web import create_admin, create_api, keep_slashes_apart

if TYPE_CHECKING:
    from types import FrameType
    from wsgiref.types import WSGIApplication

    from waitress.server import BaseWSGIServer

_ADMIN_THREADS = 2
# JSON may be nested a thousand deep.
_DEEPEST_CALL = 8000
_STACK = 64 * 1024 * 1024  # bytes

_log = logging.getLogger("marquez_standin")


def main() -> None:
    """Wait for the database, then serve both ports until a signal ends the process."""
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s: %(message)s")
    logging.getLogger("waitress.queue").setLevel(logging.ERROR)
    logging.getLogger("psycopg.pool").setLevel(logging.ERROR)
    signal.signal(signal.SIGTERM, _stop)
    sys.setrecursionlimit(_DEEPEST_CALL)
    threading.stack_size(_STACK)
    settings = from_environment(os.environ)
    _log.info("%s: this is a stand-in, not the real Marquez", SERVER_HEADER)
    try:
        pool = open_pool(settings)
    except PoolTimeout:
        where = f"{settings.database_host}:{settings.database_port}/{settings.database_name}"
        _log.error("no database at %s within %.0f s", where, settings.database_deadline)
        sys.exit(1)
    with pool.connection() as connection:
        create_default_namespace(connection)
    # Both ports listen before either answers: healthy means that events are taken, too.
    api = _listen(keep_slashes_apart(create_api(pool)), settings.api_port, settings.threads)
    admin = _listen(create_admin(pool), settings.admin_port, _ADMIN_THREADS)
    _log.info("API on port %d, admin on port %d", settings.api_port, settings.admin_port)
    threading.Thread(target=admin.run, daemon=True).start()
    api.run()


def _listen(app: WSGIApplication, port: int, threads: int) -> BaseWSGIServer:
    everywhere = "0.0.0.0"  # noqa: S104 - of the container's own network
    server = create_server(app, host=everywhere, port=port, threads=threads, ident=SERVER_HEADER)
    return cast("BaseWSGIServer", server)


def _stop(_number: int, _frame: FrameType | None) -> NoReturn:
    sys.exit(0)


if __name__ == "__main__":
    main()
