"""Real clients: what each is, an environment with it, a run of it, and what it has sent.

A client is a folder here: its program, the file in which its ecosystem pins packages, and
`client.yaml`, which says in which ways it sends. A program prints what it has sent on a line of JSON,
in the shape of `Sent`.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple
from urllib.parse import quote

import jmespath
import requests
import yaml

from floe_local.errors import CheckFailedError
from floe_local.observe.rules.profiles import DEFAULT
from floe_local.operations.show import EnvFor, env
from floe_local.plan.values import Frozen, OtlpProtocol, Signal
from tests.processes import made_once
from tests.waiting import wait_for

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from floe_local.testing import FloeLocal

HERE = Path(__file__).parent
SESSIONS = HERE.parent / "data" / "sessions"
CACHE = HERE.parents[1] / ".cache"
INSTALL_LIMIT_S = 900
RUN_LIMIT_S = 300
WRITTEN_AT_MOST = 3000
ARRIVAL_S = 30.0
PRINTED = ('{"spans":', '{"runs":')
"""How the line with what a client has sent begins; its SDK may write others after it."""
ABSENCE_S = 2.0
"""How long a span or a run that cannot arrive is looked for, after its client has ended."""


class Span(Frozen):
    """A span of a trace; None: any."""

    trace_id: str
    name: str | None = None


class Run(Frozen):
    """A run, and the type of its last event."""

    run_id: str
    state: str = "COMPLETE"


class Sent(Frozen):
    """What a client has sent: by ids, or by names where it prints none.

    `jobs` are in the stack's namespace; a backend may put the parent's name before theirs.
    """

    spans: tuple[Span, ...] = ()
    runs: tuple[Run, ...] = ()
    jobs: tuple[str, ...] = ()
    services: tuple[str, ...] = ()


class PrintedVariables(Frozen):
    """The options of `floe-local env`."""

    protocol: OtlpProtocol | None = None
    integration: EnvFor | None = None

    @property
    def command(self) -> str:
        """As it is typed."""
        options = {"--protocol": self.protocol, "--for": self.integration}
        return " ".join(["env", *(f"{name} {value}" for name, value in options.items() if value)])


class Way(Frozen):
    """One way in which a client sends.

    Attributes:
        run: a line of bash, run in the client's environment.
        env: how its variables are printed.
        signal: what it sends.
        protocol: how that travels.
        reads: those of the printed variables that it reads.
        sends: where the program itself does not print it.
        lost: why it cannot arrive; empty: it arrives.
        nightly: too long for every commit.
    """

    run: str
    env: PrintedVariables = PrintedVariables()
    signal: Signal
    protocol: Literal["OTLP/gRPC", "OTLP/HTTP", "HTTP"]
    reads: tuple[str, ...]
    sends: Sent = Sent()
    lost: str = ""
    nightly: bool = False


class Recording(Frozen):
    """What one run of a client has sent, kept as a session file, and what the rules find in it.

    Attributes:
        run: a line of bash, run in the client's environment.
        finds: code → how often it finds something; nothing else does.
        passes: codes that have something to look at in it, and nothing against it.
        profiles: whose rules look at it.
        namespace: the OpenLineage namespace of the manifest.
        kept: whether there is a session file; one of an event of 300 kB is too large.
    """

    run: str
    finds: dict[str, int] = {}
    passes: tuple[str, ...] = ()
    profiles: tuple[str, ...] = DEFAULT
    namespace: str = ""
    kept: bool = True


class Client(Frozen):
    """A client: the package whose version counts, its ways, what no variable does for it."""

    folder: Path
    package: str
    ways: dict[str, Way]
    notes: tuple[str, ...] = ()
    recordings: dict[str, Recording] = {}

    @property
    def version(self) -> str:
        """The version of the package that its ecosystem's file pins."""
        return pinned(self.folder, self.package)


def clients() -> list[Client]:
    """Every client of this folder, by name."""
    files = sorted(HERE.glob("*/client.yaml"))
    return [
        Client(folder=file.parent, **yaml.safe_load(file.read_text(encoding="utf-8")))
        for file in files
    ]


def session_file(client: Client, name: str) -> Path:
    """Where a recording of a client is kept."""
    return SESSIONS / client.folder.name / f"{name.replace(' ', '-')}.ndjson"


# ------------------------------------------------------------------ environments


class Ecosystem(NamedTuple):
    """How packages are pinned, and installed into a copy of the client's folder."""

    tool: str
    pin: str
    install: str


