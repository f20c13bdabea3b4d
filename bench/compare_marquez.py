"""Compare two Marquez servers: the same random events, then every answer of both.

    python -m bench.compare_marquez http://127.0.0.1:5000 http://127.0.0.1:6000 --sequences 200

Prints for each kind of request how many answers were compared; how many were equal; equal
but for the order of a list; unstable (the first server itself answers differently when asked
again, and one of its answers is equal); and different; with the first examples of each.
"""

from __future__ import annotations

import argparse
import hashlib
import random
import re
import sys
from collections import Counter, defaultdict
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode
from uuid import UUID

import requests

from bench.answer_diff import Differ
from bench.marquez_sequences import make

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bench.marquez_sequences import Sequence

EQUAL, REORDERED, UNSTABLE, DIFFERENT = "equal", "order", "unstable", "different"
_TRIES = 4
_TIMEOUT = 60
_SHOWN = 3


@dataclass
class Tally:
    """Verdicts by kind of request, and examples of what differs."""

    counts: dict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    totals: dict[bool, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    examples: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))

    def add(self, kind: str, verdict: str, example: str, *, settled: bool) -> None:
        """Count one compared answer."""
        self.counts[kind][verdict] += 1
        self.totals[settled][verdict] += 1
        if verdict != EQUAL:
            self.examples[f"{kind} ({verdict})"].append(example)

    def merge(self, other: Tally) -> None:
        """Take in the counts of another sequence."""
        for kind, counts in other.counts.items():
            self.counts[kind].update(counts)
        for settled, counts in other.totals.items():
            self.totals[settled].update(counts)
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

    def ask_each(self, paths: tuple[str, str]) -> tuple[Any, Any]:
        """Both answers to a GET, each of its own path: ids that a server made up differ."""
        return self._ask(self.first, "GET", paths[0], None), self._ask(
            self.second, "GET", paths[1], None
        )

    def _ask(self, base: str, method: str, path: str, body: Any) -> dict[str, Any]:
        got = self.session.request(method, base + path, json=body, timeout=_TIMEOUT)
        kind = got.headers.get("Content-Type")
        is_json = kind == "application/json"
        return {
            "status": got.status_code,
            "type": kind,
            "body": got.json() if is_json else got.text,
        }


def compare_sequence(pair: Pair, sequence: Sequence, share: float = 1.0) -> Tally:
    """Send a sequence to both servers and compare all (or a share) that can be read of it."""
    tally = Tally()
    differ = Differ(frozenset(sequence.runs))
    for index, step in enumerate(sequence.steps):
        answers = pair.ask(step.method, step.path, step.body)
        example = _judge(differ, answers)
        kind = f"{step.method} {_kind(step.path)}"
        told = f"{sequence.name} step {index}{example[1]}"
        tally.add(kind, example[0], told, settled=sequence.is_settled)
    for path in _some(sequence, share):
        answers = _compare(pair, differ, tally, sequence, (path, path))
        for paths in _version_paths(path, answers, differ):
            _compare(pair, differ, tally, sequence, paths)
    return tally


def _compare(
    pair: Pair, differ: Differ, tally: Tally, sequence: Sequence, paths: tuple[str, str]
) -> tuple[Any, Any]:
    answers = pair.ask_each(paths)
    verdict, told = _judge(differ, answers)
    for _ in range(_TRIES if verdict == DIFFERENT else 0):
        if _judge(differ, pair.ask_each(paths))[0] in {EQUAL, REORDERED}:
            verdict = UNSTABLE
            break
    kind = f"GET {_kind(paths[0])}"
    where = f"{sequence.name} {paths[0]}{told}"
    tally.add(kind, verdict, where, settled=sequence.is_settled)
    return answers


