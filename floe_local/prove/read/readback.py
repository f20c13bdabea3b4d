"""Read canaries back from a backend, as its blueprint's probes say."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import jmespath
from jmespath.exceptions import JMESPathError, ParseError

from floe_local.errors import InputError
from floe_local.plan.blueprint.model import SPAN_FIELDS
from floe_local.plan.nested import fill_query, fill_value
from floe_local.prove.delivery import Question
from floe_local.signals.shared.difference import ABSENT, Difference, differences, same
from floe_local.signals.shared.model import module_of
from floe_local.signals.shared.otlp_json import (
    SpanComparison,
    decode_spans,
    span_ids,
    spans_of_plan,
)
from floe_local.until import Reply

if TYPE_CHECKING:
    from collections.abc import Callable

    from floe_local.plan.blueprint.model import Absent, Expectation, Probe
    from floe_local.plan.values import Signal
    from floe_local.prove.read.http import Http, Response
    from floe_local.prove.targets import BackendTarget
    from floe_local.signals.shared.model import ExpectedItem, TracePlan


_MOST_NAMED = 20  # missing spans that are each named


def questions(target: BackendTarget, signal: Signal, items: list[ExpectedItem]) -> list[Question]:
    """Return the questions to a backend for the items of a signal that it is to hold."""
    return [
        Question(target, probe, item)
        for probe in target.readback.get(signal, ())
        for item in items
        if item.each == probe.each and is_stored(probe, item)
    ]


def absence_questions(
    target: BackendTarget, signal: Signal, canary: str, namespace: str
) -> list[Question]:
    """Return the questions to a backend for a signal that was never sent."""
    module = module_of(signal)
    never = module.never_sent(canary)
    items = module.expected(never, namespace, target.naming)
    return [
        Question(target, probe, item, never=True)
        for probe in target.readback.get(signal, ())
        if probe.absent
        for item in [item for item in items if item.each == probe.each][:1]
    ]


def is_stored(probe: Probe, item: ExpectedItem) -> bool:
    """Tell whether the backend is to hold a canary, by the probe's `when`."""
    return probe.when is None or search(probe.when.query, item.values) is True


def skip_reason(target: BackendTarget, signal: Signal, items: list[ExpectedItem]) -> str:
    """Return why there is no question for these items; empty where there is one."""
    pairs = [
        (probe, item)
        for item in items
        for probe in target.readback.get(signal, ())
        if item.each == probe.each
    ]
    if any(is_stored(probe, item) for probe, item in pairs):
        return ""
    return next((probe.when.reason for probe, _ in pairs if probe.when), "")


def make_ask(http: Http) -> Callable[[Question], tuple[Reply, list[Difference]]]:
    """Return the function that asks one question and judges the answer."""

    def ask(question: Question) -> tuple[Reply, list[Difference]]:
        target = question.target
        answer = http.send(question.probe.request, target.endpoints, question.item.values)
        if question.never:
            return judge_absence(question.probe, answer)
        found = judge_response(question.probe, answer, question.item)
        return Reply(good=not found), found

    return ask


def judge_absence(probe: Probe, answer: Response) -> tuple[Reply, list[Difference]]:
    """Judge the answer to what was never sent: one that confirms it makes its other answers worthless."""
    absent = probe.absent
    if absent is None or is_absent(probe, answer):
        return Reply(good=True), []
    field = f"{probe.name}.never-sent"
    found = f"HTTP {answer.status}" if answer.status else answer.error
    expected = f"HTTP {absent.status}"
    if absent.query is not None:
        expected += f" with {absent.query} = {absent.equals!r}"
    said_yes = answer.ok
    difference = Difference(field=field, expected=expected, found=found, why=_begins(answer))
    return Reply(good=False, final=said_yes), [difference]


def is_absent(probe: Probe, answer: Response) -> bool:
    """Tell whether an answer says that the thing is not there."""
    return probe.absent is not None and says_absent(probe.absent, answer)


def says_absent(absent: Absent, answer: Response) -> bool:
    """Tell whether an answer is how the backend says that it holds no such thing."""
    if answer.status != absent.status:
        return False
    return absent.query is None or same(absent.equals, search(absent.query, answer.parsed()))


