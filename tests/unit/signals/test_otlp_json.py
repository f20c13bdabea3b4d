"""What the real SDK sends, as every JSON encoding of OTLP shows it."""

from __future__ import annotations

import base64
import json
import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from google.protobuf.json_format import MessageToDict
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from floe_local.plan.blueprint.model import SPAN_FIELDS
from floe_local.plan.values import Signal
from floe_local.prove.canaries import plan
from floe_local.prove.read.readback import compare_spans
from floe_local.signals.shared.difference import ABSENT
from floe_local.signals.shared.model import SpanPlan, TracePlan
from floe_local.signals.shared.otlp_json import decode_spans, spans_of_plan
from floe_local.signals.shared.spans import TraceSender
from floe_local.signals.traces import span_id, trace_id

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="module")
def trace() -> TracePlan:
    trace: TracePlan
    trace, *_ = plan("ns", ("grpc",), frozenset({Signal.TRACES})).of(Signal.TRACES)
    return trace


IDS = frozenset({"traceId", "spanId", "parentSpanId"})
OF_THE_SDK = frozenset({"exception.stacktrace", "exception.escaped"})
OF_OTHER_SIGNALS = frozenset({"keyStrindex", "stringValueStrindex", "entityRefs"})


def shown(trace: TracePlan, *, numbers: bool = False, defaults: bool = False) -> Any:
    """Send a trace through the real SDK and show it as protobuf's own JSON (base64 ids).

    `defaults`: what is zero or empty is shown, too.
    """
    exporter = InMemorySpanExporter()
    TraceSender(exporter).send(trace)
    message = encode_spans(exporter.get_finished_spans())
    shown = MessageToDict(
        message, use_integers_for_enums=numbers, always_print_fields_with_no_presence=defaults
    )
    return json.loads(json.dumps(shown))["resourceSpans"]


def hexadecimal(value: Any) -> Any:
    """Show ids as OTLP/JSON does."""
    if isinstance(value, dict):
        return {
            key: base64.b64decode(item).hex() if key in IDS else hexadecimal(item)
            for key, item in value.items()
        }
    return [hexadecimal(item) for item in value] if isinstance(value, list) else value


@pytest.mark.parametrize("numbers", [True, False])
@pytest.mark.parametrize("encode", [lambda value: value, hexadecimal], ids=["base64", "hex"])
def test_what_the_sdk_sent_is_what_was_planned(
    trace: TracePlan, encode: Any, *, numbers: bool
) -> None:
    assert compare_spans(trace, encode(shown(trace, numbers=numbers))) == []


def test_order_is_no_difference(trace: TracePlan) -> None:
    spans = shown(trace)
    for group in spans:
        group["resource"]["attributes"].reverse()
        for span in group["scopeSpans"][0]["spans"]:
            for part in ("attributes", "events", "links"):
                span.get(part, []).reverse()
    assert compare_spans(trace, list(reversed(spans))) == []


def _each_loss(spans: Any) -> list[tuple[str, Any]]:
    """Return every way to lose one span, link, event or attribute."""
    losses: list[tuple[str, Any]] = []
    for g, group in enumerate(spans):
        for s, span in enumerate(group["scopeSpans"][0]["spans"]):
            losses.append(("span", (g, s, None, 0)))
            losses += [
                (part, (g, s, part, i))
                for part in ("attributes", "events", "links")
                for i in range(len(span.get(part, [])))
            ]
    return losses


def test_every_single_loss_is_seen(trace: TracePlan) -> None:
    spans = shown(trace)
    losses = _each_loss(spans)
    assert len(losses) > 30
    text = json.dumps(spans)
    for kind, (g, s, part, i) in losses:
        less = json.loads(text)
        owner = less[g]["scopeSpans"][0]["spans"]
        del (owner if part is None else owner[s][part])[s if part is None else i]
        [difference] = compare_spans(trace, less)
        assert part is None or f".{part}." in difference.field, kind


