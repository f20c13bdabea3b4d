"""Probes as data: placeholders, JMESPath, typed equality, one deadline."""

from __future__ import annotations

import json
from time import monotonic
from typing import TYPE_CHECKING, Any

import pytest

from floe_local.errors import CheckFailedError, InputError
from floe_local.plan.blueprint.model import Absent, Condition, Expectation, Probe, Request
from floe_local.plan.nested import fill_query, fill_value, placeholders_in
from floe_local.plan.values import Kind, Signal
from floe_local.prove.canaries import deliveries, plan
from floe_local.prove.read.http import Http, Response, target
from floe_local.prove.read.readback import judge_absence, judge_response, search
from floe_local.prove.targets import BackendTarget, Targets
from floe_local.prove.waiting import wait_for_run, wait_for_span
from floe_local.signals.shared.model import ExpectedItem
from floe_local.until import Reply, poll
from tests.backends import target_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from floe_local.prove.delivery import Delivery

ASK = Request(endpoint="api", path="/runs/{run_id}", query={"node": "job:{namespace}:{job}"})
VALUES = {"run_id": "a/b c", "namespace": "it's", "job": "é&=", "inputs": ["x"], "none": None}


def probe(*expect: Expectation, absent: Absent | None = None) -> Probe:
    return Probe(name="run", each="run", request=ASK, expect=expect, absent=absent)


def answer(body: Any, status: int = 200) -> Response:
    return Response(status=status, body=json.dumps(body).encode())


def expects(query: str, equals: Any, body: Any) -> list[str]:
    wanted = Expectation(field="f", query=query, equals=equals)
    found = judge_response(probe(wanted), answer(body), ExpectedItem("run", VALUES))
    return [difference.field for difference in found]


def test_values_are_quoted_where_they_are_put_in() -> None:
    assert target(ASK, VALUES) == "/runs/a%2Fb%20c?node=job%3Ait%27s%3A%C3%A9%26%3D"


def test_a_whole_placeholder_keeps_its_type() -> None:
    assert fill_value("{inputs}", VALUES) == ["x"]
    assert fill_value("{none}", VALUES) is None
    assert fill_value(["{namespace}-{job}", {"k": "{none}"}, 7], VALUES) == [
        "it's-é&=",
        {"k": None},
        7,
    ]


def test_values_cannot_break_out_of_an_expression() -> None:
    query = fill_query("[?n=='{namespace}'].v | [0]", VALUES)
    assert search(query, [{"n": "it's", "v": 1}]) == 1


@pytest.mark.parametrize(
    ("query", "equals", "body", "good"),
    [
        ("n", 1, {"n": 1}, True),
        ("n", 1, {"n": True}, False),
        ("n", "1", {"n": 1}, False),
        ("n", False, {"n": 0}, False),
        ("sort(i[].n)", "{inputs}", {"i": [{"n": "x"}]}, True),
        ("sort(i[].n)", "{inputs}", {"i": None}, False),
        ("p.run", "{none}", {}, True),
        ("p.run", "{none}", {"p": {"run": "there"}}, False),
    ],
)
def test_equality_is_typed(query: str, equals: Any, body: Any, *, good: bool) -> None:
    assert expects(query, equals, body) == ([] if good else ["f"])


def test_every_wrong_field_is_named() -> None:
    both = (
        Expectation(field="a", query="a", equals=1),
        Expectation(field="b", query="b", equals=2),
    )
    found = judge_response(probe(*both), answer({"a": 9}), ExpectedItem("run", VALUES))
    assert [difference.field for difference in found] == ["a", "b"]


WORDS = {
    "a function of text": (
        Response(status=200, body=b'{"trace": "abc"}', content_type="application/json"),
        "sum(trace)",
        ["`sum(trace)` does not fit the answer: ", "sum()", 'application/json, {"trace": "abc"}'],
    ),
    "another name": (
        Response(status=200, body=b'{"traceID": 1}'),
        "trace_id",
        ["`trace_id` comes to null", '{"traceID": 1}'],
    ),
    "text": (
        Response(
            status=200, body=b"trace abc\nnot found", content_type="text/plain; charset=utf-8"
        ),
        "sum(trace)",
        ["the response is not JSON", "text/plain, trace abc not found"],
    ),
    "HTML": (
        Response(
            status=200, body=b"<!doctype html><title>Log in</title>", content_type="text/html"
        ),
        "id",
        ["not JSON", "text/html, <!doctype html><title>Log in</title>"],
    ),
    "JSON lines as plain JSON": (
        Response(status=200, body=b'{"a": 1}\n{"a": 2}\n', content_type="application/json"),
        "a",
        ["not JSON", '{"a": 1} {"a": 2}'],
    ),
    "nothing": (
        Response(status=200, content_type="text/plain"),
        "a",
        ["not JSON", "finds nothing"],
    ),
    "much": (Response(status=200, body=b"x" * 9000), "a", ["x" * 200 + "…"]),
    "bytes": (Response(status=200, body=b"\x00\xff\x1b[31m"), "a", ["not JSON"]),
    "a refusal": (Response(status=400, body=b"bad trace id"), "a", ["bad trace id"]),
}


