"""Compare two Marquez servers: the same events, then what can be read back of both.

    python -m bench.compare_marquez http://127.0.0.1:5000 http://127.0.0.1:6000

The first is the real server, the second its stand-in. Three kinds of events are sent: odd
ones (bench.odd_events), those of real producers, in two orders (--producers DIRECTORY), and
random sequences (bench.marquez_sequences). Compared are the status of every answer and the
runs, jobs, datasets and graphs afterwards. Prints a table; exits with 1 if something differs
that docs/stand-in.md does not list by name.

What is not compared: the order of lists, a null against a field that is absent, the bodies of
errors, what is left of an event that was refused, times of the clock, and ids that a server makes up (they must match one to one).
"""

from __future__ import annotations

import argparse
import json
import random
import re
import sys
import threading
from collections import Counter, defaultdict
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode
from uuid import NAMESPACE_URL, uuid4, uuid5

import requests

from bench.answer_diff import Differ, stored_run_id
from bench.marquez_sequences import make
from bench.odd_events import odd_events

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from bench.marquez_sequences import Sequence
    from bench.odd_events import Odd

DOCUMENT = Path(__file__).parents[1] / "docs/stand-in.md"
EQUAL, UNSTABLE, LISTED, DIFFERENT = "equal", "unstable", "listed", "different"
_TRIES = 3
_TIMEOUT = 120
_SHOWN = 3
_CREATED = 201
_DEEPEST_CALL = 20_000  # some odd events are nested a thousand deep
_STACK = 128 * 1024 * 1024  # bytes
_API = "/api/v1"
_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_LISTED = re.compile(r"^\| `(?P<pattern>[^`]+)` \|", re.MULTILINE)


@dataclass
class Tally:
    """Verdicts by part of the comparison, and the names and details of what differs."""

    listed: tuple[str, ...] = ()
    counts: dict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    differences: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))

    def add(self, part: str, name: str, verdict: str, detail: str = "") -> None:
        """Count one compared answer; its name says what was sent or asked."""
        if verdict == DIFFERENT:
            whole = f"{part}: {name}"
            known = any(fnmatchcase(whole, pattern) for pattern in self.listed)
            verdict = LISTED if known else DIFFERENT
            if not known:
                self.differences[whole].append(detail)
        self.counts[part][verdict] += 1

    def merge(self, other: Tally) -> None:
        """Take in what another thread has counted."""
        for part, counts in other.counts.items():
            self.counts[part].update(counts)
        for name, details in other.differences.items():
            self.differences[name] += details


@dataclass(frozen=True)
class Pair:
    """Two servers, asked the same."""

    first: str
    second: str
    session: requests.Session

    def post(self, body: bytes, headers: dict[str, str], *, chunked: bool = False) -> list[int]:
        """Send an event to both; the two statuses."""
        return [post(self.session, base, body, headers, chunked=chunked) for base in self._bases()]

    def _bases(self) -> tuple[str, str]:
        return self.first, self.second

    def ask(self, method: str, path: str, body: Any = None) -> list[dict[str, Any]]:
        """Both answers: the status, and the body unless it is an error's."""
        return [self._ask(base, method, path, body) for base in self._bases()]

    def _ask(self, base: str, method: str, path: str, body: Any) -> dict[str, Any]:
        got = self.session.request(method, base + path, json=body, timeout=_TIMEOUT)
        is_json = got.ok and got.headers.get("Content-Type") == "application/json"
        return {"status": got.status_code, "body": got.json() if is_json else None}

    def compare(self, tally: Tally, part: str, prefix: str, differ: Differ, path: str) -> None:
        """Compare both answers to a GET; again if they differ, as an order may be by chance."""
        found: list[str] = []
        for attempt in range(_TRIES):
            trial = differ.copy()
            found = trial.differences(*map(trial.plain, self.ask("GET", path)))
            if not found:
                differ.learn(trial)
                tally.add(part, prefix, UNSTABLE if attempt else EQUAL)
                return
        tally.add(part, f"{prefix}{_kind(path)}", DIFFERENT, f"{path} {'; '.join(found[:_SHOWN])}")


