"""The smoke test on real backends: green when all is there, red when one thing is lost."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import pytest

from floe_local.errors import CheckFailedError
from floe_local.plan.values import Origin, Signal
from floe_local.prove.report import HopName, HopState, Verdict
from floe_local.prove.send.emit import run_events
from floe_local.prove.send.exporters import exporter
from floe_local.prove.send.isolation import capture_logs, clean_environment
from floe_local.prove.send.lineage import RunSender, canary_client
from floe_local.prove.smoke import smoke
from floe_local.prove.targets import SmokeOptions
from floe_local.prove.waiting import wait_for_run, wait_for_span
from floe_local.signals.lineage import simple_run
from floe_local.signals.shared.spans import TraceSender
from floe_local.signals.traces import bulk_trace
from tests.integration.prove.conftest import NAMESPACE, free_port
from tests.integration.prove.proxies import AlwaysYes, Swallowing, serving

if TYPE_CHECKING:
    from collections.abc import Callable

    from floe_local.prove.report import Check, Report
    from floe_local.prove.targets import BackendTarget, Targets
    from tests.integration.prove.proxies import LineageProxy, OtlpProxy

pytestmark = pytest.mark.integration

PATIENT = SmokeOptions(deadline=30)
QUICK = SmokeOptions(deadline=2.5)
"""Where something is lost, this is waited to the end, in some forty tests."""


def failed(report: Report) -> list[Check]:
    return [check for check in report.checks if check.verdict is Verdict.FAILED]


def with_backend(targets: Targets, **changes: Any) -> Targets:
    backend: BackendTarget = targets.backends[0].model_copy(update=changes)
    return targets.model_copy(update={"backends": (backend,)})


def test_all_that_is_sent_is_received(telemetry: Targets, lineage: Targets) -> None:
    both = telemetry.model_copy(update={"backends": telemetry.backends + lineage.backends})
    report = smoke(both, PATIENT)
    assert failed(report) == []
    assert report.reason == ""
    assert report.ok
    verdicts = {(c.signal, c.protocol, c.canary): c.verdict for c in report.checks}
    assert verdicts[Signal.TRACES, "grpc", "traces"] is Verdict.RECEIVED
    assert verdicts[Signal.TRACES, "http", "traces"] is Verdict.RECEIVED
    assert verdicts[Signal.METRICS, "otlp", "metrics"] is Verdict.SKIPPED
    origin = lineage.backends[0].origin
    expected = Verdict.BY_STAND_IN if origin is Origin.STAND_IN else Verdict.RECEIVED
    scenarios = ("parent", "complete", "child", "fail", "abort")
    assert {verdicts[Signal.LINEAGE, "openlineage", s] for s in scenarios} == {expected}
    traces = next(c for c in report.checks if c.protocol == "grpc")
    assert [hop.name for hop in traces.hops] == list(HopName)
    assert all(hop.state is HopState.PASSED and hop.seconds for hop in traces.hops)


def _spans(request: Any) -> list[Any]:
    return [
        (scoped, span)
        for group in request.resource_spans
        for scoped in group.scope_spans
        for span in scoped.spans
    ]


def lose_span(request: Any) -> None:
    for scoped, span in _spans(request):
        if span.name == "publish order":
            scoped.spans.remove(span)


def lose_link(request: Any) -> None:
    for _, span in _spans(request):
        if len(span.links) > 1:
            del span.links[1]


def lose_attribute(request: Any) -> None:
    for _, span in _spans(request):
        for attribute in span.attributes:
            if attribute.key == "type.nul":
                span.attributes.remove(attribute)


def lose_event(request: Any) -> None:
    for _, span in _spans(request):
        for event in span.events:
            if event.name == "priced":
                span.events.remove(event)


def lose_resource(request: Any) -> None:
    for group in request.resource_spans:
        for attribute in group.resource.attributes:
            if attribute.key == "service.version":
                group.resource.attributes.remove(attribute)


def lose_parent(request: Any) -> None:
    for _, span in _spans(request):
        if span.name == "charge":
            span.parent_span_id = b""


def change_integer(request: Any) -> None:
    for _, span in _spans(request):
        for attribute in span.attributes:
            if attribute.key == "type.int":
                attribute.value.int_value -= 1


def change_time(request: Any) -> None:
    for _, span in _spans(request):
        for event in span.events:
            if event.name == "priced":
                event.time_unix_nano += 1


def lose_trace_state(request: Any) -> None:
    for _, span in _spans(request):
        span.trace_state = span.trace_state.replace("floe=canary:1,", "")


def lose_dropped_count(request: Any) -> None:
    for _, span in _spans(request):
        span.dropped_links_count = 0


def change_flags(request: Any) -> None:
    for _, span in _spans(request):
        if span.name == "charge":
            span.flags = 0x100


def lose_scope_attribute(request: Any) -> None:
    for scoped, span in _spans(request):
        if span.name == "charge":
            del scoped.scope.attributes[0]


def lose_nested_value(request: Any) -> None:
    for _, span in _spans(request):
        for attribute in span.attributes:
            if attribute.key == "type.map":
                del attribute.value.kvlist_value.values[-1]


@pytest.mark.parametrize(
    ("lose", "field"),
    [
        (change_time, ".event_times.priced"),
        (lose_trace_state, ".trace_state"),
        (lose_dropped_count, ".dropped_links"),
        (change_flags, ".flags"),
        (lose_scope_attribute, ".scope_attributes.scope.text"),
        (lose_nested_value, ".attributes.type.map"),
        (lose_span, "(publish order)"),
        (lose_link, ".links."),
        (lose_attribute, ".attributes.type.nul"),
        (lose_event, ".events.priced"),
        (lose_resource, ".resource.service.version"),
        (lose_parent, "(charge).parent_id"),
        (change_integer, ".attributes.type.int"),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_what_is_lost_after_the_collector_is_named(
    telemetry: Targets, otlp_proxy: OtlpProxy, lose: Callable[[Any], None], field: str
) -> None:
    otlp_proxy.lose = lose
    report = smoke(telemetry, QUICK)
    assert not report.ok
    checks = failed(report)
    assert {check.protocol for check in checks} == {"grpc", "http"}
    for check in checks:
        assert check.hop is HopName.BACKEND_STORED
        assert check.field is not None
        assert field in check.field
        assert check.hint


def lose_the_old(request: Any) -> None:
    for scoped, span in _spans(request):
        if span.name == "2 h ago":
            scoped.spans.remove(span)


def cut_large(request: Any) -> None:
    for _, span in _spans(request):
        for attribute in span.attributes:
            if attribute.key == "db.query.text":
                attribute.value.string_value = attribute.value.string_value[:4096]


def lose_one_of_many(request: Any) -> None:
    for scoped, span in _spans(request):
        if span.name == "step 1234":
            scoped.spans.remove(span)


@pytest.mark.parametrize(
    ("lose", "canary"),
    [
        (lose_the_old, "traces-hour-apart"),
        (cut_large, "traces-large-span"),
        (lose_one_of_many, "traces-many-spans"),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_what_is_lost_by_its_time_or_its_size_is_a_check_of_its_own(
    telemetry: Targets, otlp_proxy: OtlpProxy, lose: Callable[[Any], None], canary: str
) -> None:
    otlp_proxy.lose = lose
    report = smoke(telemetry, QUICK)
    assert [check.canary for check in failed(report)] == [canary]
    assert len(failed(report)[0].differences) == 1


def lose_edge(event: Any) -> None:
    if event["job"]["name"].endswith("-complete"):
        event["inputs"] = [d for d in event["inputs"] if not d["name"].endswith(".customers")]


def lose_output(event: Any) -> None:
    if event["job"]["name"].endswith("-fail"):
        event["outputs"] = []


def lose_mapping(event: Any) -> None:
    for dataset in event["outputs"]:
        fields = dataset["facets"].get("columnLineage", {}).get("fields", {})
        if "label" in fields:
            fields["label"]["inputFields"].pop()


def lose_column(event: Any) -> None:
    for dataset in event["outputs"]:
        if dataset["name"].endswith(".mart"):
            dataset["facets"]["schema"]["fields"].pop(0)


def lose_parent_facet(event: Any) -> None:
    event["run"]["facets"].pop("parent", None)


def lose_abort(event: Any) -> None:
    if event["eventType"] == "ABORT":
        event["eventType"] = "RUNNING"


def change_end(event: Any) -> None:
    if event["eventType"] == "ABORT":
        event["eventTime"] = event["eventTime"].replace("789Z", "788Z")


def lose_run_facet(event: Any) -> None:
    event["run"]["facets"].pop("nominalTime", None)


def change_job_facet(event: Any) -> None:
    facets = event["job"].get("facets") or {}
    if "sql" in facets:
        facets["sql"]["query"] += " "


def lose_owner(event: Any) -> None:
    for dataset in event["inputs"]:
        dataset["facets"].get("ownership", {"owners": [0]})["owners"].pop()


def change_row_count(event: Any) -> None:
    for dataset in event["outputs"]:
        for facet in (dataset.get("outputFacets") or {}).values():
            facet["rowCount"] += 1


@pytest.mark.parametrize(
    ("lose", "canary", "field"),
    [
        (change_end, "abort", "run.ended_at"),
        (lose_run_facet, "complete", "run.facets.nominalTime"),
        (change_job_facet, "complete", "job.facets.sql.query"),
        (lose_owner, "complete", "dataset.facets.ownership"),
        (change_row_count, "complete", "run.output_facets"),
        (lose_edge, "complete", "graph.edges.inputs"),
        (lose_output, "fail", "graph.edges.outputs"),
        (lose_mapping, "complete", "dataset.column_lineage"),
        (lose_column, "complete", "dataset.schema"),
        (lose_parent_facet, "child", "run.parent"),
        (lose_abort, "abort", "run.state"),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_what_is_lost_before_the_lineage_backend_is_named(
    lineage: Targets,
    lineage_proxy: LineageProxy,
    lose: Callable[[Any], None],
    canary: str,
    field: str,
) -> None:
    lineage_proxy.lose = lose
    report = smoke(lineage, QUICK)
    assert not report.ok
    assert [check.canary for check in failed(report)] == [canary], failed(report)
    [check] = failed(report)
    assert (check.canary, check.hop) == (canary, HopName.BACKEND_STORED)
    assert any(difference.field.startswith(field) for difference in check.differences)
    assert check.field is not None
    assert check.hint


def test_an_acknowledgement_alone_is_no_proof(lineage: Targets) -> None:
    with serving(Swallowing(lineage.backends[0].endpoints["api"])) as swallowing:
        transport = {"type": "http", "url": swallowing.url}
        report = smoke(with_backend(lineage, transport=transport), QUICK)
    assert {check.hop for check in report.checks} == {HopName.BACKEND_STORED}
    assert not report.ok


def test_a_telemetry_backend_that_always_says_yes_is_caught(telemetry: Targets) -> None:
    real = telemetry.backends[0].endpoints["query"]
    with serving(AlwaysYes(real)) as yes:
        report = smoke(with_backend(telemetry, endpoints={"query": yes.url}), QUICK)
    assert not report.ok
    assert {check.field for check in failed(report)} == {"trace.never-sent"}
    assert yes.url in failed(report)[0].hint


def test_a_lineage_backend_that_always_says_yes_is_caught(lineage: Targets) -> None:
    real = lineage.backends[0].endpoints["api"]
    with serving(AlwaysYes(real)) as yes:
        report = smoke(with_backend(lineage, endpoints={"api": yes.url}), QUICK)
    assert not report.ok
    assert all((check.field or "").endswith(".never-sent") for check in failed(report))
    assert failed(report)


def test_a_collector_that_is_down_is_named_without_noise(
    telemetry: Targets, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    down = f"http://127.0.0.1:{free_port()}"
    gone = telemetry.model_copy(
        update={"otlp_grpc": down, "otlp_http": down, "collector_metrics": f"{down}/metrics"}
    )
    with caplog.at_level(logging.DEBUG, logger="floe_local"):
        report = smoke(gone, QUICK)
    checks = failed(report)
    assert {check.hop for check in checks} == {HopName.CLIENT}
    assert all(check.reason and down in check.hint for check in checks)
    assert capfd.readouterr() == ("", "")


def test_a_lineage_backend_that_is_down_is_named_without_noise(
    lineage: Targets, capfd: pytest.CaptureFixture[str]
) -> None:
    down = f"http://127.0.0.1:{free_port()}"
    gone = with_backend(lineage, endpoints={"api": down}, transport={"type": "http", "url": down})
    report = smoke(gone, QUICK)
    assert {check.hop for check in report.checks} == {HopName.CLIENT}
    assert all(down in check.hint for check in report.checks)
    assert report.durations.cleanup < 1
    assert capfd.readouterr() == ("", "")


def test_the_shell_does_not_reach_the_canaries(
    telemetry: Targets,
    lineage: Targets,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Any,
) -> None:
    (tmp_path / "openlineage.yml").write_text(
        "transport: {type: console}\nfilters: [{type: regex, regex: '.*'}]\n", encoding="utf-8"
    )
    monkeypatch.chdir(tmp_path)
    hostile = {
        "OTEL_SDK_DISABLED": "true",
        "OTEL_TRACES_SAMPLER": "always_off",
        "OTEL_EXPORTER_OTLP_HEADERS": "authorization=Bearer wrong",
        "OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9",
        "OTEL_EXPORTER_OTLP_COMPRESSION": "deflate",
        "OTEL_RESOURCE_ATTRIBUTES": "service.version=wrong",
        "OTEL_SERVICE_NAME": "wrong",
        "OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT": "1",
        "OTEL_SPAN_LINK_COUNT_LIMIT": "0",
        "OPENLINEAGE_DISABLED": "true",
        "OPENLINEAGE_URL": "http://127.0.0.1:9",
        "OPENLINEAGE__FILTERS": '[{"type": "regex", "regex": ".*"}]',
        "HTTP_PROXY": "http://127.0.0.1:9",
        "http_proxy": "http://127.0.0.1:9",
        "ALL_PROXY": "http://127.0.0.1:9",
        "grpc_proxy": "http://127.0.0.1:9",
    }
    for name, value in hostile.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("NO_PROXY", raising=False)
    both = telemetry.model_copy(update={"backends": telemetry.backends + lineage.backends})
    assert smoke(both, PATIENT).reason == ""


def test_canaries_are_removed_unless_kept(lineage: Targets) -> None:
    gone = smoke(lineage, PATIENT)
    [result] = gone.cleanup
    assert (result.removed, result.left) == (15, ())
    kept = smoke(lineage, PATIENT.model_copy(update={"keep": True}))
    assert kept.cleanup[0].kept


def test_many_are_each_accounted_for(telemetry: Targets, lineage: Targets) -> None:
    both = telemetry.model_copy(update={"backends": telemetry.backends + lineage.backends})
    report = smoke(both, PATIENT.model_copy(update={"count": 20, "threads": 4}))
    assert report.reason == ""
    assert [(b.signal, b.sent, b.acknowledged, b.stored) for b in report.bulk] == [
        (Signal.TRACES, 20, 20, 20),
        (Signal.LINEAGE, 20, 20, 20),
    ]


def test_the_missing_ones_of_many_are_listed(telemetry: Targets, otlp_proxy: OtlpProxy) -> None:
    lost: list[str] = []

    def lose_one(request: Any) -> None:
        for scoped, span in _spans(request):
            if span.name == "bulk" and not lost:
                lost.append(span.trace_id.hex())
                scoped.spans.remove(span)

    otlp_proxy.lose = lose_one
    report = smoke(telemetry, QUICK.model_copy(update={"count": 10}))
    [account] = report.bulk
    assert (account.acknowledged, account.stored) == (10, 9)
    assert list(account.missing) == lost
    assert not report.ok


def test_debug_never_makes_accepted(telemetry: Targets) -> None:
    signals = (Signal.METRICS, Signal.LOGS)
    debug = dict.fromkeys(signals, ("debug",))
    report = smoke(with_backend(telemetry, accepts=signals, exporters=debug), QUICK)
    sent = [check for check in report.checks if check.signal in signals]
    assert len(sent) == 4
    for check in sent:
        assert check.verdict is Verdict.SKIPPED
        states = {hop.name: hop.state for hop in check.hops}
        assert states[HopName.CLIENT] is HopState.PASSED
        assert states[HopName.COLLECTOR_ACCEPTED] is HopState.PASSED
    assert report.reason == "nothing was received or accepted"


def test_what_only_the_counters_show_is_accepted(telemetry: Targets) -> None:
    unread = with_backend(telemetry, readback={})
    report = smoke(unread, QUICK)
    verdicts = {c.verdict for c in report.checks if c.signal is Signal.TRACES}
    assert verdicts == {Verdict.ACCEPTED}
    assert report.ok
    assert not smoke(unread, QUICK.model_copy(update={"strict": True})).ok


def test_one_s_own_span_is_waited_for(telemetry: Targets) -> None:
    trace = bulk_trace("own", "http")
    with clean_environment(), capture_logs():
        assert telemetry.otlp_http is not None
        TraceSender(exporter(Signal.TRACES, "http", telemetry.otlp_http)).send(trace)
    found = wait_for_span(telemetry.backends[0], trace.trace_id.upper(), name="bulk")
    assert found["span_id"] == trace.spans[0].span_id
    with pytest.raises(CheckFailedError, match=r"the trace has the spans \['bulk'\]"):
        wait_for_span(telemetry.backends[0], trace.trace_id, name="other", deadline=0.2)
    with pytest.raises(CheckFailedError, match=r"HTTP 404"):
        wait_for_span(telemetry.backends[0], "0" * 31 + "1", deadline=0.2)


def test_one_s_own_run_is_waited_for(lineage: Targets) -> None:
    [backend] = lineage.backends
    run = simple_run("floe-canary-own", "own")
    with clean_environment(), capture_logs():
        RunSender(canary_client(backend.transport or {})).send(run_events(run, NAMESPACE))
    assert wait_for_run(backend, run.run_id, state="COMPLETE")["id"] == run.run_id
    assert wait_for_run(backend, run.run_id, state="COMPLETED")["id"] == run.run_id
    with pytest.raises(CheckFailedError, match=r"run\.state is 'COMPLETED'"):
        wait_for_run(backend, run.run_id, state="FAIL", deadline=0.2)
    with pytest.raises(CheckFailedError, match=r"HTTP 404"):
        wait_for_run(backend, "0190f3c2-7d3a-7000-8000-000000000001", deadline=0.2)
