"""What backends hold of what was acknowledged: read back while more comes.

A trace is compared span by span, and whole. Of lineage only the last state can be read: a run,
its job and its datasets are compared with the fold of all events that were acknowledged.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from time import monotonic
from typing import TYPE_CHECKING, Any

from floe_local.observe.counted import COUNTED, NOUNS, Acknowledged, who_changes
from floe_local.observe.expected import (
    DatasetParts,
    aliases,
    dataset_parts,
    dataset_values,
    fold,
    last_time,
    latest_runs,
    latest_users,
    log_values,
    metric_values,
    run_values,
    span_values,
)
from floe_local.observe.rules.model import Occurrence, RuleFinding, Severity
from floe_local.observe.session.lineage import ENDS, Lineage, as_time
from floe_local.observe.verdict import Stored, counted
from floe_local.plan.blueprint.model import SPAN_FIELDS
from floe_local.plan.nested import fill_query, placeholders_in
from floe_local.plan.values import Signal
from floe_local.prove.read.readback import is_absent, is_stored, judge_response, search
from floe_local.signals.shared.difference import ABSENT
from floe_local.signals.shared.model import ExpectedItem
from floe_local.signals.shared.otlp_json import SpanComparison, decode_spans
from floe_local.until import Reply, growing, poll, until

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from floe_local.observe.counted import CollectorCounts, Count
    from floe_local.observe.session.lineage import LineageName, Run
    from floe_local.observe.session.model import Event, LogRecord, Metric, ObservedSession, Span
    from floe_local.plan.blueprint.model import Probe
    from floe_local.prove.read.http import Http, Response
    from floe_local.prove.targets import BackendTarget, Targets
    from floe_local.signals.shared.difference import Difference

_THREADS = 4
_PROFILE = "received"
_STEADY_S = 2.0
"""So long a difference is looked at again: then it is no state on the way to another."""
_RECOUNT_S = 0.3
_AGAIN_S = 3.0
"""So long what is not there yet is not asked for again, while the command runs."""
_EXCERPT = 120
"""Characters of a value that a report shows: a facet may have thousands."""
_CLOCK = timedelta(microseconds=1)
"""What is finer than this, most databases do not keep."""


BackendSignal = tuple[str, Signal]
"""A signal of a backend."""


@dataclass(frozen=True, eq=False)
class Look:
    """One look at one thing; `size` is how much it is to hold, and grows while more comes.

    `run` is the one that a job or a dataset is to be in the state of. `processors` are those of
    the Collector on the way there, with their settings. `aliases` are the names of datasets that
    go by several: a backend may show any of them besides.
    """

    target: BackendTarget
    probe: Probe
    item: ExpectedItem
    key: str
    place: str
    size: int
    spans: dict[str, Span] = field(default_factory=dict)
    run: Run | None = None
    processors: dict[str, dict[str, Any]] = field(default_factory=dict)
    aliases: frozenset[str] = frozenset()

    @property
    def identity(self) -> tuple[str, str, str]:
        """The same in every round."""
        return (self.target.name, self.probe.name, self.key)

    @property
    def signal(self) -> Signal:
        """What it is a part of."""
        words = {"metric": Signal.METRICS, "log": Signal.LOGS}
        return words.get(self.item.each, Signal.TRACES if self.spans else Signal.LINEAGE)

    @property
    def part(self) -> BackendSignal:
        """The backend, and the signal."""
        return self.target.name, self.signal

    @property
    def owner(self) -> tuple[str, LineageName] | None:
        """The backend, and the job whose latest run decides what it shows; None: no run does."""
        if self.run is None or self.item.each == "run":
            return None
        return self.target.name, self.run.job


@dataclass(frozen=True)
class LookResult:
    """What an answer showed: how much is there, what is missing, what is different.

    `processed` is what differs because a processor of the Collector is there to change it.
    `latest_run` is which run a job is in the state of, as the backend says; empty: it does not
    say. `superseded`: that is one that came later than the session's.
    """

    question: Look
    stored: int
    missing: tuple[Occurrence, ...] = ()
    changed: tuple[Occurrence, ...] = ()
    processed: tuple[Occurrence, ...] = ()
    latest_run: str = ""
    superseded: bool = False
    at: float = field(default_factory=monotonic)

    @property
    def good(self) -> bool:
        """Whether everything is there, as it was sent."""
        return not (self.missing or (self.changed and not self.superseded))


@dataclass(frozen=True)
class _Events:
    """What was acknowledged of lineage, folded."""

    lineage: Lineage = field(default_factory=Lineage)
    parts: DatasetParts = field(default_factory=dict)
    aliases: frozenset[str] = frozenset()


class ReadBack:
    """Asks the backends for what was acknowledged.

    Args:
        targets: the stack's.
        http: what asks.
        since: when the session began; None: now.
        counts: the Collector's counters; None: there is no Collector.
    """

    def __init__(
        self,
        targets: Targets,
        http: Http,
        since: datetime | None = None,
        counts: CollectorCounts | None = None,
    ) -> None:
        self._targets, self._http = targets, http
        self._collector = counts
        self._acknowledged = Acknowledged()
        self._counts: tuple[Count, ...] = ()
        self._counted_at = 0.0
        self._logs: dict[tuple[str, str], list[LogRecord]] = defaultdict(list)
        self._metrics: dict[tuple[str, str], Metric] = {}
        self._since = since or datetime.now(UTC)
        self._traces: dict[str, dict[str, Span]] = defaultdict(dict)
        self._events: list[Event] = []
        self._known_events = _Events()
        self._outcomes: dict[tuple[str, str, str], LookResult] = {}
        self._alike: dict[tuple[str, str, str], tuple[LookResult, float]] = {}

    def take(self, session: ObservedSession) -> None:
        """Expect what a part of a session says was acknowledged."""
        taken = {request.number for request in session.requests if request.acknowledged}
        for span in session.spans:
            if span.request in taken:
                self._traces[span.trace_id][span.span_id] = span
        for log in session.logs:
            if log.request in taken:
                self._logs[log.trace_id, log.span_id].append(log)
        for metric in session.metrics:
            if metric.request in taken:
                self._metrics[str(metric.resource.get("service.name")), metric.name] = metric
        self._acknowledged = self._acknowledged.plus(session)
        if events := [event for event in session.events if event.request in taken]:
            self._events += events
            lineage = fold(self._events)
            parts = dataset_parts(self._events)
            self._known_events = _Events(lineage, parts, aliases(lineage))

    def look(self, deadline: float | None = None) -> None:
        """Ask for what is not known to be there.

        Args:
            deadline: on the monotonic clock, until when to ask again; None: once, and only for
                runs that have ended.
        """
        end = monotonic() if deadline is None else deadline
        last = deadline is not None
        questions = [q for q in self._questions(last=last) if not self._known(q, last=last)]
        for _, outcome, _, _ in poll(questions, self._ask, deadline=end, threads=_THREADS):
            self._outcomes[outcome.question.identity] = outcome
        if deadline is not None:
            until(self._all_sent, deadline - monotonic(), growing())

    @property
    def complete(self) -> bool:
        """Whether everything is there, but for what a processor left out or changed."""
        changed = any(o.changed and not o.superseded for o in self._outcomes.values())
        return not (changed or self._lost() or self._unsent())

    def _all_sent(self) -> bool:
        """Count anew, and say whether the Collector has sent all that it is to send."""
        if self._collector:
            self._counts, self._counted_at = self._collector.read(self._acknowledged), monotonic()
        return not any(one.unexplained for one in self._counts)

    def _unsent(self) -> list[Count]:
        """What exporters did not send of signals that the backend does not show."""
        shown = self._shown()
        return [o for o in self._counts if o.unexplained and (o.backend, o.signal) not in shown]

    def _shown(self) -> set[BackendSignal]:
        """What backends are asked to show."""
        return {outcome.question.part for outcome in self._outcomes.values()}

    def _lacking(self) -> Counter[BackendSignal]:
        """How many items each backend lacks, as it says itself."""
        found: Counter[BackendSignal] = Counter()
        for outcome in self._outcomes.values():
            if outcome.missing:
                question = outcome.question
                found[question.part] += question.size - outcome.stored
        return found

    def _lost(self) -> set[BackendSignal]:
        """What backends lack more of than processors left out."""
        explained = {part: max(o.explained for o in own) for part, own in self._by_part().items()}
        return {part for part, n in self._lacking().items() if n > explained.get(part, 0)}

    def _by_part(self) -> dict[BackendSignal, list[Count]]:
        found: dict[BackendSignal, list[Count]] = defaultdict(list)
        for one in self._counts:
            found[one.backend, one.signal].append(one)
        return found

    def _known(self, question: Look, *, last: bool) -> bool:
        """Whether nothing is to be asked: all is there, or, until the `last` look, it was just asked."""
        before = self._outcomes.get(question.identity)
        if before is None or before.question.size != question.size:
            return False
        if _run_id(before.question) != _run_id(question):
            return False
        return before.good or (not last and monotonic() - before.at < _AGAIN_S)

    def _questions(self, *, last: bool) -> Iterator[Look]:
        for target in self._targets.backends:
            yield from _of_traces(target, self._traces, self._processors(target))
            yield from _of_logs(target, self._logs)
            yield from _of_metrics(target, self._metrics)
            yield from _of_lineage(target, self._known_events, last=last)

    def _processors(self, target: BackendTarget) -> dict[str, dict[str, Any]]:
        """The processors that spans pass on the way to a backend."""
        exporters = set(target.exporters.get(Signal.TRACES, ()))
        routes = self._collector.routes if self._collector else ()
        return {
            processor: settings
            for route in routes
            if route.signal is Signal.TRACES and exporters & set(route.exporters)
            for processor, settings in route.processors.items()
        }

    def _ask(self, question: Look) -> tuple[Reply, LookResult]:
        target = question.target
        answer = self._http.send(question.probe.request, target.endpoints, question.item.values)
        outcome = (_spans if question.probe.decode else _values)(question, answer)
        if outcome.changed and self._is_superseded(outcome):
            outcome = replace(outcome, superseded=True)
        return Reply(good=outcome.good, final=self._is_steady(outcome)), outcome

    def _is_superseded(self, outcome: LookResult) -> bool:
        """Whether a job is in the state of a run that came later than the session's."""
        question, other = outcome.question, outcome.latest_run
        if not other or question.run is None or other == question.run.run_id:
            return False
        target, values = question.target, {**question.item.values, "run_id": other}
        for probe in target.readback.get(Signal.LINEAGE, ()):
            if probe.each == "run":
                answer = self._http.send(probe.request, target.endpoints, values)
                if (at := _time_shown(probe, answer)) is not None:
                    return at >= last_time(question.run)
        return True  # the backend does not say when that was: nothing speaks against it

    def _is_steady(self, outcome: LookResult) -> bool:
        """Whether what is missing or different has been the same for some time, and will stay."""
        identity = outcome.question.identity
        before, since = self._alike.get(identity, (None, monotonic()))
        if before is None or (before.missing, before.changed) != (outcome.missing, outcome.changed):
            since = monotonic()
        self._alike[identity] = (outcome, since)
        if monotonic() - since < _STEADY_S:
            return False
        return not outcome.missing or self._is_left_out(outcome.question)

    def _is_left_out(self, question: Look) -> bool:
        """Whether the Collector has sent all of a signal that its processors did not leave out."""
        if monotonic() - self._counted_at > _RECOUNT_S:
            self._all_sent()
        own = self._by_part().get(question.part, [])
        return bool(own) and all(one.explained and not one.unexplained for one in own)

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
        shown = self._shown()
        held = tuple(
            Stored(backend, noun, size, stored)
            for (backend, noun), (size, stored) in counts.items()
        )
        return held + tuple(
            Stored(
                one.backend,
                f"{NOUNS[one.signal]}s",
                one.acknowledged,
                min(one.sent, one.acknowledged),
                exported=True,
            )
            for one in self._counts
            if one.signal is not Signal.TRACES or (one.backend, one.signal) not in shown
        )

    def findings(self, why_of: dict[str, str] | None = None) -> list[RuleFinding]:
        """What backends do not hold, or hold otherwise.

        Args:
            why_of: backend → what else is known of why it does not hold something.
        """
        places: dict[str, list[Occurrence]] = {code: [] for code in RECEIVED}
        why = self._reasons(why_of or {})
        for outcome in self._outcomes.values():
            part = outcome.question.part
            if outcome.missing and part in why:
                places["not-stored"] += [
                    Occurrence(at, f"{t}{why[part]}") for at, t in outcome.missing
                ]
            other = outcome.changed and self._is_other_state(outcome)
            places["other-state" if other else "stored-otherwise"] += outcome.changed
            places["changed-by-processor"] += outcome.processed
        places["not-exported"] = [_unsent_place(one, why_of or {}) for one in self._unsent()]
        places["left-out-by-processor"] = [p for one in self._counts for p in _left_out(one)]
        places["no-backend"] = list(self._ending_in_the_collector())
        return [_finding(code, found) for code, found in places.items() if found]

    def _ending_in_the_collector(self) -> Iterator[Occurrence]:
        for signal in COUNTED:
            number = self._acknowledged.items[signal]
            if number and not any(t.exporters.get(signal) for t in self._targets.backends):
                text = f"{counted(number, NOUNS[signal])} acknowledged, for the Collector alone"
                yield Occurrence(str(signal), text)

    def _reasons(self, why_of: dict[str, str]) -> dict[BackendSignal, str]:
        """What is known of why items are lost, for each signal of a backend where some are."""
        lacking, by_part = self._lacking(), self._by_part()
        found = {}
        for part in self._lost():
            whys = [why_of[part[0]]] if part[0] in why_of else []
            if left_out := max((one.left_out for one in by_part.get(part, [])), default=0):
                whys.append(f"processors left out {left_out} of the {lacking[part]} that it lacks")
            found[part] = f" ({', and '.join(whys)})" if whys else ""
        return found

    def _is_other_state(self, outcome: LookResult) -> bool:
        """Whether a job or a dataset may be in the state that another run left it in.

        Either the backend says that a later one did, or it does not say, and what was sent
        calls itself older than the session.
        """
        owner, run = outcome.question.owner, outcome.question.run
        if owner is None or run is None:
            return False
        said = [one for one in self._outcomes.values() if one.latest_run]
        if any(one.superseded for one in said if one.question.owner == owner):
            return True
        is_own = any(one.latest_run == run.run_id for one in said if one.question.owner == owner)
        return not is_own and last_time(run) < self._since