ECOSYSTEMS = {
    "requirements.txt": Ecosystem(
        "uv",
        r"^{package}==(\S+)$",
        "uv venv --quiet --python '{python}' .venv && "
        "uv pip install --quiet --only-binary :all: --python .venv/bin/python -r requirements.txt",
    ),
    "package.json": Ecosystem(
        "npm",
        r'"{package}": "([^"]+)"',
        "npm install --silent --ignore-scripts --no-package-lock --no-audit --no-fund",
    ),
    "pom.xml": Ecosystem(
        "mvn",
        r"<artifactId>{package}</artifactId>\s*<version>([^<]+)</version>",
        "mvn --quiet --batch-mode -Dmaven.repo.local='{cache}/m2' compile "
        "dependency:copy-dependencies -DoutputDirectory=target/lib",
    ),
    "go.mod": Ecosystem(
        "go",
        r"^(?:require)?\s*{package} (v\S+)",
        "go build -o bin/ $(if [[ -f main.go ]]; then echo .; else echo tool; fi)",
    ),
}
"""By the file that a client's folder holds; it may hold several."""


def pinned(folder: Path, package: str) -> str:
    """The version of `package` that the folder's files pin.

    Raises:
        LookupError: none of them does.
    """
    for name, ecosystem in ECOSYSTEMS.items():
        file = folder / name
        pattern = ecosystem.pin.replace("{package}", re.escape(package))
        if file.exists() and (found := re.search(pattern, file.read_text("utf-8"), re.MULTILINE)):
            return found[1]
    message = f"{folder.name}: no file pins {package}"
    raise LookupError(message)


def ecosystems(folder: Path) -> list[Ecosystem]:
    """Those whose file the folder holds."""
    return [e for name, e in ECOSYSTEMS.items() if (folder / name).exists()]


def environment(client: Client) -> Path:
    """A copy of the client's folder with its packages installed; made once for each content.

    Raises:
        CheckFailedError: they could not be installed.
    """
    every = CACHE / "clients" / client.folder.name

    def install(made: Path) -> None:
        shutil.rmtree(every, ignore_errors=True)  # those of other contents, too
        shutil.copytree(client.folder, made)
        for ecosystem in ecosystems(made):
            command = ecosystem.install.format(python=sys.executable, cache=CACHE)
            done = _bash(command, made, _installing(), INSTALL_LIMIT_S)
            if done.returncode:
                raise _failed(command, done, "is a registry out of reach?")

    tool = ecosystems(client.folder)[0].tool  # not each keeps its cache from others that install
    return made_once(every / _content(client.folder), install, every.with_name(f"{tool}.lock"))


def missing_tools(client: Client) -> list[str]:
    """Programs that this machine lacks to install the client."""
    tools = [ecosystem.tool for ecosystem in ecosystems(client.folder)]
    return [tool for tool in tools if shutil.which(tool, path=_installing()["PATH"]) is None]


def _content(folder: Path) -> str:
    digest = hashlib.sha256(f"{sys.version}{ECOSYSTEMS}".encode())
    for file in sorted(p for p in folder.rglob("*") if p.is_file()):
        digest.update(str(file.relative_to(folder)).encode() + b"\0" + file.read_bytes())
    return digest.hexdigest()[:12]


def _installing() -> dict[str, str]:
    """The caller's environment; what installers fetch is kept in CACHE, unless it says where."""
    caches = {
        "UV_CACHE_DIR": "uv",
        "npm_config_cache": "npm",
        "GOMODCACHE": "go/mod",
        "GOCACHE": "go/build",
    }
    kept = {variable: str(CACHE / below) for variable, below in caches.items()}
    return kept | os.environ | {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}


# ------------------------------------------------------------------ runs


def printed(stack: FloeLocal, asked: PrintedVariables, only: Iterable[str] | None = None) -> str:
    """What `floe-local env` prints for a shell; `only` these of its variables."""
    text = env(stack.where, "shell", **asked.model_dump(), show_secrets=True).text
    if only is None:
        return text
    names = tuple(f"export {name}=" for name in only)
    return "".join(line for line in text.splitlines(keepends=True) if line.startswith(names))


def run(way: Way, home: Path, variables: str) -> Sent:
    """Run a client that is given `variables`, a text to be eval'ed, and nothing else.

    Raises:
        CheckFailedError: it ended with an error, which a client that is `lost` may.
    """
    done = _bash(f"{variables}\n{way.run}", home, bare_environment(home), RUN_LIMIT_S)
    if done.returncode and not way.lost:
        raise _failed(way.run, done, "try it by hand, with what `floe-local env` prints")
    if way.sends != Sent():
        return way.sends
    lines = [line for line in done.stdout.splitlines() if line.startswith(PRINTED)]
    if not lines:
        raise _failed(way.run, done, "its program must print what it has sent")
    return Sent.model_validate_json(lines[-1])


