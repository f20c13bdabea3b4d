"""Start the recorder: `python3 -m sandbox_recorder`."""

from __future__ import annotations

import logging
import os
import signal
import sqlite3
import sys
import threading
from typing import TYPE_CHECKING, NoReturn, cast

from waitress.server import create_server

from sandbox_recorder import SERVER_HEADER
from sandbox_recorder.backend import create_backend
from sandbox_recorder.config import ConfigError, read_config
from sandbox_recorder.control import create_control
from sandbox_recorder.decoders import make_decoders
from sandbox_recorder.failures import Failures
from sandbox_recorder.intake import LARGEST_BODY
from sandbox_recorder.messages import Messages
from sandbox_recorder.settings import from_environment
from sandbox_recorder.store import open_store

if TYPE_CHECKING:
    from types import FrameType
    from wsgiref.types import WSGIApplication

    from flask import Flask
    from waitress.server import BaseWSGIServer

    from sandbox_recorder.settings import Settings

_BACKEND_PORT, _CONTROL_PORT = 8080, 8081
_CONTROL_THREADS = 2

_log = logging.getLogger("sandbox_recorder")


def main() -> None:
    """Serve both ports until a signal ends the process."""
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s: %(message)s")
    logging.getLogger("waitress.queue").setLevel(logging.ERROR)
    signal.signal(signal.SIGTERM, _stop)
    settings = from_environment(os.environ)
    try:
        backend, control = _applications(settings)
    except (ConfigError, OSError, sqlite3.Error) as problem:
        _log.error("%s", problem)
        sys.exit(1)
    # Both ports listen before either answers: ready means that requests are taken, too.
    servers = (
        _listen(backend, _BACKEND_PORT, settings.threads),
        _listen(control, _CONTROL_PORT, _CONTROL_THREADS),
    )
    _log.info("%s: port %d plays, port %d tells", SERVER_HEADER, _BACKEND_PORT, _CONTROL_PORT)
    threading.Thread(target=servers[1].run, daemon=True).start()
    servers[0].run()


def _applications(settings: Settings) -> tuple[Flask, Flask]:
    config = read_config(settings.config)
    _log.info("plays %s: nothing that it is sent leaves this machine", config.backend)
    decoders = make_decoders(Messages.load(settings.messages))
    store = open_store(settings.database, settings.most_items, settings.most_requests)
    failures = Failures()
    return (
        create_backend(config, store, failures, decoders),
        create_control(store, failures, decoders),
    )


def _listen(app: WSGIApplication, port: int, threads: int) -> BaseWSGIServer:
    server = create_server(
        app,
        host="0.0.0.0",  # noqa: S104 - of the container's own network
        port=port,
        threads=threads,
        ident=SERVER_HEADER,
        max_request_body_size=LARGEST_BODY,
    )
    return cast("BaseWSGIServer", server)


def _stop(_number: int, _frame: FrameType | None) -> NoReturn:
    sys.exit(0)


if __name__ == "__main__":
    main()