def _run_id(question: Look) -> str:
    return question.run.run_id if question.run else ""


def _time_shown(probe: Probe, answer: Response) -> datetime | None:
    """When a run ended, else began, as an answer of a run's probe shows it."""
    if not answer.ok or is_absent(probe, answer):
        return None
    shown = {
        one.equals: as_time(search(fill_query(one.query, {}), answer.parsed()))
        for one in probe.expect
        if one.equals in {"{started_at}", "{ended_at}"}
    }
    return shown.get("{ended_at}") or shown.get("{started_at}")


def _unsent_place(one: Count, why_of: dict[str, str]) -> Occurrence:
    failed = f", {one.failed} failed" if one.failed else ""
    why = f" ({why_of[one.backend]})" if one.backend in why_of else ""
    left_out = f", {one.left_out} were left out" if one.left_out else ""
    noun = f"acknowledged {NOUNS[one.signal]}s"
    text = f"of {one.acknowledged} {noun} it sent {one.sent} to {one.backend}"
    return Occurrence(one.exporter, f"{text}{left_out}{failed}{why}")


def _left_out(one: Count) -> Iterator[Occurrence]:
    noun = f"{NOUNS[one.signal]}s on the way to {one.backend}"
    for loss in one.losses:
        if loss.left_out is not None:
            text = f"it left out {loss.left_out} of {one.acknowledged} {noun}"
            yield Occurrence(loss.processor, text)
        elif one.explained:
            text = f"it may have left out {one.explained} of {one.acknowledged} {noun}"
            yield Occurrence(loss.processor, f"{text}: it does not count them")


