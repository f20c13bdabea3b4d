"""What processors of the Collector explain, and what nothing explains."""

from __future__ import annotations

from dataclasses import replace
from time import monotonic
from typing import Any

import pytest

from floe_local.observe.counted import (
    Acknowledged,
    CollectorCounts,
    Loss,
    count,
    pipelines_in,
    who_changes,
)
from floe_local.observe.received import ReadBack
from floe_local.observe.session.model import LogRecord, Metric, ObservedSession
from floe_local.plan.blueprint.model import Probe
from floe_local.plan.values import Signal
from floe_local.prove.read.collector import parse_metrics
from floe_local.prove.read.http import Http, Response, target
from floe_local.prove.targets import BackendTarget, Targets
from tests.backends import target_of
from tests.unit.observe.test_rules import span, spans

EXPORTER = "otlp_grpc/store"
CONFIG = {
    "receivers": {"otlp": {}},
    "processors": {
        "memory_limiter": {},
        "probabilistic_sampler": {"sampling_percentage": 50},
        "tail_sampling": {},
        "filter/health": {},
        "attributes/scrub": {
            "actions": [
                {"key": "user.id", "action": "hash"},
                {"key": "env", "action": "insert", "value": "x"},
                {"pattern": "^secret", "action": "delete"},
            ]
        },
        "resource/floe": {"attributes": [{"key": "team", "action": "upsert", "value": "x"}]},
        "transform/x": {},
    },
    "service": {
        "pipelines": {
            "traces": {
                "receivers": ["otlp"],
                "processors": ["memory_limiter", "probabilistic_sampler"],
                "exporters": [EXPORTER, "debug"],
            },
            "traces/joined": {"receivers": ["spanmetrics"], "exporters": ["other"]},
            "metrics": {"receivers": ["otlp"], "processors": [], "exporters": [EXPORTER]},
            "logs": {"receivers": ["otlp"], "processors": [], "exporters": ["debug"]},
        }
    },
}


def page(
    *, came: int = 10, went: int = 10, sent: int = 10, points: int = 0, failed: int = 0
) -> str:
    """A metrics page of the Collector."""
    on_the_way = 'otel_signal="traces",processor="probabilistic_sampler"'
    return f"""\
otelcol_processor_incoming_items{{{on_the_way}}} {came}
otelcol_processor_outgoing_items{{{on_the_way}}} {went}
otelcol_processor_incoming_items{{otel_signal="traces",processor="memory_limiter"}} 99
otelcol_exporter_sent_spans{{exporter="{EXPORTER}"}} {sent}
otelcol_exporter_send_failed_spans{{exporter="{EXPORTER}"}} {failed}
otelcol_exporter_sent_metric_points{{exporter="{EXPORTER}"}} {points}
"""


def store(**more: Any) -> BackendTarget:
    """A backend that the exporter carries to."""
    carried = {Signal.TRACES: (EXPORTER,), Signal.METRICS: (EXPORTER,)}
    return target_of("store", exporters=carried, **more)


def test_pipelines_that_otlp_enters_are_the_routes() -> None:
    traces, metrics, logs = pipelines_in(CONFIG)
    assert list(traces.processors) == ["memory_limiter", "probabilistic_sampler"]
    assert traces.exporters == (EXPORTER, "debug")
    assert (metrics.signal, logs.signal) == (Signal.METRICS, Signal.LOGS)
    assert pipelines_in({}) == ()


@pytest.mark.parametrize(
    ("processor", "part", "changes"),
    [
        ("attributes/scrub", "attributes.user.id", True),
        ("attributes/scrub", "attributes.secret.x", True),
        ("attributes/scrub", "attributes.env", False),
        ("attributes/scrub", "attributes.other", False),
        ("attributes/scrub", "resource.user.id", False),
        ("attributes/scrub", "name", False),
        ("resource/floe", "resource.team", True),
        ("resource/floe", "attributes.team", False),
        ("transform/x", "name", True),
        ("probabilistic_sampler", "name", False),
        ("filter/health", "attributes.user.id", False),
        ("memory_limiter", "name", False),
    ],
)
def test_a_processor_changes_what_its_settings_name(
    processor: str, part: str, *, changes: bool
) -> None:
    settings: Any = CONFIG["processors"]
    assert who_changes({processor: settings[processor]}, part) == (processor if changes else "")


@pytest.mark.parametrize(
    ("now", "losses", "unexplained"),
    [
        ({}, (), 0),
        ({"went": 4, "sent": 4}, (Loss("probabilistic_sampler", 6),), 0),
        ({"went": 4, "sent": 3}, (Loss("probabilistic_sampler", 6),), 1),
        ({"sent": 8, "failed": 2}, (), 2),
    ],
)
def test_what_no_processor_left_out_and_no_exporter_sent_is_unexplained(
    now: dict[str, int], losses: tuple[Loss, ...], unexplained: int
) -> None:
    acknowledged = Acknowledged({Signal.TRACES: 10, Signal.METRICS: 0, Signal.LOGS: 0})
    series = parse_metrics(page(**now))
    [found] = count(pipelines_in(CONFIG), [store()], acknowledged, (), series)
    assert (found.losses, found.unexplained) == (losses, unexplained)


