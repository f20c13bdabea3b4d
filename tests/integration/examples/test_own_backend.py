"""A backend that is none of floe-local's: installed beside it, brought up, read back."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.e2e.conftest import Shell
from tests.waiting import wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.integration

EXAMPLE = Path(__file__).parents[3] / "examples" / "acme-floe-prometheus"
HERE = Path(sys.executable).parent


@pytest.fixture(scope="module")
def shell(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shell]:
    """A copy of the example, with its wheel's content on the path; its stack is gone afterwards."""
    site = tmp_path_factory.mktemp("site")
    uv = shutil.which("uv") or str(HERE / "uv")
    install = [uv, "pip", "install", "--quiet", "--no-deps", "--target", str(site), str(EXAMPLE)]
    subprocess.run(install, check=True)
    folder = tmp_path_factory.mktemp("acme")
    shutil.copytree(EXAMPLE, folder, dirs_exist_ok=True)
    modules = os.pathsep.join(filter(None, [str(site), os.environ.get("PYTHONPATH")]))
    places = {"PATH": f"{HERE}:{os.environ['PATH']}", "PYTHONPATH": modules}
    shell = Shell(folder, os.environ | places | {"FLOE_LOCAL_BUILD": "always", "NO_COLOR": "1"})
    yield shell
    shell.run("floe-local down --volumes")


@pytest.fixture(scope="module")
def up(shell: Shell) -> dict[str, Any]:
    document: dict[str, Any] = shell.json("floe-local up --free-ports --build")
    return document


def test_its_blueprint_is_found_beside_it(shell: Shell) -> None:
    explained = shell.json("floe-local explain")
    pipelines = explained["otlp_collector_config"]["service"]["pipelines"]
    assert pipelines["metrics"]["exporters"] == ["prometheus"]
    assert pipelines["traces"]["exporters"] == ["debug"]


def test_it_is_read_back(shell: Shell, up: dict[str, Any]) -> None:
    assert up["ok"]
    report = shell.json("floe-local smoke-test --strict")
    verdicts = {(c["signal"], c["protocol"]): c["verdict"] for c in report["checks"]}
    assert verdicts == {
        ("traces", "otlp"): "skipped",
        ("metrics", "grpc"): "received",
        ("metrics", "http"): "received",
        ("logs", "otlp"): "skipped",
    }
    (backend,) = report["backends"]
    assert (backend["name"], backend["origin"]) == ("prometheus", "built")


def test_it_says_whether_it_scrapes(shell: Shell, up: dict[str, Any]) -> None:
    assert up["ok"]

    def verdict() -> tuple[str, str]:
        said = shell.run("floe-local plugins validate --json || true").stdout
        (plugin,) = json.loads(said)["plugins"]
        return plugin["name"], plugin["status"]

    # Prometheus knows it by its last scrape, which a busy machine may not end in time.
    wait_for(lambda: verdict() == ("prometheus", "ok"), lambda: f"a scrape: {verdict()}")
    assert shell.json("floe-local plugins validate")["ok"]


def test_a_backend_that_stores_nothing_is_red(shell: Shell, up: dict[str, Any]) -> None:
    prometheus = f"{up['project']}-prometheus-1"
    shell.run(f"docker pause {prometheus}")
    try:
        report = shell.json("floe-local smoke-test --deadline 2", expect=1)
    finally:
        shell.run(f"docker unpause {prometheus}")
    broken = {check["hop"] for check in report["checks"] if check["verdict"] == "failed"}
    assert broken == {"backend-stored"}


def test_its_own_tests_pass(shell: Shell) -> None:
    done = shell.run("python -m pytest -q -p no:cacheprovider")
    assert " passed" in done.stdout
    assert "skipped" not in done.stdout.splitlines()[-1]