def _judge(differ: Differ, answers: tuple[Any, Any]) -> tuple[str, str]:
    """The verdict on two answers, and the first differences as indented lines."""
    strict = differ.copy()
    if not strict.differences(*answers):
        differ.learn(strict)
        return EQUAL, ""
    loose = differ.copy()
    found = loose.differences(*map(differ.sorted, answers))
    told = found or differ.copy().differences(*answers)
    return DIFFERENT if found else REORDERED, "".join(f"\n      {text}" for text in told[:_SHOWN])


def _kind(path: str) -> str:
    """A path without its names: what kind of request it is."""
    bare, _, query = path.partition("?")
    parts = bare.removeprefix("/api/v1/").split("/")
    names = {"namespaces", "jobs", "datasets", "runs", "versions", "tags", "fields"}
    known = names | {
        "facets",
        "lineage",
        "column-lineage",
        "events",
        "search",
        "runlineage",
        "upstream",
    }
    shown = "/".join(part if part in known else "*" for part in parts)
    node = re.search(r"nodeId=(\w+)%3A", query)
    return f"{shown} {node[1]}" if node else shown


def _some(sequence: Sequence, share: float) -> list[str]:
    chosen = random.Random(sequence.name)  # noqa: S311 - a repeatable choice, no secret
    return [path for path in _paths(sequence) if chosen.random() < share]


def _paths(sequence: Sequence) -> Iterator[str]:
    for namespace in sequence.namespaces:
        base = f"/api/v1/namespaces/{quote(namespace, safe='')}"
        yield from (
            f"{base}{rest}" for rest in ("", "/jobs", "/datasets", "/jobs?limit=2&offset=1")
        )
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


def _version_paths(
    path: str, answers: tuple[Any, Any], differ: Differ
) -> Iterator[tuple[str, str]]:
    """For a list of versions: the path of each, in both servers."""
    if not path.endswith("/versions") or any(
        part["status"] != requests.codes.ok for part in answers
    ):
        return
    first, second = ([one["version"] for one in part["body"]["versions"]] for part in answers)
    for version in first:
        other = differ.pairs.get(version, version)
        if other in second:
            yield f"{path}/{version}", f"{path}/{other}"


def _report(tally: Tally, examples: int) -> str:
    lines = [f"{'':44}{'compared':>9}{'equal':>8}{'order':>8}{'unstable':>9}{'differ':>8}"]
    lines += [_row(kind, counts) for kind, counts in sorted(tally.counts.items())]
    lines.append(_row("all of settled sequences", tally.totals[True]))
    lines.append(_row("all of the others", tally.totals[False]))
    lines.append(_row("all", tally.totals[True] + tally.totals[False]))
    for kind, found in sorted(tally.examples.items()):
        lines += [f"\n{kind}: {len(found)}", *(f"    {text}" for text in found[:examples])]
    return "\n".join(lines)


def _row(kind: str, counts: Counter[str]) -> str:
    parts = f"{counts[EQUAL]:>8}{counts[REORDERED]:>8}{counts[UNSTABLE]:>9}{counts[DIFFERENT]:>8}"
    return f"{kind[:44]:44}{counts.total():>9}{parts}"


def main() -> int:
    """Run the comparison; 1 if anything differs by more than the order of a list."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("first")
    parser.add_argument("second")
    parser.add_argument("--sequences", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--share", type=float, default=1.0, help="share of the reads to compare")
    parser.add_argument("--examples", type=int, default=2)
    chosen = parser.parse_args()
    pair = Pair(chosen.first, chosen.second, requests.Session())
    tally = Tally()
    sequences = (make(chosen.seed, number) for number in range(chosen.sequences))
    with ThreadPoolExecutor(chosen.threads) as workers:
        for part in workers.map(partial(compare_sequence, pair, share=chosen.share), sequences):
            tally.merge(part)
    sys.stdout.write(_report(tally, chosen.examples) + "\n")
    return int(any(counts[DIFFERENT] for counts in tally.counts.values()))


if __name__ == "__main__":
    sys.exit(main())