def post(
    session: requests.Session,
    base: str,
    body: bytes,
    headers: dict[str, str],
    *,
    chunked: bool = False,
) -> int:
    """Send the bytes of an event to one server; the status of its answer."""
    data = iter([body[:100], body[100:]]) if chunked else body
    url = f"{base}{_API}/lineage"
    return session.post(url, data=data, headers=headers, timeout=_TIMEOUT).status_code


def _kind(path: str) -> str:
    """A path without its names: what kind of request it is."""
    bare, _, query = path.removeprefix(f"{_API}/").partition("?")
    known = {"namespaces", "jobs", "datasets", "runs", "facets", "lineage", "events"}
    shown = "/".join(part if part in known else "*" for part in bare.split("/"))
    node = re.search(r"nodeId=(\w+)%3A", query)
    return f"{shown} {node[1]}" if node else shown


def compare_odd(pair: Pair, listed: tuple[str, ...], odd: Odd) -> Tally:
    """Send one odd event to both servers; compare the status, then what is there of it."""
    tally = Tally(listed)
    statuses = pair.post(odd.body, odd.headers, chunked=odd.chunked)
    same = statuses[0] == statuses[1]
    detail = f"real {statuses[0]}, stand-in {statuses[1]}"
    tally.add("odd, status", odd.name, EQUAL if same else DIFFERENT, detail)
    differ = Differ(frozenset({odd.run, *odd.texts[:1]}))
    for path in _odd_paths(odd) if statuses == [_CREATED, _CREATED] else ():
        pair.compare(tally, "odd, state", f"{odd.name}: ", differ, path)
    return tally


def _odd_paths(odd: Odd) -> Iterator[str]:
    run, namespace, job = odd.texts or (odd.run, odd.namespace, "job")
    stored = stored_run_id(run)
    yield f"{_API}/jobs/runs/{stored}"
    yield f"{_API}/jobs/runs/{stored}/facets?type=job"
    for name in dict.fromkeys((namespace, odd.namespace)):
        base = f"{_API}/namespaces/{quote(name, safe='')}"
        yield from (f"{base}/jobs", f"{base}/datasets")
    yield from _graph_paths(f"job:{namespace}:dag.{job}", (1,))
    yield from (
        f"{_API}/namespaces/{quote(odd.namespace)}/datasets/{name}" for name in ("in", "out")
    )


def compare_producers(pair: Pair, listed: tuple[str, ...], directory: Path) -> Tally:
    """Send the events of each scenario in both orders; compare statuses, then all that is there."""
    tally = Tally(listed)
    for scenario in sorted(path.parent for path in directory.glob("*/events")):
        paths = sorted((scenario / "events").glob("*.json"))
        by_number = sorted(paths, key=lambda path: [int(n) for n in re.findall(r"\d+", path.stem)])
        for order, chosen in (("text", paths), ("number", by_number)):
            events = [json.loads(path.read_text()) for path in chosen]
            _compare_events(pair, tally, f"{scenario.name} by {order}", _renamed(events))
    return tally


def _renamed(events: list[Any]) -> list[Any]:
    """The events in namespaces and with ids of their own, so that a server can be used again."""
    tag = uuid4().hex[:8]

    def renamed(value: Any) -> Any:
        if isinstance(value, dict):
            return {
                key: f"{part}-{tag}"
                if key == "namespace" and isinstance(part, str)
                else renamed(part)
                for key, part in value.items()
            }
        if isinstance(value, list):
            return [renamed(part) for part in value]
        if isinstance(value, str):
            return _UUID.sub(lambda found: str(uuid5(NAMESPACE_URL, f"{found[0]}{tag}")), value)
        return value

    return [renamed(event) for event in events]


