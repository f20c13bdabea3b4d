"""The Collector's counters, as versions of it print them."""

from __future__ import annotations

import pytest

from floe_local.plan.values import Signal
from floe_local.prove.read.collector import (
    Expected,
    accepted_hop,
    exported_hop,
    is_backend,
    parse_metrics,
    total,
)
from floe_local.prove.report import HopState

PAGE = """\
# HELP otelcol_receiver_accepted_spans Number of spans [Alpha]
# TYPE otelcol_receiver_accepted_spans counter
otelcol_receiver_accepted_spans{{receiver="otlp",transport="grpc"}} {grpc}
otelcol_receiver_accepted_spans{{receiver="otlp",transport="http"}} {http}
otelcol_exporter_sent_spans{suffix}{{exporter="otlp_grpc/a",server_address="x\\"y"}} {a}
otelcol_exporter_sent_spans{suffix}{{exporter="otlp_grpc/a",server_address="z"}} 1
otelcol_exporter_sent_spans{suffix}{{exporter="debug"}} 99
otelcol_exporter_send_failed_spans{suffix}{{exporter="otlp_grpc/a"}} {failed}
go_goroutines 12
"""


def page(grpc: int = 0, http: int = 0, a: int = 0, failed: int = 0, suffix: str = "") -> str:
    return PAGE.format(grpc=grpc, http=http, a=a, failed=failed, suffix=suffix)


def expected(*exporters: str, protocol: str = "grpc") -> Expected:
    return Expected(
        signal=Signal.TRACES, protocol=protocol, accepted=5, exported=10, exporters=exporters
    )


@pytest.mark.parametrize("suffix", ["", "_total"])
def test_counters_are_summed_over_series_with_either_name(suffix: str) -> None:
    series = parse_metrics(page(a=4, suffix=suffix))
    assert total(series, "otelcol_exporter_sent_spans", exporter="otlp_grpc/a") == 5
    assert total(series, "otelcol_exporter_sent_spans") == 104


def test_a_label_that_no_series_has_is_no_filter() -> None:
    series = parse_metrics("otelcol_receiver_accepted_spans 3\n")
    assert total(series, "otelcol_receiver_accepted_spans", transport="grpc") == 3


def test_acceptance_is_judged_by_protocol() -> None:
    before, now = parse_metrics(page(grpc=1)), parse_metrics(page(grpc=6))
    assert accepted_hop(before, now, expected()).state is HopState.PASSED
    assert accepted_hop(before, now, expected(protocol="http")).state is HopState.FAILED


def test_export_is_judged_by_exporter_and_says_what_failed() -> None:
    before = parse_metrics(page())
    short = exported_hop(before, parse_metrics(page(a=9, failed=1)), expected("otlp_grpc/a"))
    assert short.state is HopState.FAILED
    assert "otlp_grpc/a: sent 9, send_failed 1" in short.detail
    assert (
        exported_hop(before, parse_metrics(page(a=10)), expected("otlp_grpc/a")).state
        is HopState.PASSED
    )


@pytest.mark.parametrize("exporter", ["debug", "debug/x", "nop", "file", "file/out"])
def test_what_is_no_backend_is_never_an_export(exporter: str) -> None:
    assert not is_backend(exporter)
    now = parse_metrics(page(a=100))
    assert exported_hop(parse_metrics(page()), now, expected(exporter)).state is HopState.UNKNOWN
    assert exported_hop(parse_metrics(page()), now, expected()).state is HopState.UNKNOWN


def test_a_name_that_begins_like_debug_is_a_backend() -> None:
    assert is_backend("debugger/x")


def test_a_collector_that_restarted_counts_from_zero() -> None:
    before, now = parse_metrics(page(grpc=100)), parse_metrics(page(grpc=5))
    assert accepted_hop(before, now, expected()).state is HopState.PASSED


def test_a_page_of_something_else_has_no_counters() -> None:
    assert parse_metrics("<html>\n{}\notelcol_x not a number here") == ()
