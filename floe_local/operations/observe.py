"""`run`, `listen`, `check`: what a pipeline of the user's own sends is taken and judged."""

from __future__ import annotations

import os
import signal
import sys
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from threading import Event
from time import time
from typing import TYPE_CHECKING, Any, Self
from uuid import uuid4

from floe_local.errors import InputError, MachineError, writing
from floe_local.observe.rules.model import Occurrence, RuleFinding, Severity
from floe_local.observe.session.keep import keep, prepare
from floe_local.observe.session.lineage import open_runs
from floe_local.observe.session.model import About, ObservedSession, joined
from floe_local.observe.session.read import read_files
from floe_local.observe.tap.child import CommandProcess, is_left_running
from floe_local.observe.tap.servers import sink, take_event
from floe_local.observe.tap.tap import LOOPBACK, Tap
from floe_local.observe.tap.variables import OwnRun, marks, tap_variables
from floe_local.observe.verdict import PipelineVerdict, Settings, judge
from floe_local.plan.caller import is_loopback
from floe_local.until import growing, until

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from types import FrameType

    from floe_local.observe.verdict import Stored
    from floe_local.operations.observe_stack import Follower, StackBehind
    from floe_local.operations.stacks import Where

_WORDS_LOOKED_AT = 3
_CONTAINER_TOOLS = {"docker", "podman", "docker-compose", "nerdctl", "kubectl"}
_SWITCH_S = 0.0001
"""How long a thread that decodes may keep those waiting that pass bytes on: at Python's own
5 ms, a request takes 18 ms where it is 2 ms so."""
_OF_CLIENTS = ("OTEL_", "OPENLINEAGE", "AIRFLOW_")


def check(files: Sequence[Path], settings: Settings) -> PipelineVerdict:
    """Judge what was recorded elsewhere.

    Raises:
        InputError: there is no such file or profile, or a session file cannot be read.
    """
    return judge(read_files(files), settings)


def baseline_text(file: Path | None) -> str:
    """The text of a baseline file; of one that is not there yet, nothing.

    Raises:
        InputError: it cannot be read.
    """
    try:
        return file.read_text("utf-8") if file and file.exists() else ""
    except (OSError, UnicodeDecodeError) as error:
        raise InputError("baseline", f"{file}: {error}", "name another file") from error


def write_baseline(file: Path, verdict: PipelineVerdict) -> None:
    """Write a baseline file that names all that a verdict found.

    Raises:
        MachineError: it cannot be written.
    """
    from floe_local.observe.rules.baseline import baseline_of  # noqa: PLC0415 - seldom needed

    with writing(file):
        file.write_text(baseline_of(verdict.findings), "utf-8")


@dataclass(frozen=True)
class Options:
    """How what is sent is taken.

    Attributes:
        host: the address that the tap listens on.
        ports: of OTLP and of OpenLineage; 0: any free one.
        deadline_s: how long is waited, after the command's end, for what it left behind; and after
            that, until backends hold what was acknowledged.
        folder: the project's; there the last sessions are kept.
        traceparent: the command is given TRACEPARENT, of the session's trace.
        tell: called with what is waited for, and how long, after the command's end.
    """

    host: str = LOOPBACK
    ports: tuple[int, int] = (0, 0)
    deadline_s: float = 15.0
    folder: Path = Path()
    traceparent: bool = False
    tell: Callable[[str], object] = str


@dataclass(frozen=True)
class RunResult:
    """What came of a command, or of listening. `file` is the session's; None: it was not kept."""

    verdict: PipelineVerdict
    session: ObservedSession
    command_exit: int = 0
    problem: str = ""
    file: Path | None = None
    warnings: tuple[str, ...] = ()

    @property
    def exit_code(self) -> int:
        """The command's, where it is not 0; else that of the verdict."""
        return self.command_exit or (0 if self.verdict.ok else 1)

    @property
    def seconds(self) -> float:
        """How long it took."""
        return (self.session.about.ended or 0.0) - self.session.about.started

    @property
    def document(self) -> dict[str, Any]:
        """What came of it as JSON has it."""
        return {
            "command_line": list(self.session.about.command),
            "command_exit": self.command_exit,
            "exit": self.exit_code,
            "seconds": round(self.seconds, 3),
            "session": str(self.file) if self.file else None,
            "warnings": list(self.warnings),
            **self.verdict.document,
        }


