"""What is measured, each beside what it is compared with: `ALL` has the names."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench.bare_client import Addresses, bare_client_rates
from bench.cold import cold
from bench.measure import Comparison, alternate, timed
from bench.recorder import recorder
from bench.tap import tap

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Iterator

HERE = Path(__file__).parent
PYTHON = sys.executable
THREADS = 8
FLOE = str(Path(PYTHON).parent / "floe-local")
BY_HAND = ["docker", "compose", "-f", str(HERE / "by_hand.yaml")]
FOLDER = Path(tempfile.gettempdir()) / "floe-local-bench"


def floe(*words: str) -> list[str]:
    """A floe-local command on the bench's own stack."""
    return [FLOE, "-s", "bench", *words]


def json_of(*words: str) -> dict[str, object]:
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
    services = json_of("status")["services"]
    assert isinstance(services, list)
    by_service = {s["service"]: s["image"] for s in services}
    return {
        "COLLECTOR_IMAGE": by_service["otel-collector"],
        "JAEGER_IMAGE": by_service["jaeger"],
        "POSTGRES_IMAGE": by_service["postgres"],
        "MARQUEZ_IMAGE": by_service["marquez"],
    }


def cold_up(*options: str) -> float:
    """Seconds of an `up` with cold volumes; the stack is gone again afterwards."""
    took = timed(floe("up", *options))
    timed(floe("down", "--volumes"))
    return took


def up(asked: argparse.Namespace) -> Iterator[Comparison]:
    """`up` with cold volumes against `docker compose up -d --wait` on a hand-written file."""
    with stack():
        environment = os.environ | images()

    def other() -> float:
        took = timed([*BY_HAND, "up", "-d", "--wait"], environment)
        timed([*BY_HAND, "down", "-v"], environment)
        return took

    yield alternate("`up`, cold volumes / docker compose up --wait", cold_up, other, asked.rounds)


def warm(asked: argparse.Namespace) -> Iterator[Comparison]:
    """`up` of a stack that is down, its volumes kept, against the hand-written file."""
    with stack():
        environment = os.environ | images()
        timed([*BY_HAND, "up", "-d", "--wait"], environment)

        def ours() -> float:
            timed(floe("down"))
            return timed(floe("up"))

        def other() -> float:
            timed([*BY_HAND, "down"], environment)
            return timed([*BY_HAND, "up", "-d", "--wait"], environment)

        try:
            yield alternate(
                "`up`, warm volumes / docker compose up --wait", ours, other, asked.rounds
            )
        finally:
            timed([*BY_HAND, "down", "-v"], environment)


def running(asked: argparse.Namespace) -> Iterator[Comparison]:
    """`up` of a stack that runs, beside a bare interpreter."""
    with stack():
        yield alternate(
            "`up` of a running stack / bare interpreter",
            lambda: timed(floe("up")),
            lambda: timed([PYTHON, "-c", "pass"]),
            max(asked.rounds, 9),
        )


FOUR = """\
plugins:
  telemetry_backend: [jaeger, datadog]
  lineage_backend: [marquez, atlan]
"""


def backends(asked: argparse.Namespace) -> Iterator[Comparison]:
    """`up` with four backends at once against the reference pair, both with cold volumes."""
    manifest = FOLDER / "four.yaml"
    with stack():
        manifest.write_text(FOUR)
    chosen = ("-m", str(manifest))
    cold_up(*chosen, "--build")  # whatever has to be built is built before anything is timed
    yield alternate(
        "`up` with four backends / the pair", lambda: cold_up(*chosen), cold_up, asked.rounds
    )


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
    each: dict[str, list[tuple[float, float]]] = {"traces": [], "lineage": []}
    with stack():
        addresses = _addresses()
        for _ in range(asked.rounds):
            bulk = json_of("smoke-test", "--count", str(asked.count))["bulk"]
            assert isinstance(bulk, list)
            bare = bare_client_rates(addresses, asked.count, threads=THREADS)
            each["traces"].append((_milliseconds(bulk, "traces"), bare.ms_per_trace))
            each["lineage"].append((_milliseconds(bulk, "lineage"), bare.ms_per_run))
    for signal, pairs in each.items():
        ours, other = zip(*pairs, strict=True)
        name = f"`smoke-test --count {asked.count}`, {signal}, each / bare loop"
        yield Comparison(name, ours, other, "ms")


def _milliseconds(bulk: list[dict[str, Any]], signal: str) -> float:
    """Milliseconds for one canary of a signal, sent and read back; all must be there."""
    [account] = [a for a in bulk if a["signal"] == signal]
    assert account["sent"] == account["stored"], account
    return float(1000 * (account["send_seconds"] + account["read_seconds"]) / account["sent"])


def _addresses() -> Addresses:
    rows = json_of("urls")["urls"]
    assert isinstance(rows, list)
    at = {f"{r['service']}.{r['endpoint']}": r["url"].rstrip("/") for r in rows}
    return Addresses(at["otel-collector.otlp-grpc"], at["jaeger.query"], at["marquez.api"])


def memory(asked: argparse.Namespace) -> Iterator[Comparison]:
    """Memory of both stacks at rest, in MiB, after the same canaries."""
    with stack():
        environment = os.environ | images()
        timed([*BY_HAND, "up", "-d", "--wait"], environment)
        try:
            yield alternate(
                "memory at rest",
                lambda: resident(f"label=dev.floe.local.stack={json_of('status')['project']}"),
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


CALLED_BY_HAND = "import floe_telemetry_jaeger as p; x = p.JaegerPlugin(); \
x.get_otlp_exporter_config(); x.get_helm_values()"


def conformance(asked: argparse.Namespace) -> Iterator[Comparison]:
    """`plugins test` of one plugin without an engine, beside its methods called by hand."""
    nowhere = os.environ | {"DOCKER_HOST": "unix:///nonexistent/docker.sock"}
    yield alternate(
        "`plugins test`, no Docker / its config methods in a bare interpreter",
        lambda: timed([FLOE, "plugins", "test", "jaeger"], nowhere),
        lambda: timed([PYTHON, "-c", CALLED_BY_HAND]),
        asked.rounds,
    )


def observe(asked: argparse.Namespace) -> Iterator[Comparison]:
    """`run`: what the tap costs."""
    yield from tap(asked, stack, floe, lambda: _addresses().otlp_grpc)


ALL: dict[str, Callable[[argparse.Namespace], Iterator[Comparison]]] = {
    "up": up,
    "warm": warm,
    "running": running,
    "backends": backends,
    "smoke": smoke,
    "startup": startup,
    "count": count,
    "memory": memory,
    "recorder": recorder,
    "conformance": conformance,
    "tap": observe,
    "cold": cold,
}