def _compare_events(pair: Pair, tally: Tally, name: str, events: list[Any]) -> None:
    runs = dict.fromkeys(event["run"]["runId"] for event in events if "run" in event)
    differ = Differ(frozenset(runs))
    for event in events:
        statuses = pair.post(json.dumps(event).encode(), {"Content-Type": "application/json"})
        same = statuses[0] == statuses[1]
        tally.add("producers, status", name, EQUAL if same else DIFFERENT, str(statuses))
    jobs, datasets = _known(pair, events)
    paths = [path for run in runs for path in _run_paths(run)]
    paths += [path for names in jobs for path in _job_paths(*names)]
    paths += [path for names in datasets for path in _dataset_paths(*names)]
    for path in paths:
        pair.compare(tally, "producers, state", f"{name}: ", differ, path)


def _known(pair: Pair, events: list[Any]) -> tuple[list[Any], list[Any]]:
    """The jobs and the datasets that the real server has in the namespaces of the events."""
    text = json.dumps(events)
    namespaces = dict.fromkeys(re.findall(r'"namespace": "([^"]+)"', text))
    found: tuple[list[Any], list[Any]] = ([], [])
    for namespace in namespaces:
        for kind, names in zip(("jobs", "datasets"), found, strict=True):
            path = f"{_API}/namespaces/{quote(namespace, safe='')}/{kind}?limit=500"
            answer = pair.ask("GET", path)[0]
            parts = (answer["body"] or {}).get(kind, ())
            names.extend((part["namespace"], part["name"]) for part in parts)
    return found


def compare_sequence(
    pair: Pair, listed: tuple[str, ...], share: float, sequence: Sequence
) -> Tally:
    """Send a sequence to both servers and compare all (or a share) that can be read of it."""
    tally = Tally(listed)
    differ = Differ(frozenset(sequence.runs))
    settled = "settled" if sequence.is_settled else "unsettled"
    for step in sequence.steps:
        statuses = [part["status"] for part in pair.ask(step.method, step.path, step.body)]
        verdict = EQUAL if statuses[0] == statuses[1] else DIFFERENT
        name = f"{settled}: {step.method} {_kind(step.path)}"
        tally.add("sequences, status", name, verdict, f"{sequence.name} {statuses}")
    chosen = random.Random(sequence.name)  # noqa: S311 - a repeatable choice, no secret
    for path in _sequence_paths(sequence):
        if chosen.random() < share:
            pair.compare(tally, "sequences, state", f"{settled}: ", differ, path)
    return tally


def _sequence_paths(sequence: Sequence) -> Iterator[str]:
    for namespace in sequence.namespaces:
        base = f"{_API}/namespaces/{quote(namespace, safe='')}"
        yield from (
            f"{base}{rest}" for rest in ("", "/jobs", "/datasets", "/jobs?limit=2&offset=1")
        )
    for run in sequence.runs:
        yield from _run_paths(run)
    for job in sequence.jobs:
        yield from _job_paths(*job)
    for dataset in sequence.datasets:
        yield from _dataset_paths(*dataset)
    query = urlencode({"after": sequence.start, "before": sequence.end, "limit": 50})
    yield f"{_API}/events/lineage?{query}"


def _run_paths(run: str) -> Iterator[str]:
    stored = stored_run_id(run)
    yield f"{_API}/jobs/runs/{stored}"
    yield from (f"{_API}/jobs/runs/{stored}/facets?type={kind}" for kind in ("run", "job"))


def _job_paths(namespace: str, name: str) -> Iterator[str]:
    base = f"{_API}/namespaces/{quote(namespace, safe='')}/jobs/{quote(name, safe='')}"
    yield from (base, f"{base}/runs")
    yield from _graph_paths(f"job:{namespace}:{name}", (0, 1, 20))


