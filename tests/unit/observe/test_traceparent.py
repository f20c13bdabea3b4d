"""The trace that a command is given, and the span that its own are below."""

from __future__ import annotations

from dataclasses import replace

import pytest

from floe_local.observe.session.model import About, own_span
from floe_local.observe.tap.variables import OwnRun, marks
from tests.unit.observe.test_rules import codes, span, spans

SESSION = "0123456789abcdef0123456789abcdef"


@pytest.mark.parametrize("given", [{}, {"TRACEPARENT": "00-x", "TRACESTATE": "a=b"}])
def test_a_traceparent_is_of_the_sessions_trace_and_only_given_where_that_is_said(
    given: dict[str, str],
) -> None:
    own = OwnRun("ns", "job", "run")
    assert "TRACEPARENT" not in marks(SESSION, own, given)
    found = marks(SESSION, own, given, traceparent=True)
    assert found["TRACEPARENT"] == f"00-{SESSION}-0123456789abcdef-01"
    assert found.get("TRACESTATE", given.get("TRACESTATE", "")) == ""


def test_the_span_that_a_command_was_given_is_a_known_parent() -> None:
    child = span(trace_id=SESSION, parent_id=own_span(SESSION), flags=0x301)
    about = About(source="run", session_id=SESSION)
    assert codes(replace(spans(child), about=about), "otel") == []
    assert codes(spans(child), "otel") == ["remote-parent"]
    local = replace(child, flags=0)
    assert codes(replace(spans(local), about=about), "otel") == []
    assert codes(replace(spans(local), about=replace(about, session_id="f" * 32)), "otel") == [
        "span-parent"
    ]
