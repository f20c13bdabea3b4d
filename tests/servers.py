"""HTTP servers on loopback that give one answer to everything, and keep what they are sent."""

from __future__ import annotations

import json
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

POLL_S = 0.02
"""How soon a server ends that is to end."""


class _Handler(BaseHTTPRequestHandler):
    server: AnsweringServer

    def do_GET(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        request = {"path": self.path, **{k.lower(): v for k, v in self.headers.items()}}
        self.server.requests.append({"method": self.command, **request})
        body = self.server.body(request["host"])
        self.send_response(self.server.status)
        for name, value in {**self.server.headers, "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    do_POST = do_GET  # noqa: N815 - the base's name

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base's name
        """Keep the tests' output clean."""


class AnsweringServer(ThreadingHTTPServer):
    """Answers every GET and POST with one body, a JSON document or bytes, on a free port.

    `requests` are those it got: method, path, and headers by their names in lower case. With
    `tells_host` a document also says which host was called.
    """

    def __init__(
        self,
        document: Mapping[str, object] | bytes,
        status: int,
        headers: Mapping[str, str],
        *,
        tells_host: bool,
    ) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.document = document
        self.status = status
        self.headers = headers
        self.tells_host = tells_host
        self.requests: list[dict[str, str]] = []

    @property
    def url(self) -> str:
        """The server's base URL."""
        return f"http://127.0.0.1:{self.server_port}"

    @property
    def address(self) -> tuple[str, int]:
        """Its host and port."""
        return "127.0.0.1", self.server_port

    def body(self, host: str) -> bytes:
        """The body of an answer to a request for a host."""
        if isinstance(self.document, bytes):
            return self.document
        more = {"host": host} if self.tells_host else {}
        return json.dumps({**self.document, **more}).encode()


@contextmanager
def answering(
    document: Mapping[str, object] | bytes = b"{}",
    status: int = 200,
    headers: Mapping[str, str] | None = None,
    *,
    tells_host: bool = True,
) -> Iterator[AnsweringServer]:
    """Run a server until the end of the block."""
    with AnsweringServer(document, status, headers or {}, tells_host=tells_host) as server:
        thread = threading.Thread(target=server.serve_forever, args=(POLL_S,))
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()
