"""What reaches a stack in a way in which nothing arrives: wrong protocol, wrong path.

A client that does so is silent, or its error is swallowed. What was tried of the Collector
(0.155): its gRPC port logs the greeting of a client that speaks HTTP or TLS (at level debug
only), its HTTP port counts requests by status (at metrics level detailed only; a gRPC client's
preface is a request in HTTP/2). TLS on the HTTP port is neither logged nor counted.
"""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

from floe_local.prove.read.collector import parse_metrics

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

DatedLine = tuple[str, str]
"""A line of a log, and when it was written (RFC 3339)."""

_GREETING = re.compile(r'received bogus greeting from client: \\?"(?P<greeting>[^\t]*)')
_TLS = r"\\x16\\x03"
_COUNTER = "http_server_request_duration_count"
_NOWHERE = frozenset({"404", "405"})
_NOT_OTLP = frozenset({"400", "415"})


class Misdirected(NamedTuple):
    """What something sends, how often, and since when, as far as that is known."""

    what: str
    to: str
    mend: str
    times: int = 1
    first: str = ""
    last: str = ""

    def __str__(self) -> str:
        """The finding in a line, with what to set."""
        return f"something sends {self.what} to {self.to} {self._when()}: {self.mend}"

    def _when(self) -> str:
        often = "once" if self.times == 1 else f"{self.times} times"
        if not self.first:
            return f"since the Collector was started ({often})"
        if self.times == 1:
            return f"at {_seconds(self.first)} (once)"
        return f"since {_seconds(self.first)}, last at {_seconds(self.last)} ({often})"


def _seconds(when: str) -> str:
    """``2026-01-02T03:04:05.678901234Z`` → ``2026-01-02T03:04:05Z``."""
    return f"{when[:19]}Z"


def to_grpc(lines: Iterable[DatedLine], url: str) -> Iterator[Misdirected]:
    """What the Collector's log tells of its gRPC port, which is `url` for clients."""
    greetings = [
        (when, match["greeting"]) for when, text in lines if (match := _GREETING.search(text))
    ]
    tls = [when for when, greeting in greetings if greeting.startswith(_TLS)]
    http = [when for when, greeting in greetings if re.match(r"[A-Z]+ ", greeting)]
    to = f"the Collector's gRPC port ({url})"
    if tls:
        mend = f"set OTEL_EXPORTER_OTLP_ENDPOINT={url} and OTEL_EXPORTER_OTLP_INSECURE=true"
        yield Misdirected("TLS", to, mend, len(tls), tls[0], tls[-1])
    if http:
        mend = (
            "set OTEL_EXPORTER_OTLP_PROTOCOL=grpc; a client that only speaks HTTP needs "
            "what `floe-local env --protocol http/protobuf` prints"
        )
        yield Misdirected("HTTP", to, mend, len(http), http[0], http[-1])


def to_http(page: str, url: str) -> Iterator[Misdirected]:
    """What the Collector's own metrics tell of its HTTP port, which is `url` for clients."""
    counted = [
        (labels, int(value)) for name, labels, value in parse_metrics(page) if name == _COUNTER
    ]
    grpc = sum(n for labels, n in counted if labels.get("network_protocol_version") == "2.0")
    posted = [(labels, n) for labels, n in counted if labels.get("http_request_method") == "POST"]
    by_status: Counter[str] = Counter()
    for labels, n in posted:
        by_status[labels.get("http_response_status_code", "")] += n
    to = f"the Collector's HTTP port ({url})"
    if grpc:
        mend = (
            "set OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf; a client that only speaks gRPC needs "
            "what `floe-local env --protocol grpc` prints"
        )
        yield Misdirected("gRPC", to, mend, grpc)
    if times := sum(by_status[status] for status in _NOWHERE):
        mend = (
            f"set OTEL_EXPORTER_OTLP_ENDPOINT={url}, to which clients add /v1/traces, /v1/metrics "
            "or /v1/logs; OTEL_EXPORTER_OTLP_TRACES_ENDPOINT and its like are whole addresses"
        )
        yield Misdirected("HTTP requests to an unknown path", to, mend, times)
    if times := sum(by_status[status] for status in _NOT_OTLP):
        mend = "set OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf"
        yield Misdirected("HTTP requests that are not OTLP", to, mend, times)


def by_log(
    lines: Iterable[DatedLine], pattern: str, service: str, mend: str
) -> Iterator[Misdirected]:
    """What a service's log tells of paths that it does not serve.

    Args:
        lines: of its log.
        pattern: a regular expression with the groups ``method``, ``path`` and ``status``.
        service: its name.
        mend: what to set.
    """
    found: dict[str, list[str]] = {}
    for when, text in lines:
        if match := re.search(pattern, text):
            what = f"{match['method']} {match['path'].partition('?')[0]} (HTTP {match['status']})"
            found.setdefault(what, []).append(when)
    for what, times in found.items():
        yield Misdirected(what, service, mend, len(times), times[0], times[-1])