def bare_environment(home: Path) -> dict[str, str]:
    """What a program needs to run at all."""
    tools = (shutil.which(name) for name in ("bash", "java", "node"))
    folders = dict.fromkeys(str(Path(tool).parent) for tool in tools if tool)
    below = home / "home"
    below.mkdir(exist_ok=True)
    path = [str(home / ".venv" / "bin"), str(home / "bin"), *folders, "/usr/bin", "/bin"]
    return {"HOME": str(below), "PATH": ":".join(path), "LANG": "C.UTF-8"}


def _bash(
    line: str, folder: Path, environ: Mapping[str, str], limit_s: float
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["bash", "-euo", "pipefail", "-c", line],
        cwd=folder,
        env=dict(environ),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=limit_s,
        check=False,
    )


def _failed(line: str, done: subprocess.CompletedProcess[str], hint: str) -> CheckFailedError:
    written = f"{done.stdout}\n{done.stderr}"[-WRITTEN_AT_MOST:]
    return CheckFailedError("client", f"$ {line}\nexit {done.returncode}\n{written}", hint)


# ------------------------------------------------------------------ read-back


def arrives(
    stack: FloeLocal, sent: Sent, within_s: float = ARRIVAL_S, known: frozenset[str] = frozenset()
) -> None:
    """Wait until the backends themselves show all that a client has sent.

    Args:
        stack: its backends.
        sent: what is looked for.
        within_s: how long, for each.
        known: ids that do not count, see `known_ids`.

    Raises:
        CheckFailedError: they do not.
    """
    if sent == Sent():
        raise CheckFailedError("nothing-sent", "the client has sent nothing", "look at its program")
    traces = [_new(stack, _traces, name, within_s, known) for name in sent.services]
    for span in [*sent.spans, *(Span(trace_id=trace) for trace in traces)]:
        stack.wait_for_span(span.trace_id, name=span.name, deadline_s=within_s)
    for one in sent.runs:
        shown = stack.wait_for_run(one.run_id, state=one.state, deadline_s=within_s)
        if not shown.get("startedAt"):
            raise CheckFailedError("no-start", f"START of {one.run_id} is missing", "was it sent?")
    for run_id in [_new(stack, _runs, name, within_s, known) for name in sent.jobs]:
        stack.wait_for_run(run_id, state="COMPLETE", deadline_s=within_s)


def known_ids(stack: FloeLocal, sent: Sent) -> frozenset[str]:
    """What the backends show already under the names of what is going to be sent."""
    ids = [*(_traces(stack, name) for name in sent.services)]
    ids += [*(_runs(stack, name) for name in sent.jobs)]
    return frozenset().union(*ids)


def _new(
    stack: FloeLocal,
    find: Callable[[FloeLocal, str], set[str]],
    name: str,
    within_s: float,
    known: frozenset[str],
) -> str:
    what = f"the backend shows something new of {name}"
    return min(wait_for(lambda: find(stack, name) - known, what, within_s))


def _traces(stack: FloeLocal, service: str) -> set[str]:
    """The traces of a service, by Jaeger's search."""
    today = datetime.now(tz=UTC)
    query = {
        "query.service_name": service,
        "query.num_traces": "100",
        "query.start_time_min": (today - timedelta(days=1)).isoformat(),
        "query.start_time_max": (today + timedelta(days=1)).isoformat(),
    }
    answer = _get(f"{stack.endpoints['jaeger.query']}api/v3/traces", query)
    found = jmespath.search("result.resourceSpans[].scopeSpans[].spans[].traceId", answer)
    return set(found or ())


def _runs(stack: FloeLocal, job: str) -> set[str]:
    """The latest run of a job, by Marquez' list of the jobs of the stack's namespace."""
    namespace = quote(stack.env()["OPENLINEAGE_NAMESPACE"], safe="")
    url = f"{stack.endpoints['marquez.api']}api/v1/namespaces/{namespace}/jobs"
    jobs = _get(url, {"limit": "1000"}).get("jobs", [])
    named = (j for j in jobs if j["name"] == job or j["name"].endswith(f".{job}"))
    return {str(j["latestRun"]["id"]) for j in named if j.get("latestRun")}


def _get(url: str, query: Mapping[str, str]) -> dict[str, Any]:
    """A JSON document; an empty one while there is nothing."""
    session = requests.Session()
    session.trust_env = False  # no proxy
    with session:
        answer = session.get(url, params=dict(query), timeout=10)
    return dict(answer.json()) if answer.ok else {}