def _dataset_paths(namespace: str, name: str) -> Iterator[str]:
    yield f"{_API}/namespaces/{quote(namespace, safe='')}/datasets/{quote(name, safe='')}"
    yield from _graph_paths(f"dataset:{namespace}:{name}", (1, 20))


def _graph_paths(node: str, depths: tuple[int, ...]) -> Iterator[str]:
    for depth in depths:
        yield f"{_API}/lineage?{urlencode({'nodeId': node, 'depth': depth})}"


def listed_differences(document: str) -> tuple[str, ...]:
    """The names (with * and ?) that a page lists in the first column of its tables."""
    return tuple(found["pattern"].replace("[", "[[]") for found in _LISTED.finditer(document))


def _report(tally: Tally, examples: int) -> str:
    heads = (EQUAL, UNSTABLE, LISTED, DIFFERENT)
    lines = [f"{'':24}{'compared':>10}" + "".join(f"{head:>11}" for head in heads)]
    lines += [
        f"{part:24}{counts.total():>10}" + "".join(f"{counts[head]:>11}" for head in heads)
        for part, counts in tally.counts.items()
    ]
    for name, details in sorted(tally.differences.items()):
        lines += [f"\n{name} ({len(details)})", *(f"    {text}" for text in details[:examples])]
    return "\n".join(lines)


def recorded(odds: Iterable[Odd], base: str) -> dict[str, dict[str, int]]:
    """What one server answers to odd events: the status, by field and by value."""
    found: dict[str, dict[str, int]] = {}
    with requests.Session() as session:
        for odd in odds:
            place, _, value = odd.name.partition(": ")
            status = post(session, base, odd.body, odd.headers, chunked=odd.chunked)
            found.setdefault(place, {})[value] = status
    return found


def recording(found: dict[str, dict[str, int]]) -> str:
    """The text of a recording: JSON, a line for each field."""
    lines = (f"{json.dumps(place)}: {json.dumps(statuses)}" for place, statuses in found.items())
    return "{\n" + ",\n".join(lines) + "\n}\n"


def main() -> int:
    """Run the comparison; 1 if anything differs that the documentation does not list."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("first", help="URL of the real server's API")
    parser.add_argument("second", help="URL of the stand-in's API")
    parser.add_argument("--odd", type=int, default=200, help="odd events (0: none, -1: all)")
    parser.add_argument("--producers", type=Path, help="folder of scenarios with events/*.json")
    parser.add_argument("--sequences", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--share", type=float, default=1.0, help="share of the sequences' reads")
    parser.add_argument("--examples", type=int, default=2)
    parser.add_argument("--record", type=Path, help="write the first server's statuses, and end")
    given = parser.parse_args()
    sys.setrecursionlimit(_DEEPEST_CALL)
    threading.stack_size(_STACK)
    odds = odd_events(uuid4().hex[:8])
    if given.record:
        given.record.write_text(recording(recorded(odds, given.first)))
        return 0
    tally = _compare_all(given, odds)
    sys.stdout.write(_report(tally, given.examples) + "\n")
    return int(bool(tally.differences))


def _compare_all(given: argparse.Namespace, odds: list[Odd]) -> Tally:
    pair = Pair(given.first, given.second, requests.Session())
    listed = listed_differences(DOCUMENT.read_text())
    tally = Tally(listed)
    if 0 <= given.odd < len(odds):
        odds = random.Random(given.seed).sample(odds, given.odd)  # noqa: S311 - a repeatable choice
    sequences = (make(given.seed, number) for number in range(given.sequences))
    with ThreadPoolExecutor(given.threads) as workers:
        for part in workers.map(partial(compare_odd, pair, listed), odds):
            tally.merge(part)
        ask = partial(compare_sequence, pair, listed, given.share)
        for part in workers.map(ask, sequences):
            tally.merge(part)
    if given.producers:
        tally.merge(compare_producers(pair, listed, given.producers))
    return tally


if __name__ == "__main__":
    sys.exit(main())
