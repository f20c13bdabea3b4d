"""What the tap costs: the same client through it, and straight to the Collector."""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from bench.measure import Comparison, alternate, timed

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager

CLIENT = str(Path(__file__).with_name("tap_client.py"))
MEMORY_BATCHES = 200  # of 512 spans
RATE_BATCHES = 120
MOST_OVER_TRUE_S, MOST_ADDED_MS, MOST_TO_VERDICT_S, MOST_MIB = 0.5, 0.7, 3.0, 300.0


def tap(
    asked: argparse.Namespace,
    stack: Callable[[], AbstractContextManager[None]],
    floe: Callable[..., list[str]],
    collector: Callable[[], str],
) -> Iterator[Comparison]:
    """Start, delay, rate, the time to the verdict, memory; what is lost is an error."""
    empty = floe("run", "--no-stack", "--allow-empty", "--", "true")
    yield alternate(
        "`run --no-stack -- true` over `true` / 0.5 s",
        lambda: timed(empty) - timed(["true"]),
        lambda: MOST_OVER_TRUE_S,
        max(asked.rounds, 5),
    )
    with stack():
        direct = os.environ | {"OTEL_EXPORTER_OTLP_ENDPOINT": collector()}
        through = floe("run", "-q", "--")
        latency = [sys.executable, CLIENT, "latency", "300"]
        yield alternate(
            "what the tap adds to p50 / 0.7 ms",
            lambda: said([*through, *latency])["p50_ms"] - said(latency, direct)["p50_ms"],
            lambda: MOST_ADDED_MS,
            asked.rounds,
            "ms",
        )
        rate = [sys.executable, CLIENT, "rate", str(RATE_BATCHES)]
        yield alternate(
            "rate through the tap / straight to the Collector; at least 0.8",
            lambda: said([*through, *rate])["spans_per_s"],
            lambda: said(rate, direct)["spans_per_s"],
            asked.rounds,
            "spans/s",
        )
        paced = [sys.executable, CLIENT, "paced", "10"]
        yield alternate(
            "from the command's end to the verdict, 2,000 spans and 200 events / 3 s",
            lambda: time_to_verdict([*through, *paced]),
            lambda: MOST_TO_VERDICT_S,
            min(asked.rounds, 3),
        )
    bulk = floe(
        "run", "--no-stack", "-q", "--", sys.executable, CLIENT, "rate", str(MEMORY_BATCHES)
    )
    yield Comparison(
        f"memory of `run --no-stack` for {MEMORY_BATCHES * 512} spans / 300 MiB",
        (largest(bulk),),
        (MOST_MIB,),
        "MiB",
    )


def said(command: list[str], environment: dict[str, str] | None = None) -> dict[str, float]:
    """The last line of a command that succeeds, as JSON."""
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{' '.join(command)} failed:\n{done.stdout}\n{done.stderr}")
    return dict(json.loads(done.stdout.splitlines()[-1]))


def time_to_verdict(command: list[str]) -> float:
    """Seconds from the client's end to that of floe-local."""
    ended = said(command)["ended"]
    return time.time() - ended


def largest(command: list[str]) -> float:
    """The most memory that a command held, in MiB; its own children are not counted."""
    program = (
        "import resource, subprocess, sys\n"
        "done = subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL)\n"
        "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)\n"
        "sys.exit(done.returncode)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, *command], capture_output=True, text=True, check=True
    )
    return int(done.stdout.split()[-1]) * resource.getpagesize() / 4096 / 1024
