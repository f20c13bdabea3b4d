"""What the real SDK sends, as every JSON encoding of OTLP shows it."""

from __future__ import annotations

import base64
import copy
import json
from typing import Any

import pytest
from google.protobuf.json_format import MessageToDict
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from floe_local.plan.values import Signal
from floe_local.prove.canaries import SpanPlan, TracePlan, plan, span_id, trace_id
from floe_local.prove.emit_traces import TraceSender
from floe_local.prove.otlp_json import decoded, planned
from floe_local.prove.readback import compared


@pytest.fixture(scope="module")
def trace() -> TracePlan:
    return plan("ns", ("grpc",), frozenset({Signal.TRACES})).traces[0]


def shown(trace: TracePlan, *, numbers: bool = False) -> Any:
    """Send a trace through the real SDK and show it as protobuf's own JSON (base64 ids)."""
    exporter = InMemorySpanExporter()
    TraceSender(exporter).send(trace)
    message = encode_spans(exporter.get_finished_spans())
    shown = MessageToDict(message, use_integers_for_enums=numbers)
    return json.loads(json.dumps(shown))["resourceSpans"]


def hexadecimal(value: Any) -> Any:
    """Show ids as OTLP/JSON does."""
    if isinstance(value, dict):
        return {
            key: base64.b64decode(item).hex()
            if key in {"traceId", "spanId", "parentSpanId"}
            else hexadecimal(item)
            for key, item in value.items()
        }
    return [hexadecimal(item) for item in value] if isinstance(value, list) else value


@pytest.mark.parametrize("numbers", [True, False])
@pytest.mark.parametrize("encode", [lambda value: value, hexadecimal], ids=["base64", "hex"])
def test_what_the_sdk_sent_is_what_was_planned(
    trace: TracePlan, encode: Any, *, numbers: bool
) -> None:
    assert compared(trace, encode(shown(trace, numbers=numbers))) == []


def test_order_is_no_difference(trace: TracePlan) -> None:
    spans = shown(trace)
    for group in spans:
        group["resource"]["attributes"].reverse()
        for span in group["scopeSpans"][0]["spans"]:
            for part in ("attributes", "events", "links"):
                span.get(part, []).reverse()
    assert compared(trace, list(reversed(spans))) == []


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
    for kind, (g, s, part, i) in losses:
        less = copy.deepcopy(spans)
        owner = less[g]["scopeSpans"][0]["spans"]
        del (owner if part is None else owner[s][part])[s if part is None else i]
        [difference] = compared(trace, less)
        assert part is None or f".{part}." in difference.field, kind


@pytest.mark.parametrize(
    ("value", "other"),
    [({"intValue": "1"}, {"boolValue": True}), ({"intValue": "3"}, {"doubleValue": 3})],
)
def test_types_are_told_apart(value: Any, other: Any) -> None:
    def span(attribute: Any) -> Any:
        own = {"spanId": "a" * 16, "attributes": [{"key": "k", "value": attribute}]}
        return decoded([{"scopeSpans": [{"spans": [own]}]}])["a" * 16]["attributes"]["k"]

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
    assert compared(one, shown(one)) == []


@pytest.mark.parametrize("odd", [7, "text", [1], [{"scopeSpans": [{"spans": [{"spanId": "§"}]}]}]])
def test_what_is_no_otlp_is_a_difference_not_a_crash(trace: TracePlan, odd: Any) -> None:
    assert compared(trace, odd)[0].field == "spans"


def test_nothing_is_every_span_missing(trace: TracePlan) -> None:
    assert len(compared(trace, None)) == len(planned(trace))
