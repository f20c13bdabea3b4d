"""What backends hold of what was acknowledged: read back while more comes.

A trace is compared span by span, and whole. Of lineage only the last state can be read: a run,
its job and its datasets are compared with the fold of all events that were acknowledged.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from time import monotonic
from typing import TYPE_CHECKING, Any

from floe_local.observe.rules.model import Occurrence, RuleFinding, Severity
from floe_local.observe.session.lineage import lineage_of, mapping, mappings, text
from floe_local.observe.session.model import ObservedSession
from floe_local.observe.verdict import Stored
from floe_local.plan.blueprint.model import SPAN_FIELDS
from floe_local.plan.nested import fill, placeholders_in
from floe_local.plan.values import Signal
from floe_local.prove.read.readback import is_absent, is_stored, judge_response, search
from floe_local.signals.shared.model import ExpectedItem
from floe_local.signals.shared.otlp_json import SpanComparison, decode_spans
from floe_local.until import Reply, poll

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from floe_local.observe.session.lineage import Lineage, LineageName, Run
    from floe_local.observe.session.model import Event, Span
    from floe_local.plan.blueprint.model import Naming, Probe
    from floe_local.prove.read.http import Http, Response
    from floe_local.prove.targets import BackendTarget, Targets
    from floe_local.signals.shared.difference import Difference

_THREADS = 4
_PROFILE = "received"
_ENDS = ("COMPLETE", "FAIL", "ABORT")


@dataclass(frozen=True, eq=False)
class Look:
    """One look at one thing; `size` is how much it is to hold, and grows while more comes."""

    target: BackendTarget
    probe: Probe
    item: ExpectedItem
    key: str
    place: str
    size: int
    spans: dict[str, Span] = field(default_factory=dict)

    @property
    def identity(self) -> tuple[str, str, str]:
        """The same in every round."""
        return (self.target.name, self.probe.name, self.key)


@dataclass(frozen=True)
class LookResult:
    """What an answer showed: how much is there, what is missing, what is different."""

    question: Look
    stored: int
    missing: tuple[Occurrence, ...] = ()
    changed: tuple[Occurrence, ...] = ()

    @property
    def good(self) -> bool:
        """Whether everything is there, as it was sent."""
        return not (self.missing or self.changed)


class ReadBack:
    """Asks the backends for what was acknowledged.

    Args:
        targets: the stack's.
        http: what asks.
    """

    def __init__(self, targets: Targets, http: Http) -> None:
        self._targets, self._http = targets, http
        self._traces: dict[str, dict[str, Span]] = defaultdict(dict)
        self._events: list[Event] = []
        self._outcomes: dict[tuple[str, str, str], LookResult] = {}

    def take(self, session: ObservedSession) -> None:
        """Expect what a part of a session says was acknowledged."""
        taken = {request.number for request in session.requests if request.acknowledged}
        for span in session.spans:
            if span.request in taken:
                self._traces[span.trace_id][span.span_id] = span
        self._events += [event for event in session.events if event.request in taken]

    def look(self, deadline: float | None = None) -> bool:
        """Ask for what is not known to be there; whether all is.

        Args:
            deadline: on the monotonic clock, until when to ask again; None: once, and only for
                runs that have ended.
        """
        until = monotonic() if deadline is None else deadline
        questions = [q for q in self._questions(last=deadline is not None) if not self._known(q)]
        for _, outcome, _, _ in poll(questions, self._ask, deadline=until, threads=_THREADS):
            self._outcomes[outcome.question.identity] = outcome
        return all(outcome.good for outcome in self._outcomes.values())

    def _known(self, question: Look) -> bool:
        before = self._outcomes.get(question.identity)
        return before is not None and before.good and before.question.size == question.size

    def _questions(self, *, last: bool) -> Iterator[Look]:
        lineage = lineage_of(ObservedSession(events=tuple(self._events)))
        for target in self._targets.backends:
            yield from _of_traces(target, self._traces)
            yield from _of_lineage(target, lineage, last=last)

    def _ask(self, question: Look) -> tuple[Reply, LookResult]:
        target = question.target
        answer = self._http.send(question.probe.request, target.endpoints, question.item.values)
        outcome = (_spans if question.probe.decode else _values)(question, answer)
        return Reply(good=outcome.good), outcome

    @property
    def stored(self) -> tuple[Stored, ...]:
        """How much each backend holds of what it was asked for."""
        counts: dict[tuple[str, str], list[int]] = defaultdict(lambda: [0, 0])
        for outcome in self._outcomes.values():
            question = outcome.question
            if question.item.each in {"trace", "span"}:
                count = counts[question.target.name, "spans"]
            elif question.item.each == "run":
                count = counts[question.target.name, "runs"]
            else:
                continue
            count[0] += question.size if question.spans else 1
            count[1] += outcome.stored
        return tuple(Stored(*key, *count) for key, count in counts.items())

    def findings(self, why_of: dict[str, str] | None = None) -> list[RuleFinding]:
        """What backends do not hold, or hold otherwise.

        Args:
            why_of: backend → what else is known of why it does not hold something.
        """
        outcomes = list(self._outcomes.values())
        missing = [_with_reason(o, why_of or {}) for o in outcomes]
        sampled = self._targets.sampling not in {"off", "always_on"}
        lost = [
            f
            for o, places in zip(outcomes, missing, strict=True)
            if not o.question.spans or not sampled
            for f in places
        ]
        kept = [
            f
            for o, places in zip(outcomes, missing, strict=True)
            if o.question.spans and sampled
            for f in places
        ]
        changed = [found for outcome in outcomes for found in outcome.changed]
        made = (
            _finding("not-stored", lost),
            _finding("sampled", kept),
            _finding("stored-otherwise", changed),
        )
        return [finding for finding in made if finding.places]


def _with_reason(outcome: LookResult, why_of: dict[str, str]) -> list[Occurrence]:
    why = why_of.get(outcome.question.target.name, "")
    return [Occurrence(f.place, f"{f.text}{f' ({why})' if why else ''}") for f in outcome.missing]


def _of_traces(target: BackendTarget, traces: dict[str, dict[str, Span]]) -> Iterator[Look]:
    for probe in target.readback.get(Signal.TRACES, ()):
        for trace_id, spans in list(traces.items()):
            if probe.decode or probe.each == "trace":
                first = next(iter(spans.values()))
                values = {"trace_id": trace_id, "span_ids": sorted(spans)}
                item = ExpectedItem("trace", values)
                yield from _question(
                    target, probe, item, key=trace_id, place=first.place, spans=dict(spans)
                )
                continue
            for span in list(spans.values()):
                key = f"{trace_id}/{span.span_id}"
                item = ExpectedItem("span", _span_values(span))
                yield from _question(
                    target, probe, item, key=key, place=span.place, spans={key: span}
                )


def _span_values(span: Span) -> dict[str, Any]:
    return {
        "trace_id": span.trace_id,
        "span_id": span.span_id,
        "parent_id": span.parent_id or None,
        "name": span.name,
        "kind": span.kind,
        "status": span.status["code"],
        "message": span.status["message"],
        "service": span.service,
        "start": span.start,
        "end": span.end,
        "duration": span.end - span.start,
        "trace_state": span.trace_state,
    }


def _of_lineage(target: BackendTarget, lineage: Lineage, *, last: bool) -> Iterator[Look]:
    runs = [run for run in lineage.runs.values() if last or run.state in _ENDS]
    latest: dict[LineageName, Run] = {run.job: run for run in runs}
    of_dataset = {name: run for run in runs for name in (*run.inputs, *run.outputs)}
    for probe in target.readback.get(Signal.LINEAGE, ()):
        subjects: list[tuple[Run, str, dict[str, Any]]]
        if probe.each == "run":
            subjects = [(run, run.run_id, {}) for run in runs]
        elif probe.each == "job":
            subjects = [(run, str(name), {}) for name, run in latest.items()]
        else:
            subjects = [
                (run, str(name), _dataset_values(name, lineage.datasets[name]))
                for name, run in of_dataset.items()
            ]
        for run, key, values in subjects:
            item = ExpectedItem(probe.each, {**_run_values(run, target.naming), **values})
            size = len(run.events)
            yield from _question(target, probe, item, key=key, place=run.place, size=size)


def _question(
    target: BackendTarget,
    probe: Probe,
    item: ExpectedItem,
    *,
    key: str,
    place: str,
    spans: dict[str, Span] | None = None,
    size: int = 1,
) -> Iterator[Look]:
    """A question, if the probe can be asked with what is known of such a thing."""
    request, values = probe.request, item.values
    if (
        probe.each != item.each
        or not placeholders_in([request.path, request.query]) <= values.keys()
    ):
        return
    if probe.when and not placeholders_in([probe.when.query]) <= values.keys():
        return
    if is_stored(probe, item):
        known = [e for e in probe.expect if placeholders_in([e.equals, e.query]) <= values.keys()]
        asked = probe.model_copy(update={"expect": tuple(known)})
        size = len(spans) if spans else size
        yield Look(target, asked, item, key, place, size, spans or {})


def _run_values(run: Run, naming: Naming) -> dict[str, Any]:
    """What placeholders stand for of a run, as far as its events say it."""
    values: dict[str, Any] = {
        "run_id": run.run_id,
        "namespace": run.job.namespace,
        "sent_job": run.job.name,
        "job": _stored_job(run, naming),
        "event": run.state,
        "state": naming.run_states.get(run.state, run.state),
        "inputs": sorted({name.name for name in run.inputs}),
        "outputs": sorted({name.name for name in run.outputs}),
        "last_event": run.events[-1].content,
    }
    if run.parent:
        values["parent_run_id"] = run.parent
    return values


def _stored_job(run: Run, naming: Naming) -> str:
    if run.parent_job is None:
        return run.job.name
    parent = run.parent_job.name
    name = fill(naming.child_job, {"job": run.job.name, "parent_job": parent})
    begin = fill(naming.child_job, {"job": "", "parent_job": parent})
    return run.job.name if run.job.name.startswith(begin) else name


def _dataset_values(name: LineageName, facets: dict[str, Any]) -> dict[str, Any]:
    values: dict[str, Any] = {"namespace": name.namespace, "dataset": name.name}
    fields = mappings(mapping(facets.get("schema")).get("fields"))
    if fields and all(text(one.get("name")) and text(one.get("type")) for one in fields):
        rows = [{"name": one["name"], "type": one["type"]} for one in fields]
        values["schema"] = sorted(rows, key=lambda row: row["name"])
    return values


def _spans(question: Look, answer: Response) -> LookResult:
    """Compare a decoded trace with the spans that were sent."""
    found: dict[str, Any] = {}
    if answer.ok and not is_absent(question.probe, answer):
        try:
            found = decode_spans(search(question.probe.select or "@", answer.parsed()))
        except ValueError as error:
            return _all_missing(question, f"the answer is {error}")
    lost = {SPAN_FIELDS[name] for name in question.probe.loses.fields}
    comparison = SpanComparison(lost)
    missing, changed = [], []
    for span_id, span in question.spans.items():
        called = f"span {span.name!r} ({span_id}) of {span.service or 'no service'}"
        if span_id not in found:
            missing.append(Occurrence(span.place, f"{called} is not in {question.target.name}"))
            continue
        wrong = comparison.differences("", span.comparable, found[span_id])
        changed += [Occurrence(span.place, f"{called}{_said(question, one)}") for one in wrong]
    stored = len(question.spans) - len(missing)
    return LookResult(question, stored, tuple(missing), tuple(changed))


def _values(question: Look, answer: Response) -> LookResult:
    """Judge an answer by the probe's expectations."""
    if not answer.ok or is_absent(question.probe, answer):
        said = f"HTTP {answer.status}" if answer.status else answer.error
        return _all_missing(question, said)
    wrong = judge_response(question.probe, answer, question.item)
    called = f"{question.item.each} {question.key}"
    changed = tuple(Occurrence(question.place, f"{called}{_said(question, one)}") for one in wrong)
    return LookResult(question, max(1, len(question.spans)), (), changed)


