"""Compare two Marquez servers: the same random events, then every answer of both.

    python -m bench.compare_marquez http://127.0.0.1:5000 http://127.0.0.1:6000 --sequences 200

Prints how many answers were compared for each kind, how many were equal, equal but for the
order of a list, and different; and the first differences of each kind.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections import Counter, defaultdict
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode
from uuid import UUID

import requests

from bench.answer_diff import Differ
from bench.marquez_sequences import make

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bench.marquez_sequences import Sequence

EQUAL, REORDERED, DIFFERENT = "equal", "order", "different"
_TIMEOUT = 60
_SHOWN = 3


@dataclass
class Tally:
    """Verdicts by kind of request, and examples of what differs."""

    counts: dict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    examples: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))

    def add(self, kind: str, verdict: str, example: str) -> None:
        """Count one compared answer."""
        self.counts[kind][verdict] += 1
        if verdict != EQUAL:
            self.examples[f"{kind} ({verdict})"].append(example)

    def merge(self, other: Tally) -> None:
        """Take in the counts of another sequence."""
        for kind, counts in other.counts.items():
            self.counts[kind].update(counts)
        for kind, examples in other.examples.items():
            self.examples[kind].extend(examples)


@dataclass(frozen=True)
class Pair:
    """Two servers, asked the same."""

    first: str
    second: str
    session: requests.Session

    def ask(self, method: str, path: str, body: Any = None) -> tuple[Any, Any]:
        """Both answers: status, type and body."""
        return self._ask(self.first, method, path, body), self._ask(self.second, method, path, body)

    def _ask(self, base: str, method: str, path: str, body: Any) -> dict[str, Any]:
        got = self.session.request(method, base + path, json=body, timeout=_TIMEOUT)
        kind = got.headers.get("Content-Type")
        is_json = kind == "application/json"
        return {"status": got.status_code, "type": kind, "body": got.json() if is_json else got.text}


def compare_sequence(pair: Pair, sequence: Sequence) -> Tally:
    """Send a sequence to both servers and compare all that can be read of it."""
    tally = Tally()
    differ = Differ(frozenset(sequence.runs))
    for index, step in enumerate(sequence.steps):
        answers = pair.ask(step.method, step.path, step.body)
        kind = f"{step.method} {_kind(step.path)}"
        _judge(tally, differ, kind, f"{sequence.name} step {index}", answers)
    for path in _paths(sequence):
        answers = pair.ask("GET", path)
        _judge(tally, differ, f"GET {_kind(path)}", f"{sequence.name} {path}", answers)
        for paths in _version_paths(path, answers):
            both = pair._ask(pair.first, "GET", paths[0], None), pair._ask(pair.second, "GET", paths[1], None)  # noqa: SLF001 - a pair of two paths
            _judge(tally, differ, f"GET {_kind(paths[0])}", f"{sequence.name} {paths[0]}", both)
    return tally


def _judge(
    tally: Tally, differ: Differ, kind: str, where: str, answers: tuple[Any, Any]
) -> None:
    trial = Differ(differ.sent, dict(differ.pairs), dict(differ.back))
    if not trial.differences(*answers):
        differ.pairs, differ.back = trial.pairs, trial.back
        tally.add(kind, EQUAL, "")
        return
    found = differ.differences(*map(differ.sorted, answers))
    told = found or Differ(differ.sent).differences(*answers) or ["ids"]
    verdict = DIFFERENT if found else REORDERED
    tally.add(kind, verdict, f"{where}\n      " + "\n      ".join(told[:_SHOWN]))


def _kind(path: str) -> str:
    """A path without its names: what kind of request it is."""
    bare, _, query = path.partition("?")
    parts = bare.removeprefix("/api/v1/").split("/")
    names = {"namespaces", "jobs", "datasets", "runs", "versions", "tags", "fields"}
    known = names | {"facets", "lineage", "column-lineage", "events", "search", "runlineage", "upstream"}
    shown = "/".join(part if part in known else "*" for part in parts)
    node = re.search(r"nodeId=(\w+)%3A", query)
    return f"{shown} {node[1]}" if node else shown


def _paths(sequence: Sequence) -> Iterator[str]:
    for namespace in sequence.namespaces:
        base = f"/api/v1/namespaces/{quote(namespace, safe='')}"
        yield from (f"{base}{rest}" for rest in ("", "/jobs", "/datasets", "/jobs?limit=2&offset=1"))
        yield f"{base}/datasets?limit=2&offset=1"
        yield f"{base}/jobs?lastRunStates=COMPLETED&lastRunStates=FAILED"
        yield f"/api/v1/search?{urlencode({'q': 'o', 'namespace': namespace, 'limit': 50})}"
    for job in sequence.jobs:
        yield from _job_paths(*job)
    for run in sequence.runs:
        yield from _run_paths(run)
    for dataset in sequence.datasets:
        yield from _dataset_paths(*dataset)
    yield from _event_paths(sequence)


def _job_paths(namespace: str, name: str) -> Iterator[str]:
    base = f"/api/v1/namespaces/{quote(namespace, safe='')}/jobs/{quote(name, safe='')}"
    yield from (f"{base}{rest}" for rest in ("", "/versions", "/runs", "/runs?limit=1&offset=1"))
    yield from _graph_paths("lineage", f"job:{namespace}:{name}", (0, 1, 2, 20))
    yield from _graph_paths("column-lineage", f"job:{namespace}:{name}", (20,))


def _run_paths(run: str) -> Iterator[str]:
    stored = _stored_run_id(run)
    yield f"/api/v1/jobs/runs/{stored}"
    yield from (f"/api/v1/jobs/runs/{stored}/facets?type={kind}" for kind in ("run", "job"))
    yield f"/api/v1/runlineage/upstream?runId={stored}&depth=3"


def _stored_run_id(run: str) -> str:
    import hashlib  # noqa: PLC0415 - used here only

    try:
        return str(UUID(run))
    except ValueError:
        digest = hashlib.md5(run.encode(), usedforsecurity=False).digest()
        return str(UUID(bytes=digest, version=3))


def _dataset_paths(namespace: str, name: str) -> Iterator[str]:
    base = f"/api/v1/namespaces/{quote(namespace, safe='')}/datasets/{quote(name, safe='')}"
    yield from (base, f"{base}/versions", f"{base}/versions?limit=1&offset=1")
    node = f"dataset:{namespace}:{name}"
    yield from _graph_paths("lineage", node, (1, 20))
    yield from _graph_paths("column-lineage", node, (1, 2, 20))
    query = urlencode({"nodeId": node, "withDownstream": "true"})
    yield f"/api/v1/column-lineage?{query}"
    field_node = f"datasetField:{namespace}:{name}:c0"
    yield from _graph_paths("column-lineage", field_node, (20,))


def _graph_paths(graph: str, node: str, depths: tuple[int, ...]) -> Iterator[str]:
    for depth in depths:
        yield f"/api/v1/{graph}?{urlencode({'nodeId': node, 'depth': depth})}"


def _event_paths(sequence: Sequence) -> Iterator[str]:
    day = f"{sequence.day:%Y-%m-%dT%H:%M:%SZ}"
    between = {"after": day, "before": f"{sequence.day + timedelta(days=1):%Y-%m-%dT%H:%M:%SZ}"}
    for direction in ("desc", "asc"):
        query = urlencode({**between, "sortDirection": direction, "limit": 50})
        yield f"/api/v1/events/lineage?{query}"


def _version_paths(path: str, answers: tuple[Any, Any]) -> Iterator[tuple[str, str]]:
    """For a list of versions: the path of each, in both servers."""
    if not path.endswith("/versions") or any(part["status"] != 200 for part in answers):  # noqa: PLR2004 - HTTP OK
        return
    lists = [part["body"]["versions"] for part in answers]
    for first, second in zip(*lists, strict=False):
        yield f"{path}/{first['version']}", f"{path}/{second['version']}"


def _report(tally: Tally, examples: int) -> str:
    lines = [f"{'':44}{'compared':>9}{'equal':>8}{'order':>8}{'differ':>8}"]
    totals: Counter[str] = Counter()
    for kind, counts in sorted(tally.counts.items()):
        totals.update(counts)
        lines.append(_row(kind, counts))
    lines.append(_row("all", totals))
    for kind, found in sorted(tally.examples.items()):
        lines += [f"\n{kind}: {len(found)}", *(f"    {text}" for text in found[:examples])]
    return "\n".join(lines)


def _row(kind: str, counts: Counter[str]) -> str:
    numbers = (counts.total(), counts[EQUAL], counts[REORDERED], counts[DIFFERENT])
    return f"{kind[:44]:44}" + "".join(f"{number:>{9 if not i else 8}}" for i, number in enumerate(numbers))


def main() -> int:
    """Run the comparison; 1 if anything differs by more than the order of a list."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("first")
    parser.add_argument("second")
    parser.add_argument("--sequences", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--examples", type=int, default=2)
    chosen = parser.parse_args()
    pair = Pair(chosen.first, chosen.second, requests.Session())
    tally = Tally()
    sequences = (make(chosen.seed, number) for number in range(chosen.sequences))
    with ThreadPoolExecutor(chosen.threads) as workers:
        for part in workers.map(lambda sequence: compare_sequence(pair, sequence), sequences):
            tally.merge(part)
    sys.stdout.write(_report(tally, chosen.examples) + "\n")
    return int(any(counts[DIFFERENT] for counts in tally.counts.values()))


if __name__ == "__main__":
    sys.exit(main())
