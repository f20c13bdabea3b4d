"""A session → a verdict: what came, what is wrong with it, and whether that fails."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from floe_local.observe.rules.baseline import without_known
from floe_local.observe.rules.model import Occurrence, RuleFinding, Severity, View
from floe_local.observe.rules.profiles import DEFAULT, judged
from floe_local.observe.session.lineage import mapping, mappings

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from floe_local.observe.rules.model import SoundnessRule
    from floe_local.observe.session.lineage import LineageName
    from floe_local.observe.session.model import ObservedSession, TakenRequest

FailingSeverity = Literal["error", "warning"]

FAILING: dict[FailingSeverity, tuple[Severity, ...]] = {
    "error": (Severity.ERROR,),
    "warning": (Severity.ERROR, Severity.WARNING),
}
OPENLINEAGE = "openlineage"
"""The channel of lineage events."""

LINEAGE_PATH = "api/v1/lineage"
_TAKING = "taking"
"""The profile of what the tap itself met."""


@dataclass(frozen=True)
class Settings:
    """How a session is judged.

    Attributes:
        profiles: whose rules look at it.
        fail_on: which severity, and what is worse, makes the verdict red.
        ignore: codes of rules that find nothing.
        baseline: the text of a baseline file.
        allow_empty: a session in which nothing came may be green.
        namespace: the OpenLineage namespace of the manifest.
        backends: the rules of the profiles of a stack's backends.
    """

    profiles: tuple[str, ...] = DEFAULT
    fail_on: FailingSeverity = "error"
    ignore: frozenset[str] = frozenset()
    baseline: str = ""
    allow_empty: bool = False
    namespace: str = ""
    backends: Mapping[str, tuple[SoundnessRule, ...]] = field(default_factory=dict)


@dataclass(frozen=True)
class ServiceCounts:
    """What one service sent."""

    spans: int = 0
    metrics: int = 0
    logs: int = 0


@dataclass(frozen=True)
class Job:
    """The runs of one job: how many are in which state, and what flows through them."""

    states: dict[str, int]
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]


@dataclass(frozen=True)
class Stored:
    """How much of what was acknowledged a backend holds.

    `signal` is what was counted, such as ``spans``. `exported`: the Collector sent so much, and
    the backend does not show it.
    """

    backend: str
    signal: str
    acknowledged: int
    stored: int
    exported: bool = False


@dataclass(frozen=True)
class PipelineVerdict:
    """What came of a session. `ok` is green; `reason` is the last sentence."""

    ok: bool
    reason: str
    services: dict[str, ServiceCounts] = field(default_factory=dict)
    jobs: dict[str, Job] = field(default_factory=dict)
    datasets: dict[str, int] = field(default_factory=dict)
    stored: tuple[Stored, ...] = ()
    findings: tuple[RuleFinding, ...] = ()
    profiles: tuple[str, ...] = ()
    failing: tuple[Severity, ...] = FAILING["error"]

    @property
    def document(self) -> dict[str, Any]:
        """The verdict as JSON has it; findings with all their places."""
        body = asdict(self)
        body["findings"] = [
            {
                **asdict(finding),
                "count": finding.count,
                "places": [place._asdict() for place in finding.places],
            }
            for finding in self.findings
        ]
        return body


def judge(
    session: ObservedSession,
    settings: Settings,
    others: Iterable[RuleFinding] = (),
    stored: tuple[Stored, ...] = (),
) -> PipelineVerdict:
    """Judge a session.

    Args:
        session: what was taken.
        settings: how.
        others: findings that are none of the rules', such as what a backend did not store.
        stored: what was read back.

    Raises:
        InputError: there is no such profile.
    """
    view = View(session, settings.namespace)
    found = [*_taking(session), *others, *judged(view, settings.profiles, settings.backends)]
    kept = [one for one in found if one.code not in settings.ignore]
    findings = without_known(kept, settings.baseline)
    ok, reason = _sentence(session, findings, settings)
    lineage = view.lineage
    return PipelineVerdict(
        ok=ok,
        reason=reason,
        services=_services(session),
        jobs={
            str(name): Job(
                states=dict(Counter(run.state for run in runs)),
                inputs=_sorted(name for run in runs for name in run.inputs),
                outputs=_sorted(name for run in runs for name in run.outputs),
            )
            for name, runs in lineage.jobs.items()
        },
        datasets={
            str(name): len(mappings(mapping(facets.get("schema")).get("fields")))
            for name, facets in lineage.datasets.items()
        },
        stored=stored,
        findings=tuple(one for one in findings if one.places or one.known),
        profiles=settings.profiles,
        failing=FAILING[settings.fail_on],
    )


def _sorted(names: Iterable[LineageName]) -> tuple[str, ...]:
    return tuple(sorted({str(name) for name in names}))


def _taking(session: ObservedSession) -> list[RuleFinding]:
    """What was met while the session was taken: requests that failed, and faults."""
    faults: dict[str, list[Occurrence]] = {}
    for fault in session.faults:
        faults.setdefault(fault.code, []).append(Occurrence(fault.place, fault.text))
    for request in session.requests:
        if request.problem:
            place = Occurrence(f"request {request.number}", f"{request.path}: {request.problem}")
            faults.setdefault("unreadable", []).append(place)
        if not request.acknowledged:
            place = Occurrence(f"request {request.number}", _refusal(request))
            faults.setdefault("not-acknowledged", []).append(place)
        elif request.channel == OPENLINEAGE and not is_right_path(request.path):
            place = Occurrence(f"request {request.number}", f"POST {request.path}")
            faults.setdefault("wrong-path", []).append(place)
    return [
        RuleFinding(_TAKING, code, severity, title, why, tuple(faults[code]))
        for code, (severity, title, why) in TAKING.items()
        if code in faults
    ]


def is_right_path(path: str) -> bool:
    """Tell whether a path is where lineage backends take events."""
    return path.partition("?")[0].rstrip("/") == f"/{LINEAGE_PATH}"


def _refusal(request: TakenRequest) -> str:
    said = f": {request.message}" if request.message else ""
    if request.rejected:
        return f"{request.path}: {request.status}, and {request.rejected} items refused{said}"
    return f"{request.path}: {request.status or 'no answer'}{said}"


TAKING: dict[str, tuple[Severity, str, str]] = {
    "unreadable": (
        Severity.ERROR,
        "the body of a request can be read",
        "No backend could read it either, or it was cut off on its way.",
    ),
    "no-json": (Severity.ERROR, "what is checked is JSON", "Nothing of it was judged."),
    "no-otlp": (Severity.ERROR, "what is checked is OTLP JSON", "Nothing of it was judged."),
    "not-acknowledged": (
        Severity.ERROR,
        "each request is acknowledged",
        "What it carried is lost, unless the client sends it again.",
    ),
    "wrong-path": (
        Severity.WARNING,
        f"events are posted to /{LINEAGE_PATH}",
        "The tap handed them on to the right place; a backend would answer 404.",
    ),
    "spool": (
        Severity.ERROR,
        "the tap has room for what passes it",
        "A part of what was sent is in no report.",
    ),
    "still-connected": (
        Severity.NOTE,
        "the command leaves nothing behind that sends",
        "A process that it left running sends on, past the report.",
    ),
    "run-left-open": (
        Severity.NOTE,
        "the runs of a command end with it",
        "What it left running has not ended them within `--deadline`.",
    ),
    "session-cut-short": (
        Severity.WARNING,
        "a session file is whole",
        "What came after its last line was not judged.",
    ),
}
"""Code → severity, what is right, and why that matters, of what is met while a session is taken."""


def _services(session: ObservedSession) -> dict[str, ServiceCounts]:
    counts = {
        word: Counter(str(item.resource.get("service.name") or "(no name)") for item in items)
        for word, items in (
            ("spans", session.spans),
            ("metrics", session.metrics),
            ("logs", session.logs),
        )
    }
    names = sorted({name for counter in counts.values() for name in counter})
    return {name: ServiceCounts(**{word: counts[word][name] for word in counts}) for name in names}


def _sentence(
    session: ObservedSession, findings: list[RuleFinding], settings: Settings
) -> tuple[bool, str]:
    """Whether it is green, and the last sentence of the report."""
    bad = FAILING[settings.fail_on]
    counts = Counter(dict.fromkeys(Severity, 0))
    for finding in findings:
        counts[finding.severity] += finding.count
    said = ", ".join(counted(n, one.value) for one, n in counts.items() if n) or "no findings"
    taken = ", ".join(
        counted(len(items), word)
        for word, items in (
            ("span", session.spans),
            ("metric", session.metrics),
            ("log record", session.logs),
            ("event", session.events),
        )
        if items
    )
    if session.empty and not settings.allow_empty:
        return (
            False,
            f"nothing came{f': {said}' if findings else ''} (--allow-empty lets that pass)",
        )
    return not any(counts[one] for one in bad), f"{taken or 'nothing came'}: {said}"


def counted(number: int, word: str) -> str:
    """A number with its word: ``1 span``, ``2 spans``."""
    return f"{number} {word}" if number == 1 else f"{number} {word}s"
