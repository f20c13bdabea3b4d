"""HTTP proxies in threads of the test process. `lose` changes what passes through."""

from __future__ import annotations

import gzip
import json
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import TYPE_CHECKING, Any, TypeVar

import urllib3
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_HOP_BY_HOP = {"host", "content-length", "transfer-encoding", "connection", "content-encoding"}


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Proxy

    def do_GET(self) -> None:
        self._relay(b"")

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if self.headers.get("Content-Encoding") == "gzip":
            body = gzip.decompress(body)
        self._relay(self.server.changed(body))

    def do_DELETE(self) -> None:
        self._relay(b"")

    def _relay(self, body: bytes) -> None:
        status, headers, answer = self.server.answered(
            self.command, self.path, dict(self.headers), body
        )
        self.send_response(status)
        for name, value in headers.items():
            if name.lower() not in _HOP_BY_HOP:
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base's name
        """Keep the tests' output clean."""


class Proxy(ThreadingHTTPServer):
    """Relays to `backend`; subclasses change bodies, or answer themselves."""

    daemon_threads = True

    def __init__(self, backend: str = "") -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.backend = backend
        self.lose: Callable[[Any], None] | None = None
        self.pool = urllib3.PoolManager(retries=False, maxsize=16)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def changed(self, body: bytes) -> bytes:
        return body

    def answered(
        self, method: str, path: str, headers: dict[str, str], body: bytes
    ) -> tuple[int, dict[str, str], bytes]:
        passed = {k: v for k, v in headers.items() if k.lower() not in _HOP_BY_HOP}
        answer = self.pool.request(method, self.backend + path, body=body, headers=passed)
        return answer.status, dict(answer.headers), answer.data


class OtlpProxy(Proxy):
    """Relays OTLP/HTTP; `lose` gets the decoded request, which is then encoded again."""

    def changed(self, body: bytes) -> bytes:
        if self.lose is None:
            return body
        request = ExportTraceServiceRequest.FromString(body)
        self.lose(request)
        return bytes(request.SerializeToString())


class LineageProxy(Proxy):
    """Relays OpenLineage events; `lose` gets each event's JSON."""

    def changed(self, body: bytes) -> bytes:
        if self.lose is None:
            return body
        event = json.loads(body)
        self.lose(event)
        return json.dumps(event).encode()


class AlwaysYes(Proxy):
    """Answers for what is not there with an earlier answer, and never with 404."""

    def __init__(self, backend: str) -> None:
        super().__init__(backend)
        self.last = b"{}"

    def answered(
        self, method: str, path: str, headers: dict[str, str], body: bytes
    ) -> tuple[int, dict[str, str], bytes]:
        status, found, answer = super().answered(method, path, headers, body)
        if status == 404 and method == "GET":
            return 200, found, self.last
        self.last = answer
        return status, found, answer


class Swallowing(Proxy):
    """Acknowledges everything and passes nothing on."""

    def answered(
        self, method: str, path: str, headers: dict[str, str], body: bytes
    ) -> tuple[int, dict[str, str], bytes]:
        if method == "POST":
            return 201, {}, b""
        return super().answered(method, path, headers, body)


AnyProxy = TypeVar("AnyProxy", bound=Proxy)


@contextmanager
def serving(proxy: AnyProxy) -> Iterator[AnyProxy]:
    thread = Thread(target=proxy.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield proxy
    finally:
        proxy.shutdown()
        thread.join()
        proxy.server_close()
        proxy.pool.clear()