def run(
    command: Sequence[str],
    settings: Settings,
    options: Options | None = None,
    *,
    where: Where | None = None,
    environ: Mapping[str, str] | None = None,
) -> RunResult:
    """Run a command, take what it sends, and judge it.

    Args:
        command: its words.
        settings: how it is judged.
        options: how it is taken.
        where: the stack behind the tap; None: none, and no Docker.
        environ: the command's variables, under the tap's; None: this process's.

    Raises:
        InputError: there is no such profile, or the address is none.
        MachineError: nothing can listen there (``listen``), or there is no such stack.
    """
    known = os.environ if environ is None else environ
    about = About(source="run", command=tuple(command))
    with Watch(about, settings, options or Options(), where, known) as watch:
        child = CommandProcess(command, {**known, **watch.variables, **watch.marks})
        return watch.finish(child.run(), child.problem)


def listen(
    settings: Settings,
    options: Options | None = None,
    *,
    where: Where | None = None,
    environ: Mapping[str, str] | None = None,
    ready: Callable[[Mapping[str, str]], None],
) -> RunResult:
    """Take what is sent by whoever has the variables, until SIGINT or SIGTERM, and judge it.

    Args:
        settings: how it is judged.
        options: how it is taken.
        where: the stack behind the tap; None: none, and no Docker.
        environ: this process's variables, of which some would win; None: `os.environ`.
        ready: called with the variables that lead here, once all listens.

    Raises:
        InputError: there is no such profile, or the address is none.
        MachineError: nothing can listen there (``listen``), or there is no such stack.
    """
    known = os.environ if environ is None else environ
    with Watch(About(source="listen"), settings, options or Options(), where, known) as watch:
        over = Event()

        def stop(_number: int, _frame: FrameType | None) -> None:
            over.set()

        before = {one: signal.signal(one, stop) for one in (signal.SIGINT, signal.SIGTERM)}
        try:
            ready(watch.variables)
            over.wait()
            return watch.finish()
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


class Watch:
    """A tap, with a stack behind it or not, from its opening until the verdict."""

    def __init__(
        self,
        about: About,
        settings: Settings,
        options: Options,
        where: Where | None,
        environ: Mapping[str, str],
    ) -> None:
        self._options, self._environ = options, environ
        self._behind = _stack(where, environ)
        folder = self._behind.plan.identity.folder if self._behind else options.folder
        self._folder = _folder(Path(folder))
        self._tap = open_tap(options, self._folder, self._behind)
        self.variables = self._variables()
        job = Path(about.command[0]).name if about.command else about.source
        namespace = self.variables["OPENLINEAGE_NAMESPACE"]
        own = OwnRun(namespace, job, str(uuid4()))
        self._about = replace(
            about,
            session_id=uuid4().hex,
            namespace=namespace,
            own_run=str(own),
            started=time(),
        )
        session_id = self._about.session_id
        self.marks = marks(session_id, own, environ, traceparent=options.traceparent)
        self._settings = _for_stack(settings, self._behind) if self._behind else settings
        self._open = ExitStack()
        self._follower: Follower | None = None
        self._parts: list[ObservedSession] = []

    def _variables(self) -> dict[str, str]:
        base: dict[str, str] = {}
        if self._behind:
            base = self._behind.variables(self._environ)
        known = {**self._environ, **base}
        if protocol := self._environ.get("OTEL_EXPORTER_OTLP_PROTOCOL"):  # either is taken
            known["OTEL_EXPORTER_OTLP_PROTOCOL"] = protocol
        own = tap_variables(self._options.host, self._tap.otlp_port, self._tap.lineage_port, known)
        return base | own

    def __enter__(self) -> Self:
        self._open.callback(sys.setswitchinterval, sys.getswitchinterval())
        sys.setswitchinterval(_SWITCH_S)
        if self._behind:
            from floe_local.operations.observe_stack import Follower  # noqa: PLC0415 - see `_stack`

            self._follower = self._open.enter_context(Follower(self._tap, self._behind))
        return self

    def __exit__(self, *raised: object) -> None:
        """Take no more."""
        self._open.close()
        self._tap.close()
        if self._behind:
            self._behind.close()

    def _seen(self) -> ObservedSession:
        """What came so far."""
        if self._follower:
            return self._follower.take()
        self._parts.append(self._tap.take())
        return joined(self._parts)

    def _wait_for_rest(self) -> None:
        """Wait until it is quiet, and until runs have ended that a process may end still."""
        limit = self._options.deadline_s
        self._tap.settle(limit, last=False)
        if self._about.source == "run" and (names := self._left_open()):
            text = f"waiting for runs that have not ended, at most {limit:g} s: {names}"
            self._options.tell(text)
            names = until(self._left_open, limit, growing(), done=lambda found: not found)
            if names:
                self._tap.fault("run-left-open", f"{limit:g} s after the command's end: {names}")
        self._tap.settle(limit)

    def _left_open(self) -> str:
        """The jobs of runs that have not ended, and that a process may end that was left behind."""
        jobs = {str(run.job) for run in open_runs(self._seen())}
        return ", ".join(sorted(jobs)) if jobs and is_left_running(self._about.session_id) else ""

    def finish(self, exit_code: int = 0, problem: str = "") -> RunResult:
        """Wait for the rest, and judge all."""
        self._wait_for_rest()
        stored: tuple[Stored, ...] = ()
        found: list[RuleFinding] = []
        if self._follower and self._behind:
            taken, stored, found = self._follower.finish(self._options.deadline_s)
            found = [*found, *self._behind.not_forwarded()]
        else:
            taken = joined([*self._parts, self._tap.finish()])
        about = replace(self._about, ended=time(), exit_code=exit_code)
        session = replace(taken, about=about)
        found += nothing_came(session, self._options.host)
        verdict = judge(session, self._settings, found, stored)
        file, unkept = _kept(session, self._folder)
        return RunResult(
            verdict=verdict,
            session=session,
            command_exit=exit_code,
            problem=problem,
            file=file,
            warnings=(*_rivals(self.variables, self._environ), *unkept),
        )