@pytest.mark.parametrize(("failed", "unexplained", "explained"), [(0, 0, 6), (2, 2, 4)])
def test_a_processor_that_does_not_count_explains_what_did_not_fail(
    failed: int, unexplained: int, explained: int
) -> None:
    config: Any = {**CONFIG, "service": {"pipelines": {}}}
    traces = {"receivers": ["otlp"], "processors": ["tail_sampling"], "exporters": [EXPORTER]}
    config["service"]["pipelines"]["traces"] = traces
    acknowledged = Acknowledged({Signal.TRACES: 10, Signal.METRICS: 0, Signal.LOGS: 0})
    series = parse_metrics(page(sent=4, failed=failed))
    [found] = count(pipelines_in(config), [store()], acknowledged, (), series)
    assert (found.silent, found.unexplained, found.explained) == (
        ("tail_sampling",),
        unexplained,
        explained,
    )


class Pages(Http):
    """First one metrics page, then another; the documents of a backend by path."""

    def __init__(self, now: str, documents: dict[str, Any]) -> None:
        super().__init__(1)
        self._pages, self._documents = ["", now], documents

    def ask(self, *_: Any) -> Response:
        """Return the next page; the last one again."""
        page = self._pages.pop(0) if len(self._pages) > 1 else self._pages[0]
        return Response(status=200, body=page.encode())

    def send(self, request: Any, _endpoints: dict[str, str], values: dict[str, Any]) -> Response:
        """Return the answer to a request."""
        path = target(request, values)
        found = self._documents.get(path)
        return Response(status=200 if found else 404, body=(found or "").encode())


TRACE_PROBE = Probe.model_validate(
    {
        "name": "trace",
        "each": "trace",
        "request": {"endpoint": "api", "path": "/traces/{trace_id}"},
        "expect": [{"field": "trace.name", "query": "name", "equals": "x"}],
    }
)


def found_for(
    session: ObservedSession, now: str, *, documents: dict[str, str] | None = None, **more: Any
) -> tuple[dict[str, list[str]], ReadBack]:
    """What is found for a session, all of which was acknowledged."""
    http = Pages(now, documents or {})
    backend = store(**more)
    counts = CollectorCounts(http, "http://metrics", pipelines_in(CONFIG), (backend,))
    back = ReadBack(Targets(stack="x", namespace="x", backends=(backend,)), http, counts=counts)
    back.take(session)
    back.look(monotonic() + 0.01)
    found = {one.code: [f"{p.place}: {p.text}" for p in one.places] for one in back.findings()}
    return found, back


def ten_spans() -> ObservedSession:
    """Ten spans, each a trace."""
    several = [replace(span(), trace_id=f"{n:032x}", span_id=f"{n:016x}") for n in range(1, 11)]
    session = spans(*several)
    return replace(session, requests=(replace(session.requests[0], acknowledged=True),))


SIX_LEFT = {f"/traces/{n:032x}": '{"name": "x"}' for n in range(1, 5)}


def test_what_a_sampler_left_out_is_no_loss_and_named() -> None:
    found, back = found_for(
        ten_spans(),
        page(went=4, sent=4),
        documents=SIX_LEFT,
        readback={Signal.TRACES: (TRACE_PROBE,)},
    )
    assert found == {
        "left-out-by-processor": [
            "probabilistic_sampler: it left out 6 of 10 spans on the way to store"
        ]
    }
    assert back.complete


def test_what_a_sampler_does_not_explain_is_a_loss() -> None:
    found, back = found_for(
        ten_spans(),
        page(went=6, sent=6),
        documents=SIX_LEFT,
        readback={Signal.TRACES: (TRACE_PROBE,)},
    )
    assert len(found["not-stored"]) == 6
    assert "(processors left out 4 of the 6 that it lacks)" in found["not-stored"][0]
    assert not back.complete


def test_what_is_not_read_back_is_counted_to_the_exporter() -> None:
    of = {"service.name": "shop"}
    request = replace(spans(span()).requests[0], number=1, acknowledged=True)
    metrics = tuple(Metric(name, "sum", "", 3, of, "request 1", 1) for name in ("a", "b"))
    logs = (LogRecord("x", "INFO", "", "", {}, of, "request 1", 1),)
    session = ObservedSession(requests=(request,), metrics=metrics, logs=logs)
    found, back = found_for(session, page(points=6))
    assert found == {"no-backend": ["logs: 1 log record acknowledged, for the Collector alone"]}
    [stored] = back.stored
    assert (stored.signal, stored.acknowledged, stored.stored, stored.exported) == (
        "metric points",
        6,
        6,
        True,
    )
    found, back = found_for(session, page(points=4))
    assert found["not-exported"] == [
        f"{EXPORTER}: of 6 acknowledged metric points it sent 4 to store"
    ]
    assert not back.complete


@pytest.mark.parametrize(("body", "code"), [("hello", None), ("other", "stored-otherwise")])
def test_a_log_record_is_read_back_where_the_backend_can(body: str, code: str | None) -> None:
    probe = Probe.model_validate(
        {
            "name": "log",
            "each": "log",
            "request": {"endpoint": "api", "path": "/logs/{trace_id}/{span_id}"},
            "expect": [
                {"field": "log.body", "query": "body", "equals": "{body}"},
                {"field": "log.protocol", "query": "p", "equals": "{protocol}"},
            ],
        }
    )
    record = LogRecord("hello", "INFO", "a" * 32, "b" * 16, {}, {}, "request 1", 1)
    request = replace(spans(span()).requests[0], number=1, acknowledged=True)
    documents = {f"/logs/{'a' * 32}/{'b' * 16}": f'{{"body": "{body}"}}'}
    session = ObservedSession(requests=(request,), logs=(record,))
    found, _ = found_for(session, "", documents=documents, readback={Signal.LOGS: (probe,)})
    assert (code in found) is bool(code)
    found, _ = found_for(session, "", readback={Signal.LOGS: (probe,)})
    assert "not-stored" in found
