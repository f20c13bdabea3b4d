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


def tap(
    asked: argparse.Namespace,
    stack: Callable[[], AbstractContextManager[None]],
    floe: Callable[..., list[str]],
    collector: Callable[[], str],
) -> Iterator[Comparison]:
    """Start, delay, rate, the time to the verdict, memory; what is lost is an error."""
    empty = floe("run", "--no-stack", "--allow-empty", "--", "true")
    rounds = max(asked.rounds, 5)
    yield alternate(
        "`run --no-stack -- true` / true", lambda: timed(empty), lambda: timed(["true"]), rounds
    )
    with stack():
        direct = os.environ | {"OTEL_EXPORTER_OTLP_ENDPOINT": collector()}
        through = floe("run", "-q", "--")
        for name, number, key, unit in (
            ("latency", "300", "p50_ms", "ms"),
            ("rate", "60", "spans_per_s", "spans/s"),
        ):
            client = [sys.executable, CLIENT, name, number]
            yield alternate(
                f"tap, {name} / straight to the Collector",
                lambda client=client, key=key: said([*through, *client])[key],  # type: ignore[misc]
                lambda client=client, key=key: said(client, direct)[key],  # type: ignore[misc]
                asked.rounds,
                unit,
            )
        paced = [sys.executable, CLIENT, "paced", "10"]
        yield alternate(
            "from the command's end to the verdict, 2,000 spans and 200 events / 3 s",
            lambda: time_to_verdict([*through, *paced]),
            lambda: 3.0,
            min(asked.rounds, 3),
        )
    bulk = floe(
        "run", "--no-stack", "-q", "--", sys.executable, CLIENT, "rate", str(MEMORY_BATCHES)
    )
    yield Comparison(
        f"memory of `run --no-stack` for {MEMORY_BATCHES * 512} spans / 300 MiB",
        (largest(bulk),),
        (300.0,),
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