def _stack(where: Where | None, environ: Mapping[str, str]) -> StackBehind | None:
    if where is None:
        return None
    # Only with a stack: pydantic, the client and urllib3 take half a second to load.
    from floe_local.operations.observe_stack import StackBehind  # noqa: PLC0415

    return StackBehind(where, environ)


def _for_stack(settings: Settings, behind: StackBehind) -> Settings:
    """How a session is judged that a stack's backends are behind."""
    profiles = tuple(dict.fromkeys([*settings.profiles, *behind.rules]))
    return replace(settings, namespace=behind.namespace, profiles=profiles, backends=behind.rules)


def open_tap(options: Options, folder: Path | None, behind: StackBehind | None = None) -> Tap:
    """Start listening.

    Raises:
        MachineError: nothing can listen there (``listen``).
    """
    otlp = behind.dial if behind else sink
    lineage = behind.lineage if behind else take_event
    try:
        return Tap(options.host, otlp=otlp, lineage=lineage, folder=folder, ports=options.ports)
    except OSError as error:
        reason = f"cannot listen on {options.host}: {error.strerror or error}"
        raise MachineError("listen", reason, "name an address of this machine") from error


def nothing_came(session: ObservedSession, host: str) -> list[RuleFinding]:
    """The finding that a command in a container cannot reach this machine's loopback."""
    named = {Path(word).name for word in session.about.command[:_WORDS_LOOKED_AT]}
    tools = sorted(named & _CONTAINER_TOOLS)
    if not (session.empty and tools and is_loopback(host)):
        return []
    text = f"{tools[0]} runs it in a container, which cannot reach {host}: use --listen"
    title, why = "a command can reach the tap", "Nothing came, so nothing was judged."
    return [
        RuleFinding("taking", "unreachable", Severity.ERROR, title, why, (Occurrence("", text),))
    ]


def _folder(project: Path) -> Path | None:
    """Where sessions are kept; None: nowhere, as that folder cannot be written."""
    try:
        return prepare(project)
    except OSError:
        return None


def _kept(session: ObservedSession, folder: Path | None) -> tuple[Path | None, tuple[str, ...]]:
    """The session's file; None, and why it is not kept."""
    try:
        return (keep(session, folder), ()) if folder else (None, ())
    except OSError as error:
        return None, (f"the session is not kept in {folder}: {error.strerror or error}",)


def _rivals(variables: Mapping[str, str], environ: Mapping[str, str]) -> tuple[str, ...]:
    """What of the user's own wins over the tap's variables; read only where there is any."""
    files = (Path("openlineage.yml"), Path.home() / ".openlineage" / "openlineage.yml")
    named = any(name.startswith(_OF_CLIENTS) for name in environ)
    if not named and not any(file.exists() for file in files):
        return ()
    from floe_local.operations.stacks import rivals_among  # noqa: PLC0415 - pydantic is slow to load

    return rivals_among(variables, environ)
