"""Keep the user's environment out of the canaries, and the libraries' logs out of stderr."""

from __future__ import annotations

import logging
import os
import sys
import tempfile
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

from floe_local.errors import on_path
from floe_local.plan.caller import for_clients
from floe_local.plan.plugins.process import Child

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_PREFIXES = ("OTEL_", "OPENLINEAGE_")
_NO_PROXY = ("NO_PROXY", "no_proxy")
_LOOPBACK = "localhost,127.0.0.1,::1"
_LIBRARIES = ("opentelemetry", "openlineage", "urllib3", "grpc")
_MODULE = "floe_local.prove.send.client_process"


@contextmanager
def start_sender() -> Iterator[Child]:
    """Start the process that sends; it loads the SDKs until it is given a request.

    They take longer to load than to send, so this is worth calling before everything else.
    The process sees nothing of the caller's environment but what any program needs to start.
    """
    with on_path(tempfile.gettempdir()):
        home = tempfile.TemporaryDirectory(prefix="floe-local-client-")
    with home as folder:
        environment = for_clients(os.environ, sys.path, folder, {})
        with Child(None, environment, module=_MODULE, folder=folder) as child:
            yield child


@contextmanager
def clean_environment(dummies: Mapping[str, str] | None = None) -> Iterator[None]:
    """Hide settings of the SDKs and keep proxies off loopback, for the time of a smoke test.

    `dummies` are variables to set meanwhile: credentials of sandboxed backends.

    The SDKs read their variables in many places, some long after construction, so that
    passing everything explicitly is not enough. This changes the whole process: a program
    that uses the SDKs for itself runs smoke tests in a process of their own.
    """
    hidden = {name: text for name, text in os.environ.items() if name.startswith(_PREFIXES)}
    before = {name: os.environ.get(name) for name in (*_NO_PROXY, *(dummies or {}))}
    for name in hidden:
        del os.environ[name]
    for name in _NO_PROXY:
        os.environ[name] = ",".join(filter(None, (before[name], _LOOPBACK)))
    os.environ.update(dummies or {})
    try:
        yield
    finally:
        os.environ.update(hidden)
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


class Messages(logging.Handler):
    """The last message that a library logged in each thread: why an export failed."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self._by_thread: dict[int, str] = {}

    def emit(self, record: logging.LogRecord) -> None:
        """Keep the message."""
        self._by_thread[threading.get_ident()] = record.getMessage()

    def take(self) -> str:
        """Return this thread's last message once."""
        return self._by_thread.pop(threading.get_ident(), "")


@contextmanager
def capture_logs() -> Iterator[Messages]:
    """Route what the SDKs log into a `Messages`, and nowhere else."""
    messages = Messages()
    loggers = [logging.getLogger(name) for name in _LIBRARIES]
    before = [(logger.handlers[:], logger.propagate) for logger in loggers]
    for logger in loggers:
        logger.handlers, logger.propagate = [messages], False
    try:
        yield messages
    finally:
        for logger, (handlers, propagate) in zip(loggers, before, strict=True):
            logger.handlers, logger.propagate = handlers, propagate