def _of_traces(
    target: BackendTarget,
    traces: dict[str, dict[str, Span]],
    processors: dict[str, dict[str, Any]],
) -> Iterator[Look]:
    for probe in target.readback.get(Signal.TRACES, ()):
        for trace_id, spans in list(traces.items()):
            if probe.decode or probe.each == "trace":
                first = next(iter(spans.values()))
                values = {"trace_id": trace_id, "span_ids": sorted(spans)}
                item = ExpectedItem("trace", values)
                for one in _question(
                    target, probe, item, key=trace_id, place=first.place, spans=dict(spans)
                ):
                    yield replace(one, processors=processors)
                continue
            for span in list(spans.values()):
                key = f"{trace_id}/{span.span_id}"
                item = ExpectedItem("span", span_values(span))
                yield from _question(
                    target, probe, item, key=key, place=span.place, spans={key: span}
                )


def _of_logs(target: BackendTarget, logs: dict[tuple[str, str], list[LogRecord]]) -> Iterator[Look]:
    """Ask for records by their spans; of several in one span, only whether there is any."""
    for probe in target.readback.get(Signal.LOGS, ()):
        for (trace_id, span_id), records in list(logs.items()):
            if not (trace_id and span_id):
                continue
            asked = probe if len(records) == 1 else probe.model_copy(update={"expect": ()})
            item = ExpectedItem("log", log_values(records[0]))
            key = f"of span {span_id}"
            yield from _question(target, asked, item, key=key, place=records[0].place)