def _all_missing(question: Look, said: str) -> LookResult:
    called = f"{question.item.each} {question.key}"
    found = Occurrence(question.place, f"{called} is not in {question.target.name}: {said}")
    return LookResult(question, 0, (found,))


def _said(question: Look, one: Difference) -> str:
    at = one.field.lstrip(".")
    return f": {at} is {one.found!r} in {question.target.name}, and was sent as {one.expected!r}"


def _finding(code: str, places: Iterable[Occurrence]) -> RuleFinding:
    severity, title, why = RECEIVED[code]
    return RuleFinding(_PROFILE, code, severity, title, why, tuple(dict.fromkeys(places)))


RECEIVED: dict[str, tuple[Severity, str, str]] = {
    "not-stored": (
        Severity.ERROR,
        "what was acknowledged is stored",
        "It was lost behind the acknowledgement: no client can know of it.",
    ),
    "sampled": (
        Severity.NOTE,
        "sampling leaves spans out",
        "The manifest's `local.sampling` keeps a part of the traces: these may be the others.",
    ),
    "stored-otherwise": (
        Severity.WARNING,
        "what is stored is what was sent",
        "A processor of the Collector, or the backend itself, made something else of it.",
    ),
}
"""Code → severity, what is right, and why that matters, of what is read back."""