def of_the_plan(value: Any) -> Any:
    """Leave out what the SDK says of itself, and what the messages have for other signals."""
    if isinstance(value, dict):
        return {k: of_the_plan(item) for k, item in value.items() if k not in OF_OTHER_SIGNALS}
    if isinstance(value, list):
        parts = [p for p in value if not isinstance(p, dict) or p.get("key") not in OF_THE_SDK]
        return [of_the_plan(part) for part in parts]
    return value


def leaves(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield the path to each value that is no list and no object, and to each that is empty."""
    parts: Any = ()
    if isinstance(value, dict):
        parts = value.items()
    elif isinstance(value, list):
        parts = enumerate(value)
    for key, part in parts:
        yield from leaves(part, (*path, key))
    if not parts or value in ([], {}):
        yield path


def other(value: Any, key: Any) -> Any:
    """Return another value of the same type; an id for an id."""
    if key in IDS:
        return ("b" if value.startswith("a") else "a") * (32 if key == "traceId" else 16)
    if isinstance(value, bool):
        return not value
    if isinstance(value, int | float):
        return value + 1
    if value in ([], {}):
        return [{"key": "more", "value": {}}] if value == [] else {"stringValue": "more"}
    if re.fullmatch(r"-?\d+", value):
        return str(int(value) - 1)
    return value[:-1] + ("a" if value[-1:] != "a" else "b")


def put(value: Any, path: tuple[Any, ...], new: Any) -> Any:
    """Return a copy with another value at a path, sharing what is beside it."""
    if not path:
        return new
    copied = value.copy()
    copied[path[0]] = put(value[path[0]], path[1:], new)
    return copied


def field_of(path: tuple[Any, ...]) -> str:
    """Return the name, as in SPAN_FIELDS, of what is at a path in OTLP JSON."""
    names = [part for part in path if isinstance(part, str) and part not in {"scopeSpans", "spans"}]
    if "spans" in path:
        owner = "" if names[0] not in {"events", "links"} else names[0]
        own = names[1] if owner and len(names) > 1 else names[0]
        known = f"{owner}.{own}" if owner else own
        return known if known in SPAN_FIELDS else owner or own
    owner = "resource" if "scopeSpans" not in path else "scope"
    own = next(name for name in names if name not in {"resource", "scope"})
    return f"{owner}.{own}"


@pytest.fixture(scope="module")
def every_leaf(trace: TracePlan) -> tuple[Any, dict[str, list[tuple[Any, ...]]]]:
    """Everything that was sent, and the paths of all its values by the field that they are of."""
    spans = of_the_plan(hexadecimal(shown(trace, defaults=True)))
    by_field: dict[str, list[tuple[Any, ...]]] = {}
    for path in leaves(spans):
        by_field.setdefault(field_of(path), []).append(path)
    return spans, by_field


def test_every_field_is_sent(every_leaf: tuple[Any, dict[str, Any]]) -> None:
    """The other two are what a span is known by."""
    assert set(every_leaf[1]) == {*SPAN_FIELDS, "spanId", "traceId"}


@pytest.mark.parametrize("name", SPAN_FIELDS)
def test_every_single_change_is_seen_unless_it_is_said_to_be_lost(
    trace: TracePlan, every_leaf: tuple[Any, dict[str, list[tuple[Any, ...]]]], name: str
) -> None:
    spans, by_field = every_leaf
    for path in by_field[name]:
        changed = put(spans, path, other(at(spans, path), path[-1]))
        found = compare_spans(trace, changed)
        assert {key_of(one.field) for one in found} == {SPAN_FIELDS[name]}, path
        if name not in {"events", "links"}:
            assert compare_spans(trace, changed, (name,)) == [], path


def at(value: Any, path: tuple[Any, ...]) -> Any:
    for part in path:
        value = value[part]
    return value


def key_of(field: str) -> str:
    """Return which field of a span a difference names: ``span ID (NAME).KEY…``."""
    return field.rpartition(").")[2].partition(".")[0]


@pytest.mark.parametrize("part", ["events", "links"])
def test_one_more_than_was_sent_is_seen(trace: TracePlan, part: str) -> None:
    spans = shown(trace)
    owners = [s for g in spans for s in g["scopeSpans"][0]["spans"] if s.get(part)]
    owners[0][part].append(owners[0][part][0])
    [difference] = compare_spans(trace, spans)
    assert (key_of(difference.field), difference.expected) == (part, ABSENT)


def test_a_sampler_may_write_its_member_of_the_trace_state(trace: TracePlan) -> None:
    spans = shown(trace)
    for group in spans:
        for span in group["scopeSpans"][0]["spans"]:
            span["traceState"] = ",".join(filter(None, ["ot=th:0;rv:1", span.get("traceState")]))
    assert compare_spans(trace, spans) == []


def test_an_attribute_that_a_processor_added_is_no_difference(trace: TracePlan) -> None:
    spans = shown(trace)
    added = {"key": "deployment.environment", "value": {"stringValue": "dev"}}
    for group in spans:
        group["resource"]["attributes"].append(added)
        group["scopeSpans"][0]["spans"][0]["attributes"].append(added)
    assert compare_spans(trace, spans) == []


@pytest.mark.parametrize("case", ["hour-apart", "large-span", "many-spans"])
def test_what_is_odd_by_its_times_or_its_size_is_compared_whole(case: str) -> None:
    canaries = plan("ns", ("grpc",), frozenset({Signal.TRACES}))
    [odd] = [one for one in canaries.of(Signal.TRACES) if one.case == case]
    spans = shown(odd)
    assert compare_spans(odd, spans) == []
    last = spans[-1]["scopeSpans"][0]["spans"][-1]
    last["endTimeUnixNano"] = str(int(last["endTimeUnixNano"]) + 1)
    [difference] = compare_spans(odd, spans)
    assert key_of(difference.field) == "end"


def test_of_many_missing_spans_the_number_is_told() -> None:
    canaries = plan("ns", ("grpc",), frozenset({Signal.TRACES}))
    [many] = [one for one in canaries.of(Signal.TRACES) if one.case == "many-spans"]
    [difference] = compare_spans(many, shown(replace(many, spans=many.spans[:512])))
    assert (difference.expected, difference.found) == (2_000, 512)


@pytest.mark.parametrize(
    ("value", "other"),
    [({"intValue": "1"}, {"boolValue": True}), ({"intValue": "3"}, {"doubleValue": 3})],
)
def test_types_are_told_apart(value: Any, other: Any) -> None:
    def span(attribute: Any) -> Any:
        own = {"spanId": "a" * 16, "attributes": [{"key": "k", "value": attribute}]}
        return decode_spans([{"scopeSpans": [{"spans": [own]}]}])["a" * 16]["attributes"]["k"]

    assert type(span(value)) is not type(span(other))


VALUES = st.one_of(
    st.text(st.characters(exclude_categories=["Cs"])),
    st.booleans(),
    st.integers(-(2**63), 2**63 - 1),
    st.floats(allow_nan=False),
)


@given(st.dictionaries(st.text("abc.", min_size=1), VALUES))
def test_any_attribute_survives(attributes: dict[str, Any]) -> None:
    span = SpanPlan(
        span_id=span_id(),
        parent_id=None,
        service="s",
        name="n",
        kind="internal",
        attributes=attributes,
    )
    one = TracePlan(canary="c", protocol="grpc", trace_id=trace_id(), spans=(span,))
    assert compare_spans(one, shown(one)) == []


@pytest.mark.parametrize("odd", [7, "text", [1], [{"scopeSpans": [{"spans": [{"spanId": "§"}]}]}]])
def test_what_is_no_otlp_is_a_difference_not_a_crash(trace: TracePlan, odd: Any) -> None:
    assert compare_spans(trace, odd)[0].field == "spans"


def test_nothing_is_every_span_missing(trace: TracePlan) -> None:
    assert len(compare_spans(trace, None)) == len(spans_of_plan(trace))
