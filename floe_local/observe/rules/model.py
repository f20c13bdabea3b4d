"""What a rule is, what it finds, and what it looks at."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

from floe_local.observe.session.lineage import lineage_of
from floe_local.observe.session.model import own_span

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from floe_local.observe.session.lineage import Lineage
    from floe_local.observe.session.model import ObservedSession


class Severity(StrEnum):
    """How bad a finding is: an error is wrong, a warning loses something, a note may be meant."""

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"


@dataclass(frozen=True)
class View:
    """A session as rules see it.

    Attributes:
        session: what was taken.
        namespace: the OpenLineage namespace that the manifest's strategy gives; empty: none.
    """

    session: ObservedSession
    namespace: str = ""

    @cached_property
    def lineage(self) -> Lineage:
        """The fold of its events."""
        return lineage_of(self.session)

    @cached_property
    def own_run(self) -> str:
        """The id of the run that the command was given as a parent; empty: none."""
        return self.session.about.own_run.rpartition("/")[2]

    @cached_property
    def span_ids(self) -> set[tuple[str, str]]:
        """Trace and span of each span, and of the one that TRACEPARENT gives to the command."""
        session_id = self.session.about.session_id
        own = {(span.trace_id, span.span_id) for span in self.session.spans}
        return own | {(session_id, own_span(session_id))}


class Occurrence(NamedTuple):
    """One place that a rule does not let pass."""

    place: str
    text: str


@dataclass(frozen=True)
class SoundnessRule:
    """One rule.

    Attributes:
        code: stable, in kebab case.
        severity: of what it finds.
        title: what it asks for, in half a sentence.
        why: why that matters, one sentence.
        look: what it finds in a session.
    """

    code: str
    severity: Severity
    title: str
    why: str
    look: Callable[[View], Iterable[Occurrence]]


@dataclass(frozen=True)
class RuleFinding:
    """What one rule found, in all places."""

    profile: str
    code: str
    severity: Severity
    title: str
    why: str
    places: tuple[Occurrence, ...] = field(default=())
    known: int = 0

    @property
    def count(self) -> int:
        """How many places."""
        return len(self.places)


def findings(profile: str, rules: Iterable[SoundnessRule], view: View) -> list[RuleFinding]:
    """Let rules look at a session; each that finds something makes one finding."""
    result = []
    for rule in rules:
        places = tuple(dict.fromkeys(rule.look(view)))
        if places:
            result.append(
                RuleFinding(profile, rule.code, rule.severity, rule.title, rule.why, places)
            )
    return result