@pytest.mark.parametrize("case", WORDS)
def test_what_a_query_came_to_is_said_with_a_piece_of_the_answer(case: str) -> None:
    given, query, expected = WORDS[case]
    wanted = Expectation(field="f", query=query, equals=1)

    [found] = judge_response(probe(wanted), given, ExpectedItem("run", VALUES))

    assert not [text for text in expected if text not in found.why], found.why
    assert len(found.why) < 500
    assert found.why.isprintable()


def test_json_lines_are_a_list() -> None:
    lines = Response(
        status=200, body=b'{"a": 1}\n\n{"a": 2}', content_type="application/stream+json"
    )
    assert lines.parsed() == [{"a": 1}, {"a": 2}]
    assert lines.model_copy(update={"body": b'{"a": 1}'}).parsed() == [{"a": 1}]


def test_no_credential_is_in_what_is_said_of_an_answer(
    serve: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    secret = "s3cr3t-" + "x" * 300
    monkeypatch.setenv("ACME_READ", secret)
    monkeypatch.setenv("ACME_API_KEY", "another-secret")
    server = serve({"quoted": f"you sent Bearer {secret}", "other": "another-secret"})
    request = ASK.model_copy(update={"headers": {"X": "Bearer ${env:ACME_READ}"}})

    with Http(1) as http:
        found = http.send(request, {"api": server.url}, VALUES)

    assert "you sent Bearer ***" in found.excerpt()
    assert "another-secret" not in found.excerpt()
    assert secret not in repr(found.model_copy(update={"body": b""}))


def test_a_span_in_an_answer_that_is_no_otlp_is_not_there(serve: Callable[..., Any]) -> None:
    server = serve({"resourceSpans": "none"})
    asks = Probe(
        name="t", each="trace", request=ASK_TRACE, decode="otlp-json", select="resourceSpans"
    )
    with pytest.raises(CheckFailedError, match=r"not OTLP JSON.*resourceSpans"):
        wait_for_span(of_traces(server.url, asks), "ab" * 16, deadline=0.1)


def test_a_probe_that_decodes_no_spans_is_named() -> None:
    asks = Probe(name="t", each="trace", request=ASK_TRACE)
    with pytest.raises(InputError, match="decode: otlp-json"):
        wait_for_span(of_traces("http://127.0.0.1:1", asks), "ab" * 16, deadline=0.1)


ASK_TRACE = Request(endpoint="api", path="/traces/{trace_id}")


def of_traces(url: str, *probes: Probe) -> BackendTarget:
    return target_of(
        "b",
        Kind.TELEMETRY,
        accepts=(Signal.TRACES,),
        endpoints={"api": url},
        readback={Signal.TRACES: probes},
    )


METRIC = ExpectedItem("metric", {"metric": "floe.canary.gauge", "value": 3.0})


def of_metric(*expect: Expectation, absent: Absent | None = None) -> Probe:
    return Probe(name="value", each="metric", request=ASK, expect=expect, absent=absent)


@pytest.mark.parametrize(("value", "good"), [(3, True), (3.0, True), (3.5, False), ("3", False)])
def test_a_whole_number_may_come_without_its_point(value: Any, *, good: bool) -> None:
    wanted = Expectation(field="metric.value", query="v", equals="{value}")
    found = judge_response(of_metric(wanted), answer({"v": value}), METRIC)
    assert [d.field for d in found] == ([] if good else ["metric.value (floe.canary.gauge)"])


def test_of_several_metrics_in_a_check_the_one_that_is_not_there_is_named() -> None:
    empty = of_metric(absent=Absent(status=200, query="length(rows)", equals=0))
    [found] = judge_response(empty, answer({"rows": []}), METRIC)
    assert found.field == "value (floe.canary.gauge)"
    assert found.found == "(absent), by HTTP 200"


@pytest.mark.parametrize("status", [0, 404, 500, 301])
def test_what_is_not_2xx_is_not_stored(status: int) -> None:
    found = judge_response(probe(), answer({}, status), ExpectedItem("run", VALUES))
    assert found[0].expected == "stored"


def test_a_200_that_says_not_found_is_not_stored() -> None:
    says_no = probe(absent=Absent(status=200, query="found", equals=False))
    assert judge_response(says_no, answer({"found": False}), ExpectedItem("run", VALUES))
    assert not judge_response(says_no, answer({"found": True}), ExpectedItem("run", VALUES))


@pytest.mark.parametrize(
    ("status", "good", "final"),
    [
        (404, True, False),
        (200, False, True),
        (204, False, True),
        (503, False, False),
        (0, False, False),
    ],
)
def test_a_yes_to_the_never_sent_is_final(status: int, *, good: bool, final: bool) -> None:
    reply, _ = judge_absence(probe(absent=Absent()), answer({}, status))
    assert reply == Reply(good, final)


def test_an_unknown_placeholder_is_the_blueprint_s_mistake() -> None:
    with pytest.raises(InputError, match=r"\{nope\}"):
        fill_value("{nope}", VALUES)


def test_a_broken_expression_is_the_blueprint_s_mistake() -> None:
    with pytest.raises(InputError, match="broken"):
        search("a[", {})


def test_placeholders_are_found_everywhere() -> None:
    assert placeholders_in(["{a}", {"k": "x{b}"}, 3]) == {"a", "b"}


def test_polling_ends_when_all_is_good() -> None:
    tries: dict[int, int] = {}

    def ask(item: int) -> tuple[Reply, int]:
        tries[item] = tries.get(item, 0) + 1
        return Reply(good=tries[item] > item), tries[item]

    done = poll(range(3), ask, deadline=monotonic() + 5, threads=2)
    assert sorted((item, reply.good) for item, _, reply, _ in done) == [
        (0, True),
        (1, True),
        (2, True),
    ]
    assert tries == {0: 1, 1: 2, 2: 3}


def test_polling_ends_at_the_deadline_and_after_one_try_at_least() -> None:
    def no(item: str) -> tuple[Reply, str]:
        return Reply(good=False), item

    assert [reply.good for *_, reply, _ in poll("ab", no, deadline=monotonic() - 1, threads=1)] == [
        False,
        False,
    ]


def test_no_answer_is_a_value() -> None:
    with Http(1) as http:
        assert http.send(ASK, {}, VALUES).error == "no address is known for endpoint api"
        refused = http.ask("GET", "http://127.0.0.1:1/")
    assert (refused.status, "refused" in refused.error) == (0, True)
    assert "object at" not in refused.error


def test_a_run_is_waited_for_by_state(serve: Callable[..., Any]) -> None:
    server = serve({"id": "r", "state": "RUNNING"})
    states = Expectation(field="run.state", query="state", equals="{state}")
    others = Expectation(field="run.job", query="job", equals="{job}")
    runs = Probe(
        name="run",
        each="run",
        request=Request(endpoint="api", path="/{run_id}"),
        expect=(states, others),
    )
    backend = target_of(
        "b",
        Kind.LINEAGE,
        accepts=(Signal.LINEAGE,),
        endpoints={"api": server.url},
        readback={Signal.LINEAGE: (runs,)},
        naming={"run_states": {"START": "RUNNING"}},
    )
    assert wait_for_run(backend, "r", state="START")["id"] == "r"
    with pytest.raises(CheckFailedError, match=r"run\.state is 'RUNNING'"):
        wait_for_run(backend, "r", state="COMPLETE", deadline=0.1)


COUNTS = Condition(query="event == 'COMPLETE' && length(inputs) > `0`", reason="only these count")


def deliveries_of(*probes: Probe) -> dict[str, Delivery]:
    """Give the deliveries to a backend with these probes, by scenario."""
    backend = target_of(
        "b",
        Kind.LINEAGE,
        accepts=(Signal.LINEAGE,),
        endpoints={},
        readback={Signal.LINEAGE: probes},
        transport={"type": "http", "url": "http://127.0.0.1:1"},
    )
    targets = Targets(stack="s", namespace="ns", backends=(backend,))
    canaries = plan("ns", (), frozenset({Signal.LINEAGE}))
    return {one.sending.canary: one for one in deliveries(targets, canaries)}


def test_what_a_backend_need_not_hold_is_not_asked_for_and_says_why() -> None:
    found = deliveries_of(probe(absent=Absent()).model_copy(update={"when": COUNTS}))
    held = {name for name, one in found.items() if not one.questions[0].never}
    assert held == {"complete", "child"}
    reasons = dict.fromkeys(("parent", "fail", "abort"), "only these count")
    assert {name: one.skip_reason for name, one in found.items() if one.skip_reason} == reasons


def test_what_was_never_sent_is_asked_for_once() -> None:
    found = deliveries_of(probe(absent=Absent()))
    assert len({question for one in found.values() for question in one.questions}) == 5 + 1
    assert len({one.questions[-1] for one in found.values()}) == 1


def test_a_canary_that_another_probe_asks_for_is_held() -> None:
    found = deliveries_of(probe().model_copy(update={"when": COUNTS}), probe())
    assert not any(one.skip_reason for one in found.values())