def judge_response(probe: Probe, answer: Response, item: ExpectedItem) -> list[Difference]:
    """Return in what an answer differs from what was sent; the empty list when in nothing."""
    if not answer.ok or is_absent(probe, answer):
        return [_not_stored(probe, answer, item)]
    body = answer.parsed()
    if probe.decode is None:
        return [
            d for expectation in probe.expect for d in _expected(expectation, body, answer, item)
        ]
    if item.trace is None:
        raise InputError(
            "broken-probe",
            f"probe {probe.name} decodes spans, but is made for each {probe.each}",
            "use decode for each: trace",
        )
    select = probe.select or "@"
    spans, problem = evaluate(select, body)
    wrong = compare_spans(item.trace, spans, probe.loses.fields)
    return _because(wrong, _came_to(select, spans, problem, answer))


def _not_stored(probe: Probe, answer: Response, item: ExpectedItem) -> Difference:
    found = f"HTTP {answer.status}" if answer.status else answer.error
    if answer.ok:
        found = f"{ABSENT}, by HTTP {answer.status}"
    field = _field(probe.name, item)
    return Difference(field=field, expected="stored", found=found, why=_begins(answer))


def _expected(
    expectation: Expectation, body: Any, answer: Response, item: ExpectedItem
) -> list[Difference]:
    query = fill_query(expectation.query, item.values)
    found, problem = evaluate(query, body)
    expected = fill_value(expectation.equals, item.values)
    wrong = differences(_field(expectation.field, item), _number(expected), _number(found))
    return _because(wrong, _came_to(query, found, problem, answer)) if wrong else []


def _because(wrong: list[Difference], why: str) -> list[Difference]:
    return [replace(one, why=why) for one in wrong] if why else wrong


def _came_to(query: str, found: Any, problem: str, answer: Response) -> str:
    """Say why a query found nothing, and in what; empty where it found something."""
    if found is not None:
        return ""
    if answer.parsed() is None:
        return f"the response is not JSON, so `{query}` finds nothing; {_begins(answer)}"
    if problem:
        return f"`{query}` does not fit the answer: {problem}; {_begins(answer)}"
    return f"`{query}` comes to null; {_begins(answer)}"


def _begins(answer: Response) -> str:
    return f"answered was {answer.excerpt()}" if answer.body else ""


def _field(field: str, item: ExpectedItem) -> str:
    """What a red check is called by; one check is about several metrics."""
    return f"{field} ({item.values['metric']})" if item.each == "metric" else field


def _number(value: Any) -> Any:
    """A whole number without its point: backends that keep doubles write 3.0 as 3."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


def compare_spans(
    trace: TracePlan, resource_spans: Any, loses: tuple[str, ...] = ()
) -> list[Difference]:
    """Compare a decoded answer with a trace, span by span and field by field.

    Args:
        trace: what was sent.
        resource_spans: the answer, a list of OTLP JSON's ResourceSpans.
        loses: fields (of SPAN_FIELDS) that the backend is known not to keep.
    """
    try:
        there = {span.span_id for span in trace.spans} & span_ids(resource_spans)
        if len(trace.spans) - len(there) > _MOST_NAMED:  # the others are under way still
            return [Difference(field="spans", expected=len(trace.spans), found=len(there))]
        found = decode_spans(resource_spans)
    except ValueError as error:
        return [Difference(field="spans", expected="OTLP JSON", found=str(error))]
    comparison = SpanComparison({SPAN_FIELDS[name] for name in loses})
    result: list[Difference] = []
    for span_id, span in spans_of_plan(trace).items():
        field = f"span {span_id} ({span['name']})"
        if span_id in found:
            result += comparison.differences(field, span, found[span_id])
        else:
            result.append(Difference(field=field, expected="stored", found=ABSENT))
    return result


def search(query: str, body: Any) -> Any:
    """Evaluate JMESPath; what does not fit the answer finds None.

    Raises:
        InputError: the expression itself is broken.
    """
    return evaluate(query, body)[0]


def evaluate(query: str, body: Any) -> tuple[Any, str]:
    """Evaluate JMESPath: what it found, and why it does not fit the answer where it does not.

    Raises:
        InputError: the expression itself is broken.
    """
    try:
        return jmespath.search(query, body), ""
    except ParseError as error:
        raise InputError(
            "broken-expectation",
            f"a blueprint's JMESPath expression is broken: {query}",
            str(error).splitlines()[0],
        ) from error
    except JMESPathError as error:
        return None, str(error)
