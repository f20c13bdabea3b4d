from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import ValidationError

from floe_local.plan.blueprint.model import Blueprint, Service
from floe_local.prove.misdirected import by_log, to_grpc, to_http

GRPC, HTTP = "http://127.0.0.1:4317", "http://127.0.0.1:4318"
FAILED = (
    "2026-11-25T03:26:29.401Z\tinfo\tgrpc@v1.81.1/server.go:1030\t[core] [Server #1] grpc: "
    "Server.Serve failed to create ServerTransport: connection error: desc = "
    '"transport: http2Server.HandleStreams received bogus greeting from client: '
)
TAIL = '""\t{"resource": {"service.name": "otelcol-contrib"}, "grpc_log": true}'
OVER_HTTP = f'{FAILED}\\"POST /v1/traces HTTP/1.1\\{TAIL}'
OVER_TLS = f'{FAILED}\\"\\\\x16\\\\x03\\\\x01\\\\x02\\\\x00\\\\x01\\{TAIL}'
OTHER = f'{FAILED}\\"\\\\x00\\\\x01\\{TAIL}'


def read_yaml(path: str) -> Any:
    return yaml.safe_load((Path(__file__).parents[3] / path).read_text("utf-8"))


def at(second: int) -> str:
    return f"2026-11-25T03:26:{second:02}.401678901Z"


def test_the_collectors_log_tells_of_its_grpc_port() -> None:
    """Its lines as version 0.155 wrote them."""
    lines = [
        (at(1), OVER_HTTP),
        (at(2), OVER_TLS),
        (at(3), OTHER),
        (at(4), "x"),
        (at(5), OVER_HTTP),
    ]
    tls, http = map(str, to_grpc(lines, GRPC))
    assert http.startswith(
        "something sends HTTP to the Collector's gRPC port (http://127.0.0.1:4317) "
        "since 2026-11-25T03:26:01Z, last at 2026-11-25T03:26:05Z (2 times): "
        "set OTEL_EXPORTER_OTLP_PROTOCOL=grpc"
    )
    assert "sends TLS" in tls
    assert "at 2026-11-25T03:26:02Z (once): " in tls
    assert f"set OTEL_EXPORTER_OTLP_ENDPOINT={GRPC}" in tls


def counter(method: str, status: str, version: str, times: int) -> str:
    labels = (
        f'http_request_method="{method}",http_response_status_code="{status}",'
        f'network_protocol_version="{version}",server_address="127.0.0.1",url_scheme="http"'
    )
    return f"http_server_request_duration_count{{{labels}}} {times}"


@pytest.mark.parametrize(
    ("counters", "what", "mend"),
    [
        ([counter("_OTHER", "400", "2.0", 2)], "gRPC", "OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf"),
        ([counter("POST", "404", "1.1", 2)], "unknown path", f"OTEL_EXPORTER_OTLP_ENDPOINT={HTTP}"),
        (
            [counter("POST", "415", "1.1", 1), counter("POST", "400", "1.1", 1)],
            "not OTLP",
            "OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf",
        ),
    ],
)
def test_the_collectors_counters_tell_of_its_http_port(
    counters: list[str], what: str, mend: str
) -> None:
    fine = [counter("POST", "200", "1.1", 9), counter("GET", "404", "1.1", 9)]
    (line,) = map(str, to_http("\n".join([*counters, *fine]), HTTP))
    assert what in line
    assert "(2 times)" in line
    assert f"set {mend}" in line


def test_what_came_once_is_said_to_have_come_once() -> None:
    (line,) = map(str, to_http(counter("POST", "404", "1.1", 1), HTTP))
    assert "since the Collector was started (once): " in line


@pytest.mark.parametrize("page", ["", counter("POST", "503", "1.1", 3), "otelcol_x 1"])
def test_nothing_is_made_up(page: str) -> None:
    assert not [*to_http(page, HTTP), *to_grpc([(at(1), page)], GRPC)]


def test_a_services_log_tells_of_unknown_paths() -> None:
    """As a Dropwizard server's request log and the stand-in's have it."""
    service = Blueprint.model_validate(read_yaml("compose/marquez/blueprint.yaml"))
    pattern = service.services["marquez"].misdirected or ""
    lines = [
        (at(1), '172.18.0.1 - - [25/Nov/2026:03:26:01 +0000] "POST /?token=hush HTTP/1.1" 404 43'),
        (at(2), 'INFO marquez_standin: 172.18.0.1 "POST / HTTP/1.1" 404'),
        (at(3), '172.18.0.1 - - [-] "GET /api/v1/jobs/runs/1 HTTP/1.1" 404 43'),
        (at(4), '172.18.0.1 - - [-] "POST /api/v1/lineage HTTP/1.1" 201 0'),
    ]
    (line,) = map(str, by_log(lines, pattern, "marquez", "set OPENLINEAGE_URL=http://h/l"))
    assert line == (
        "something sends POST / (HTTP 404) to marquez since 2026-11-25T03:26:01Z, "
        "last at 2026-11-25T03:26:02Z (2 times): set OPENLINEAGE_URL=http://h/l"
    )


@pytest.mark.parametrize(("pattern", "said"), [("(", "regular"), ("(?P<path>x)", "groups")])
def test_a_pattern_that_cannot_tell_is_refused(pattern: str, said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        Service.model_validate({"image": {"upstream": "a"}, "misdirected": pattern})
