"""The measures of the mission: up, smoke-test, start-up, count, memory."""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from bench.bare_client import bare_client_rates
from bench.measure import Comparison, alternate, timed

HERE = Path(__file__).parent
PYTHON = sys.executable
FLOE = str(Path(PYTHON).parent / "floe-local")
BY_HAND = ["docker", "compose", "-f", str(HERE / "by_hand.yaml")]
FOLDER = Path(tempfile.gettempdir()) / "floe-local-bench"


def floe(*words: str) -> list[str]:
    """A floe-local command on the bench's own stack."""
    return [FLOE, "-s", "bench", *words]


def asked_json(*words: str) -> dict[str, object]:
    """What a floe-local command says with --json."""
    done = subprocess.run(
        floe(*words, "--json"), capture_output=True, text=True, check=True, cwd=FOLDER
    )
    return dict(json.loads(done.stdout))


@contextmanager
def stack() -> Iterator[None]:
    """The reference pair, up; gone afterwards, data and all."""
    FOLDER.mkdir(exist_ok=True)
    os.chdir(FOLDER)
    timed(floe("up"))
    try:
        yield
    finally:
        timed(floe("down", "--volumes"))


def images() -> dict[str, str]:
    """The images that floe-local runs, for the hand-written file to run the same."""
    services = asked_json("status")["services"]
    assert isinstance(services, list)
    by_service = {s["name"]: s["image"] for s in services}
    return {
        "COLLECTOR_IMAGE": by_service["otel-collector"],
        "JAEGER_IMAGE": by_service["jaeger"],
        "POSTGRES_IMAGE": by_service["postgres"],
        "MARQUEZ_IMAGE": by_service["marquez"],
    }


def up(asked: argparse.Namespace) -> Iterator[Comparison]:
    """`up` with cold volumes against `docker compose up -d --wait` on a hand-written file."""
    with stack():
        environment = os.environ | images()

    def ours() -> float:
        took = timed(floe("up"))
        timed(floe("down", "--volumes"))
        return took

    def other() -> float:
        took = timed([*BY_HAND, "up", "-d", "--wait"], environment)
        timed([*BY_HAND, "down", "-v"], environment)
        return took

    yield alternate("`up`, cold volumes / docker compose up --wait", ours, other, asked.rounds)


def smoke(asked: argparse.Namespace) -> Iterator[Comparison]:
    """`smoke-test` on a running stack, beside a bare interpreter."""
    with stack():
        yield alternate(
            "`smoke-test` / bare interpreter",
            lambda: timed(floe("smoke-test")),
            lambda: timed([PYTHON, "-c", "pass"]),
            asked.rounds,
        )


def startup(asked: argparse.Namespace) -> Iterator[Comparison]:
    """`--help`, `--version`, beside a bare interpreter."""
    for option in ("--help", "--version"):
        yield alternate(
            f"`{option}` / bare interpreter",
            lambda option=option: timed([FLOE, option]),  # type: ignore[misc]
            lambda: timed([PYTHON, "-c", "pass"]),
            max(asked.rounds, 9),
        )


def count(asked: argparse.Namespace) -> Iterator[Comparison]:
    """`smoke-test --count N` beside a bare client loop with as many threads."""
    with stack():
        endpoints = asked_json("env")
        traces, runs, bare_traces, bare_runs = [], [], [], []
        for _ in range(min(asked.rounds, 5)):
            report = asked_json("smoke-test", "--count", str(asked.count))
            rates = report["bulk"]
            assert isinstance(rates, dict)
            traces.append(rates["ms_per_trace"])
            runs.append(rates["ms_per_run"])
            bare = bare_client_rates(endpoints, asked.count)
            bare_traces.append(bare.ms_per_trace)
            bare_runs.append(bare.ms_per_run)
        name = f"`smoke-test --count {asked.count}`"
        yield Comparison(
            f"{name}, a trace / bare loop", tuple(traces), tuple(bare_traces), "ms"
        )
        yield Comparison(f"{name}, a run / bare loop", tuple(runs), tuple(bare_runs), "ms")


def memory(asked: argparse.Namespace) -> Iterator[Comparison]:
    """Memory of both stacks at rest, in MiB, after the same canaries."""
    with stack():
        environment = os.environ | images()
        timed([*BY_HAND, "up", "-d", "--wait"], environment)
        try:
            yield alternate(
                "memory at rest",
                lambda: resident("label=dev.floe.local.stack"),
                lambda: resident("label=com.docker.compose.project=floe-bench-by-hand"),
                asked.rounds,
                "MiB",
            )
        finally:
            timed([*BY_HAND, "down", "-v"], environment)


def resident(filtered: str) -> float:
    """The memory of the containers that a filter finds, in MiB."""
    found = subprocess.run(
        ["docker", "ps", "-q", "--filter", filtered], capture_output=True, text=True, check=True
    ).stdout.split()
    stats = ["docker", "stats", "--no-stream", "--format", "{{.MemUsage}}", *found]
    lines = subprocess.run(stats, capture_output=True, text=True, check=True).stdout.splitlines()
    return sum(_mib(line.split(" / ")[0]) for line in lines)


def _mib(text: str) -> float:
    units = {"KiB": 1 / 1024, "MiB": 1.0, "GiB": 1024.0}
    return float(text[:-3]) * units[text[-3:]]


ALL: dict[str, Callable[[argparse.Namespace], Iterator[Comparison]]] = {
    "up": up,
    "smoke": smoke,
    "startup": startup,
    "count": count,
    "memory": memory,
}
