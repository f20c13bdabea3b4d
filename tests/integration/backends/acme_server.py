"""Acme, a SaaS of ours for the tests of ``--live``: OTLP and OpenLineage in, ids out, over TLS.

Runs in a container, with the standard library alone: ``python3 acme_server.py CERTIFICATE``.
8443 is what everybody reaches. 8080 is for the test: ``GET /seen`` tells the paths that were
asked for, ``POST /set`` changes how it answers.
"""

from __future__ import annotations

import gzip
import json
import ssl
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar

READ_KEY = "acme-second-credential"


class Acme(BaseHTTPRequestHandler):
    """Keeps the bodies that it takes, and shows an id where one of them holds it."""

    told: ClassVar[dict[str, Any]] = {"status": 200, "keep": True}
    kept: ClassVar[list[bytes]] = []
    seen: ClassVar[list[str]] = []
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.seen.append(self.path)
        if self.told["status"] == 200 and self.told["keep"]:
            packed = self.headers.get("Content-Encoding") == "gzip"
            self.kept.append(gzip.decompress(body) if packed else body)
        self.answer(self.told["status"], {})

    def do_GET(self) -> None:
        """Show a trace, or refuse: in words that quote the credential, as some backends do."""
        self.seen.append(self.path)
        key = self.headers.get("X-Read-Key", "")
        if key != READ_KEY:
            self.answer(401, {"error": f"unknown key {key}"})
            return
        asked = self.path.rpartition("/")[2]
        held = any(bytes.fromhex(asked) in body for body in self.kept)
        self.answer(200 if held else 404, {"id": asked, "key": key} if held else {})

    def answer(self, status: int, document: dict[str, Any]) -> None:
        """Answer with JSON."""
        body = json.dumps(document).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


class Control(Acme):
    """The test's own door."""

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.told.update(json.loads(body))
        self.seen.clear()
        self.answer(200, self.told)

    def do_GET(self) -> None:
        """Tell what was asked for."""
        self.answer(200, {"seen": self.seen})


def main() -> None:
    """Serve both doors."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(sys.argv[1])
    server = ThreadingHTTPServer(("", 8443), Acme)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=ThreadingHTTPServer(("", 8080), Control).serve_forever).start()
    server.serve_forever()


if __name__ == "__main__":
    main()
