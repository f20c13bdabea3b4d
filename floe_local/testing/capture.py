"""Capture: what the code under test sends, for assertions."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Self, TypeVar
from uuid import uuid4

from floe_local.observe.rules.profiles import DEFAULT
from floe_local.observe.session.lineage import lineage_of
from floe_local.observe.session.model import About, ObservedSession, joined
from floe_local.observe.tap.servers import sink, take_event
from floe_local.observe.tap.tap import Tap
from floe_local.observe.tap.variables import OwnRun, marks, tap_variables
from floe_local.observe.verdict import PipelineVerdict, Settings, judge
from floe_local.report.verdict import verdict_text
from floe_local.until import growing, until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from floe_local.observe.rules.model import RuleFinding
    from floe_local.observe.session.lineage import (
        ColumnEdge,
        Lineage,
        LineageName,
        Run,
    )
    from floe_local.observe.session.model import Event, LogRecord, Metric, Span
    from floe_local.observe.verdict import FailingSeverity, Stored
    from floe_local.operations.stacks import Where

Taken = TypeVar("Taken")

_HOST = "127.0.0.1"
_DEADLINE_S = 10.0
_READ_BACK_S = 30.0


class Capture:
    """Takes what is sent by whatever has `env`: this process, or one that it starts.

    Each has ports of its own: any number run side by side. Names of jobs and datasets are
    ``namespace/name``.

    Args:
        where: the stack behind it; None: none, and no Docker.
        folder: on whose disk is kept what came; None: where temporary files are.

    Attributes:
        env: the variables that lead here.
    """

    def __init__(self, where: Where | None = None, folder: Path | None = None) -> None:
        self._behind = None
        if where is not None:
            # Only with a stack: pydantic and the clients take half a second to load.
            from floe_local.operations.observe_stack import StackBehind  # noqa: PLC0415

            self._behind = StackBehind(where, os.environ)
        behind = self._behind
        self._tap = Tap(
            _HOST,
            otlp=behind.dial if behind else sink,
            lineage=behind.lineage if behind else take_event,
            folder=folder,
        )
        base = behind.variables(os.environ) if behind else {}
        ports = (self._tap.otlp_port, self._tap.lineage_port)
        self.env = base | tap_variables(_HOST, *ports, {**os.environ, **base})
        own = OwnRun(self.env["OPENLINEAGE_NAMESPACE"], "test", str(uuid4()))
        session_id = uuid4().hex
        self.env |= marks(session_id, own, os.environ)
        self._about = About(source="capture", session_id=session_id, own_run=str(own))
        self._taken = ObservedSession()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *raised: object) -> None:
        """Take no more."""
        self._tap.close()
        if self._behind:
            self._behind.close()

    @property
    def session(self) -> ObservedSession:
        """All that came until now."""
        if (part := self._tap.take()) != ObservedSession():
            self._taken = joined([self._taken, part])
        return replace(self._taken, about=self._about, faults=self._tap.faults)

    @property
    def _lineage(self) -> Lineage:
        return lineage_of(self.session)

    @property
    def events(self) -> list[Any]:
        """The OpenLineage events, as they were sent."""
        events: tuple[Event, ...] = self.session.events
        return [event.content for event in events]

    @property
    def runs(self) -> dict[str, Run]:
        """The runs by their ids."""
        return self._lineage.runs

    @property
    def jobs(self) -> dict[str, tuple[Run, ...]]:
        """The runs of each job, by its name."""
        return {str(name): runs for name, runs in self._lineage.jobs.items()}

    @property
    def datasets(self) -> dict[str, dict[str, Any]]:
        """The facets of each dataset, by its name."""
        return {str(name): facets for name, facets in self._lineage.datasets.items()}

    @property
    def edges(self) -> frozenset[tuple[str, str, str]]:
        """(input, job, output) of every run."""
        edges: frozenset[tuple[LineageName, LineageName, LineageName]] = self._lineage.edges
        return frozenset((str(one), str(job), str(other)) for one, job, other in edges)

    @property
    def columns(self) -> frozenset[ColumnEdge]:
        """What the `columnLineage` facets say."""
        return self._lineage.columns

    @property
    def spans(self) -> tuple[Span, ...]:
        """The spans."""
        return self.session.spans

    @property
    def metrics(self) -> tuple[Metric, ...]:
        """The metrics."""
        return self.session.metrics

    @property
    def logs(self) -> tuple[LogRecord, ...]:
        """The log records."""
        return self.session.logs

    def await_run(
        self, job: str, *, state: str | None = None, deadline_s: float = _DEADLINE_S
    ) -> Run:
        """Wait for a run of a job, and return it.

        Args:
            job: its name, with or without its namespace.
            state: the type of its last event, such as ``COMPLETE``; None: any.
            deadline_s: seconds from now.

        Raises:
            AssertionError: there is none; it carries the report.
        """

        def find() -> Run | None:
            runs = (r for r in self.runs.values() if job in {r.job.name, str(r.job)})
            return next((run for run in runs if state in {None, run.state}), None)

        what = f"run of {job}" + (f" in state {state}" if state else "")
        return self._awaited(find, what, deadline_s)

    def await_span(
        self, name: str, *, service: str | None = None, deadline_s: float = _DEADLINE_S
    ) -> Span:
        """Wait for a span, and return it.

        Args:
            name: the span's.
            service: its service's; None: any.
            deadline_s: seconds from now.

        Raises:
            AssertionError: there is none; it carries the report.
        """

        def find() -> Span | None:
            spans = (span for span in self.spans if span.name == name)
            return next((span for span in spans if service in {None, span.service}), None)

        return self._awaited(find, f"span {name!r}", deadline_s)

    def _awaited(self, find: Callable[[], Taken | None], what: str, deadline_s: float) -> Taken:
        found = until(find, deadline_s, growing(), done=lambda one: one is not None)
        if found is None:
            report = verdict_text(self.verdict())
            message = f"no {what} came within {deadline_s:g} s\n\n{report}"
            raise AssertionError(message)
        return found

    def verdict(
        self,
        *,
        profiles: Iterable[str] = DEFAULT,
        ignore: Iterable[str] = (),
        fail_on: FailingSeverity = "error",
    ) -> PipelineVerdict:
        """Judge what came until now."""
        settings = Settings(tuple(profiles), fail_on=fail_on, ignore=frozenset(ignore))
        return judge(self.session, settings)

    def assert_received(self, *, deadline_s: float = _READ_BACK_S) -> None:
        """Assert that something came, all was acknowledged, and a stack's backends hold it.

        Raises:
            AssertionError: it is not so; it carries the report.
        """
        found: list[RuleFinding] = []
        stored: tuple[Stored, ...] = ()
        if self._behind:
            stored, found = self._behind.read_back(self.session, deadline_s)
            found = [*found, *self._behind.not_forwarded()]
        self._assert(judge(self.session, Settings(profiles=()), found, stored))

    def assert_sound(
        self,
        *,
        ignore: Iterable[str] = (),
        profiles: Iterable[str] = DEFAULT,
        fail_on: FailingSeverity = "error",
    ) -> None:
        """Assert that no rule finds anything.

        Args:
            ignore: codes of rules that find nothing.
            profiles: whose rules look.
            fail_on: which severity, and what is worse, fails.

        Raises:
            AssertionError: one does; it carries the report.
        """
        self._assert(self.verdict(profiles=profiles, ignore=ignore, fail_on=fail_on))

    @staticmethod
    def _assert(verdict: PipelineVerdict) -> None:
        if not verdict.ok:
            raise AssertionError(verdict_text(verdict))
