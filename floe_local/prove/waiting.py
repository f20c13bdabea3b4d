"""Wait for what a user's own pipeline sent: the building blocks of tests."""

from __future__ import annotations

import os
from time import monotonic
from typing import TYPE_CHECKING, Any

from floe_local.errors import CheckFailedError, InputError
from floe_local.plan.nested import fill_query, fill_value, placeholders_in
from floe_local.plan.secrets.mask import hide
from floe_local.plan.values import Signal
from floe_local.prove.read.http import Http
from floe_local.prove.read.readback import is_absent, search
from floe_local.prove.targets import secrets_in
from floe_local.signals.shared.difference import same
from floe_local.signals.shared.otlp_json import Spans, decode_spans
from floe_local.until import Reply, poll

if TYPE_CHECKING:
    from collections.abc import Callable

    from floe_local.plan.blueprint.model import Probe
    from floe_local.prove.read.http import Response
    from floe_local.prove.targets import BackendTarget

_THREADS = 1


def wait_for_span(
    target: BackendTarget,
    trace_id: str,
    *,
    name: str | None = None,
    span_id: str | None = None,
    deadline: float = 30.0,
) -> dict[str, Any]:
    """Wait until a telemetry backend shows a span, and return it.

    Args:
        target: the backend.
        trace_id: 32 hexadecimal digits.
        name: the span's name; None: any.
        span_id: 16 hexadecimal digits; None: any.
        deadline: seconds from now.

    Returns:
        trace_id, span_id, parent_id, name, kind, status {code, message}, start and end (Unix ns),
        trace_state, flags, attributes, events {name: attributes}, links {trace_id/span_id:
        attributes}, resource (its attributes) and scope (its name). By the same keys as events:
        event_times (Unix ns), event_dropped_attributes; as links: link_trace_states,
        link_flags, link_dropped_attributes. Counts of what the SDK dropped: dropped_attributes,
        dropped_events, dropped_links, resource_dropped_attributes, scope_dropped_attributes.
        resource_schema_url, scope_version, scope_attributes, scope_schema_url. What the backend
        does not keep is empty or 0.

    Raises:
        CheckFailedError: the deadline passed; the reason says what there was instead.
        InputError: the backend's blueprint has no probe that decodes traces, or one that needs a
            variable that is not set.
    """
    probe = _probe(target, Signal.TRACES, "trace", decodes=True)
    trace_id = trace_id.lower()

    def match(answer: Response) -> tuple[dict[str, Any] | None, str]:
        try:
            spans = decode_spans(search(probe.select or "@", answer.parsed()))
        except ValueError as error:
            return None, f"the answer is {error}; answered was {answer.excerpt()}"
        found = _matching(spans, name, span_id)
        names = sorted(span["name"] for span in spans.values())
        return found, f"the trace has the spans {names}"

    what = f"span {name or span_id or '(any)'} of trace {trace_id}"
    return _wait(target, probe, {"trace_id": trace_id}, match, what=what, deadline=deadline)


def _matching(spans: Spans, name: str | None, span_id: str | None) -> dict[str, Any] | None:
    return next(
        (
            {"span_id": key, **span}
            for key, span in spans.items()
            if name in {None, span["name"]} and span_id in {None, key}
        ),
        None,
    )


def wait_for_run(
    target: BackendTarget, run_id: str, *, state: str | None = None, deadline: float = 30.0
) -> dict[str, Any]:
    """Wait until a lineage backend shows a run, and return the backend's answer.

    Args:
        target: the backend.
        run_id: the OpenLineage run id.
        state: the last event's type (``COMPLETE``) or the backend's word for it
            (``COMPLETED``); None: any.
        deadline: seconds from now.

    Returns:
        The JSON document that the backend answers with for the run.

    Raises:
        CheckFailedError: the deadline passed; the reason says what there was instead.
        InputError: the backend's blueprint has no probe for runs, or one that needs a variable
            that is not set.
    """
    probe = _probe(target, Signal.LINEAGE, "run", decodes=False)
    values = {"run_id": run_id}
    if state is not None:
        values["state"] = target.naming.run_states.get(state, state)

    def match(answer: Response) -> tuple[dict[str, Any] | None, str]:
        body = answer.parsed()
        checked = [e for e in probe.expect if placeholders_in([e.equals, e.query]) <= set(values)]
        for expected in checked:
            found = search(fill_query(expected.query, values), body)
            if not same(fill_value(expected.equals, values), found):
                return None, f"{expected.field} is {found!r}; answered was {answer.excerpt()}"
        return body, ""

    what = f"run {run_id}" + (f" in state {values['state']}" if state else "")
    return _wait(target, probe, values, match, what=what, deadline=deadline)


def _probe(target: BackendTarget, signal: Signal, each: str, *, decodes: bool) -> Probe:
    for probe in target.readback.get(signal, ()):
        if probe.each == each and (probe.decode is not None or not decodes):
            return probe
    if unset := target.unset.get(signal):
        reason = f"{target.name}: reading a {each} back needs variables that are not set"
        raise InputError("variable-unset", reason, f"set {' and '.join(unset)}")
    needed = f"`each: {each}`" + (" and `decode: otlp-json`" if decodes else "")
    raise InputError(
        "no-read-back",
        f"the blueprint of {target.name} has no probe to read a {each} back with: {needed}",
        "add one under readback in its blueprint.yaml (docs/blueprints.md, Probes)",
    )


def _wait(
    target: BackendTarget,
    probe: Probe,
    values: dict[str, Any],
    match: Callable[[Response], tuple[dict[str, Any] | None, str]],
    *,
    what: str,
    deadline: float,
) -> dict[str, Any]:
    with Http(_THREADS) as http:

        def ask(request: Probe) -> tuple[Reply, tuple[dict[str, Any] | None, str]]:
            answer = http.send(request.request, target.endpoints, values)
            if not answer.ok or is_absent(request, answer):
                said = f"HTTP {answer.status}" if answer.status else answer.error
                return Reply(good=False), (None, f"the backend answers: {said}")
            found, instead = match(answer)
            return Reply(good=found is not None), (found, instead)

        [(_, (found, instead), _, _)] = poll(
            [probe], ask, deadline=monotonic() + deadline, threads=_THREADS
        )
    if found is None:
        instead = hide(instead, secrets_in(target, os.environ))
        raise CheckFailedError(
            "not-received",
            f"{target.name} does not show {what} after {deadline:g} s: {instead}",
            "was it sent, and acknowledged? `floe-local smoke-test` names the hop that breaks",
        )
    return found