def _of_metrics(target: BackendTarget, metrics: dict[tuple[str, str], Metric]) -> Iterator[Look]:
    for probe in target.readback.get(Signal.METRICS, ()):
        for (service, name), metric in list(metrics.items()):
            item = ExpectedItem("metric", metric_values(metric))
            key = f"{name} of {service}"
            yield from _question(target, probe, item, key=key, place=metric.place)


def _of_lineage(target: BackendTarget, known: _Events, *, last: bool) -> Iterator[Look]:
    runs = [run for run in known.lineage.runs.values() if last or run.state in ENDS]
    latest, users = latest_runs(runs), latest_users(runs)
    for probe in target.readback.get(Signal.LINEAGE, ()):
        subjects: Iterable[tuple[Run, str, dict[str, Any]]]
        if probe.each == "run":
            subjects = ((run, run.run_id, {}) for run in runs)
        elif probe.each == "job":
            subjects = ((run, str(name), {}) for name, run in latest.items())
        else:
            subjects = (
                (run, str(name), dataset_values(name, run, known.parts))
                for name, run in users.items()
            )
        for run, key, values in subjects:
            item = ExpectedItem(probe.each, {**run_values(run, target.naming), **values})
            for one in _question(
                target, probe, item, key=key, place=run.place, size=len(run.events), run=run
            ):
                yield replace(one, aliases=known.aliases)


