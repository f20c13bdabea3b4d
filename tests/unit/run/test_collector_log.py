"""The Collector's log, as 0.155 writes it: what its exporters were answered, without stacks."""

from __future__ import annotations

import json

import pytest

from floe_local.run.collector_log import export_errors, readable

RESOURCE = {"service.name": "otelcol-contrib", "service.version": "0.155.0"}
DROPPED = "internal/queue_sender.go:50\tExporting failed. Dropping data."
RETRIED = "internal/retry_sender.go:133\tExporting failed. Will retry the request after interval."
PERMANENT = "not retryable error: Permanent error: rpc error: code = Unknown desc = error exporting"
STACK = """\
go.opentelemetry.io/collector/exporter/exporterhelper/internal.NewQueueSender.func1
\tgo.opentelemetry.io/collector/exporter/exporterhelper@v0.155.0/internal/queue_sender.go:50
sync.(*WaitGroup).Go.func1
\tsync/waitgroup.go:258
goroutine 1 [running]:
main.main()
\t/src/main.go:30 +0x1d
"""


def line(level: str, said: str, component: str, error: str, kind: str = "exporter") -> str:
    fields = {
        "resource": RESOURCE,
        "otelcol.component.id": component,
        "otelcol.component.kind": kind,
        "otelcol.signal": "traces",
        "error": error,
    }
    return f"2026-11-25T03:03:35.587Z\t{level}\t{said}\t{json.dumps(fields)}"


def test_the_last_error_of_each_exporter_is_known() -> None:
    wrote = [
        line("info", RETRIED, "otlp_grpc/a", "first"),
        line("error", DROPPED, "otlp_http/b", f"{PERMANENT}, HTTP Status Code 415"),
        *STACK.splitlines(),
        line("info", RETRIED, "otlp_grpc/a", "last"),
        line("warn", "x.go:1\tnothing", "otlp", "not mine", kind="receiver"),
        "Error: something else",
    ]
    assert export_errors(wrote) == {
        ("otlp_grpc/a", "traces"): "last",
        ("otlp_http/b", "traces"): f"{PERMANENT}, HTTP Status Code 415",
    }


def test_json_and_older_names_are_read_too() -> None:
    older = {"level": "error", "msg": "m", "kind": "exporter", "name": "otlp/c", "error": "e"} | {
        "data_type": "logs"
    }
    assert export_errors([json.dumps(older)]) == {("otlp/c", "logs"): "e"}
    assert readable([json.dumps({**older, "stacktrace": STACK})]) == ("error: m (otlp/c: e)",)


def test_a_log_is_read_without_stacks() -> None:
    wrote = ["panic: no", *STACK.splitlines(), line("error", DROPPED, "otlp_http/b", "415")]
    assert readable(wrote) == (
        "panic: no",
        "error: Exporting failed. Dropping data. (otlp_http/b: 415)",
    )


@pytest.mark.parametrize(
    "plain",
    [
        "",
        "Error: invalid configuration: exporters::x",
        "  at com.acme.Main(Main.java:3)",
        '{"a": 1}',
    ],
)
def test_what_is_no_entry_stays_as_it_is(plain: str) -> None:
    assert readable([plain]) == (plain,)


def test_a_container_may_have_written_nothing() -> None:
    assert readable(()) == ()
