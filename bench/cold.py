"""The first `./dev demo` of a machine that has nothing: where its time goes, step by step."""

from __future__ import annotations

import re
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from bench.measure import Comparison

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterable, Iterator

COLD = Path(__file__).parents[1] / ".ci" / "cold"
TICKS_PER_S = 100  # of /proc/stat, on every Linux machine
_STEP = re.compile(r"^[\u00b7\u2713\u2717] (?P<subject>\S+) +(?P<phase>\w+)|^(?P<dev>dev: [^(:]+)")
_ENDED = re.compile(r"^== \./dev demo: status (?P<status>\d+), (?P<seconds>\d+) s$")


class Moment(NamedTuple):
    """A line of the log: when it came (seconds), and what all processors had worked till then."""

    at: float
    cpu_s: float
    line: str


class Step(NamedTuple):
    """One subject, such as an image, from its first line to its last; `cpu_s` is the machine's."""

    name: str
    began: float
    ended: float
    cpu_s: float


def busy_s() -> float:
    """Seconds that all processors have worked since the machine began, containers included."""
    user, nice, system, *_ = Path("/proc/stat").read_text().splitlines()[0].split()[1:]
    return (int(user) + int(nice) + int(system)) / TICKS_PER_S


def watched(command: list[str]) -> Iterator[Moment]:
    """Run a command; each line of its output as it comes."""
    began, worked = time.monotonic(), busy_s()
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        for line in process.stdout or ():
            yield Moment(time.monotonic() - began, busy_s() - worked, line.rstrip())
    if process.returncode:
        raise SystemExit(f"{' '.join(command)} ended with {process.returncode}")


def steps_of(log: Iterable[Moment]) -> list[Step]:
    """Each subject that the log names, in the order in which they began."""
    seen: dict[str, list[Moment]] = {}
    for moment in log:
        if found := _STEP.search(moment.line):
            seen.setdefault(found["subject"] or found["dev"].strip(), []).append(moment)
    return [
        Step(name, lines[0].at, lines[-1].at, lines[-1].cpu_s - lines[0].cpu_s)
        for name, lines in seen.items()
    ]


def critical_path(steps: list[Step]) -> list[Step]:
    """Walk back from the step that ended last, each time to what ended last before it began."""
    path: list[Step] = []
    left = [step for step in steps if step.ended > step.began]
    while left:
        path.insert(0, max(left, key=lambda step: step.ended))
        left = [step for step in left if step.ended <= path[0].began]
    return path


def cold(_asked: argparse.Namespace) -> Iterator[Comparison]:
    """`./dev demo` on empty caches, then once more. Root, Linux, half an hour, a quiet machine."""
    log = []
    for moment in watched([str(COLD), "demo", "demo"]):
        sys.stderr.write(f"{moment.at:7.1f} {moment.cpu_s:7.1f} {moment.line}\n")
        log.append(moment)
    ends = [index for index, moment in enumerate(log) if _ENDED.search(moment.line)]
    first = log[: ends[0] + 1]
    steps = steps_of(first)
    on_path = critical_path(steps)
    sys.stderr.write(f"CPU of the first run: {first[-1].cpu_s:.0f} s\n")
    for step in sorted(steps, key=lambda step: step.began):
        mark = "critical" if step in on_path else ""
        times = f"{step.began:7.1f} to {step.ended:7.1f} s, {step.cpu_s:6.1f} CPU s"
        sys.stderr.write(f"{step.name:40} {times} {mark}\n")
    first_s, second_s = (
        float(found["seconds"]) for moment in log if (found := _ENDED.search(moment.line))
    )
    yield Comparison("`./dev demo` on empty caches / once more", (first_s,), (second_s,))