def _question(
    target: BackendTarget,
    probe: Probe,
    item: ExpectedItem,
    *,
    key: str,
    place: str,
    spans: dict[str, Span] | None = None,
    size: int = 1,
    run: Run | None = None,
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
        yield Look(target, asked, item, key, place, size, spans or {}, run)


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
    missing, changed, processed = [], [], []
    for span_id, span in question.spans.items():
        called = f"span {span.name!r} ({span_id}) of {span.service or 'no service'}"
        if span_id not in found:
            missing.append(Occurrence(span.place, f"{called} is not in {question.target.name}"))
            continue
        wrong = comparison.differences("", span.comparable, found[span_id])
        for one in wrong:
            found_by = who_changes(question.processors, one.field.lstrip("."))
            text = f"{called}{_said(question, one)}"
            if found_by:
                processed.append(Occurrence(span.place, f"{text} ({found_by})"))
            else:
                changed.append(Occurrence(span.place, text))
    stored = len(question.spans) - len(missing)
    return LookResult(question, stored, tuple(missing), tuple(changed), tuple(processed))


def _values(question: Look, answer: Response) -> LookResult:
    """Judge an answer by the probe's expectations."""
    if not answer.ok or is_absent(question.probe, answer):
        said = f"HTTP {answer.status}" if answer.status else answer.error
        return _all_missing(question, said)
    wrong = judge_response(question.probe, answer, question.item)
    called = f"{question.item.each} {question.key}"
    changed = tuple(
        Occurrence(question.place, f"{called}{_said(question, one)}")
        for one in wrong
        if not (_is_same(one) or _is_alias(one, question.aliases))
    )
    stored = max(1, len(question.spans))
    latest_run = _latest_run(question, answer)
    return LookResult(question, stored, changed=changed, latest_run=latest_run)


def _latest_run(question: Look, answer: Response) -> str:
    """The run that a job is in the state of, as the answer says it."""
    if question.item.each != "job":
        return ""
    shown = (
        search(fill_query(one.query, question.item.values), answer.parsed())
        for one in question.probe.expect
        if one.equals == "{run_id}"
    )
    return next((run_id for run_id in shown if isinstance(run_id, str)), "")


def _is_same(one: Difference) -> bool:
    """Whether two values mean the same: a time written otherwise, or less finely; null and nothing."""
    if one.expected is None and one.found == ABSENT:
        return True
    sent, found = as_time(one.expected), as_time(one.found)
    return sent is not None and found is not None and abs(sent - found) <= _CLOCK


def _all_missing(question: Look, said: str) -> LookResult:
    called = f"{question.item.each} {question.key}"
    found = Occurrence(question.place, f"{called} is not in {question.target.name}: {said}")
    return LookResult(question, 0, (found,))


def _said(question: Look, one: Difference) -> str:
    at = one.field.lstrip(".")
    found, sent = (_excerpt(repr(value)) for value in (one.found, one.expected))
    return f": {at} is {found} in {question.target.name}, and was sent as {sent}"


def _is_alias(one: Difference, aliases: frozenset[str]) -> bool:
    """Whether a backend shows, besides, another name of a dataset that was sent."""
    name = one.found.get("name") if isinstance(one.found, dict) else one.found
    return one.expected == ABSENT and isinstance(name, str) and name in aliases


def _excerpt(written: str) -> str:
    return written if len(written) <= _EXCERPT else f"{written[:_EXCERPT]}…"


def _finding(code: str, places: Iterable[Occurrence]) -> RuleFinding:
    severity, title, why = RECEIVED[code]
    return RuleFinding(_PROFILE, code, severity, title, why, tuple(dict.fromkeys(places)))


RECEIVED: dict[str, tuple[Severity, str, str]] = {
    "not-stored": (
        Severity.ERROR,
        "what was acknowledged is stored",
        "It was lost behind the acknowledgement: no client can know of it.",
    ),
    "not-exported": (
        Severity.ERROR,
        "what was acknowledged leaves the Collector",
        "It is lost, or waits there still: the backend cannot show it, so the Collector counts it.",
    ),
    "left-out-by-processor": (
        Severity.NOTE,
        "a processor leaves items out",
        "The Collector's configuration says so (`local.sampling`, or the plugin's processors).",
    ),
    "changed-by-processor": (
        Severity.NOTE,
        "a processor changes items",
        "The Collector's configuration says so: the backend holds what it made of them.",
    ),
    "no-backend": (
        Severity.NOTE,
        "a backend takes each signal",
        "No backend of the manifest takes it: nobody will ever see it.",
    ),
    "stored-otherwise": (
        Severity.WARNING,
        "what is stored is what was sent",
        "A processor of the Collector, or the backend itself, made something else of it.",
    ),
    "other-state": (
        Severity.NOTE,
        "a job is in the state of the session's last run",
        "Backends show what is latest by event time: here that may be a run of another session.",
    ),
}
"""Code → severity, what is right, and why that matters, of what is read back."""
