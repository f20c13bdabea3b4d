"""Real clients below `floe-local run`: what comes, and what the rules find in it."""

from __future__ import annotations

import signal
from shlex import quote
from typing import TYPE_CHECKING

import pytest

from floe_local.observe.verdict import Settings
from floe_local.operations.observe import Options, RunResult, run
from tests.clients.harness import bare_environment, clients
from tests.clients.test_clients import ARRIVING, home_of

if TYPE_CHECKING:
    from pathlib import Path

    from tests.clients.harness import Client

pytestmark = [pytest.mark.clients, pytest.mark.timeout(1200)]

NAMELESS = {"service-name"}
FOUND = {
    "dbt-ol": {"output-without-rows"},
    "floe-core: create_emitter": {"event-urls", "no-datasets"},
    "floe-core: create_sync_emitter": {"event-urls", "no-datasets"},
    "openlineage-java": {"no-datasets"},
    "openlineage-python": {"output-without-rows"},
    "opentelemetry-go": NAMELESS,
    "opentelemetry-java": NAMELESS,
    "opentelemetry-node": NAMELESS,
    "opentelemetry-python": NAMELESS,
}
"""Client, or client and way → what is found in what it sends, of any severity."""


def observed(
    client: Client,
    line: str,
    tmp_path: Path,
    protocol: str | None = None,
    settings: Settings | None = None,
) -> RunResult:
    """Run a line of bash in a client's environment, without a stack."""
    home = home_of(client)
    environ = bare_environment(home)
    if protocol:
        environ["OTEL_EXPORTER_OTLP_PROTOCOL"] = protocol
    command = ["bash", "-euo", "pipefail", "-c", f"cd {quote(str(home))}\n{line}"]
    return run(command, settings or Settings(), Options(folder=tmp_path), environ=environ)


def codes(result: RunResult) -> set[str]:
    return {finding.code for finding in result.verdict.findings}


@pytest.mark.parametrize(
    ("client", "name"), [one for one in ARRIVING if "airflow" not in str(one.id)]
)
def test_what_it_sends_comes_and_is_judged(client: Client, name: str, tmp_path: Path) -> None:
    way = client.ways[name]
    result = observed(client, way.run, tmp_path, way.env.protocol)
    folder = client.folder.name
    assert result.command_exit == 0
    assert all(request.acknowledged for request in result.session.requests)
    assert bool(result.session.events) is (way.signal == "lineage")
    assert codes(result) == FOUND.get(f"{folder}: {name}", FOUND.get(folder, set()))
    assert result.verdict.ok is not (codes(result) & {"event-urls"} != set())


@pytest.fixture
def dbt() -> Client:
    [client] = [one for one in clients() if one.folder.name == "dbt-ol"]
    return client


BROKEN = "select * from nowhere"


def test_a_build_that_fails_in_the_middle(dbt: Client, tmp_path: Path) -> None:
    copied = tmp_path / "project"
    line = (
        f"cp -r . {quote(str(copied))}\ncd {quote(str(copied))}\n"
        f"echo '{BROKEN}' > models/customers.sql\nexport DBT_PROFILES_DIR=$PWD\ndbt-ol build"
    )
    result = observed(dbt, line, tmp_path)
    assert result.exit_code == result.command_exit != 0
    states = [state for job in result.verdict.jobs.values() for state in job.states]
    assert "FAIL" in states
    assert "COMPLETE" in states


def test_a_build_that_is_killed(dbt: Client, tmp_path: Path) -> None:
    script = "dbt-ol build & sleep 0.1; while ! jobs -p >/dev/null; do :; done; sleep 1.5; kill -KILL $!; wait $!"
    result = observed(dbt, script, tmp_path)
    assert result.command_exit == 128 + signal.SIGKILL
    assert not result.verdict.ok
