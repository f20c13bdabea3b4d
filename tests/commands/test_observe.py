"""run, listen, check: a command's own output and exit code, and floe-local's verdict beside it."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jsonschema
import pytest

from tests.commands.test_documents import schema
from tests.processes import said_at_the_end
from tests.unit.observe.conftest import event

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.unit.cli.conftest import Ended

pytestmark = pytest.mark.usefixtures("project")

EMIT = """
import json, os, sys, urllib.request
for event in json.loads(sys.argv[1]):
    data = json.dumps(event).encode()
    urllib.request.urlopen(urllib.request.Request(os.environ["OPENLINEAGE_URL"], data), timeout=10)
sys.stdout.write("done\\n")
sys.exit(int(sys.argv[2]) if len(sys.argv) > 2 else 0)
"""
SOUND = [event("START", 0), event("COMPLETE", 1)]


def emitting(events: list[Any], code: int = 0) -> list[str]:
    """A command that sends events, and ends so."""
    return [sys.executable, "-c", EMIT, json.dumps(events), str(code)]


@pytest.fixture(autouse=True)
def _plain(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith(("OTEL_", "OPENLINEAGE"))]:
        monkeypatch.delenv(name)


def test_a_sound_run_is_green_and_stdout_is_the_commands() -> None:
    with started("run", "--no-stack", "--", *emitting(SOUND)) as process:
        out, err = process.communicate(timeout=60)
    assert process.returncode == 0
    assert out == "done\n"
    assert "> ns/job" in err
    assert "green: 2 events: no findings\n" in err


@pytest.mark.parametrize(
    ("command", "code"),
    [
        (emitting(SOUND, 7), 7),
        (emitting(SOUND[:1]), 1),
        (emitting(SOUND[:1], 9), 9),
        (["true"], 1),
        (["no-such-command"], 127),
        (["/"], 126),
        (["sh", "-c", "kill -TERM $$"], 128 + signal.SIGTERM),
        (["sh", "-c", "kill -KILL $$"], 128 + signal.SIGKILL),
    ],
    ids=str,
)
def test_the_exit_code_is_the_commands_else_the_verdicts(
    floe: Callable[..., Ended], command: list[str], code: int
) -> None:
    assert floe("run", "--no-stack", "--", *command).code == code


def test_nothing_at_all_may_pass_where_that_is_said(floe: Callable[..., Ended]) -> None:
    assert floe("run", "--no-stack", "--allow-empty", "--", "true").code == 0


def test_options_behind_the_dashes_are_the_commands(
    floe: Callable[..., Ended], tmp_path: Path
) -> None:
    script = "import sys; open(sys.argv[1], 'w').write(' '.join(sys.argv[2:]))"
    out = tmp_path / "out"
    words = [sys.executable, "-c", script, str(out), "--json", "-q", "--", "--fail-on"]
    ended = floe("run", "--no-stack", "--allow-empty", *words)
    assert ended.code == 0, ended.err
    assert out.read_text() == "--json -q -- --fail-on"


def test_the_files_of_a_run(floe: Callable[..., Ended], tmp_path: Path) -> None:
    report, junit = tmp_path / "report.json", tmp_path / "junit.xml"
    ended = floe(
        "run", "--no-stack", "--json", str(report), "--junit", str(junit), "--", *emitting(SOUND, 3)
    )
    document = json.loads(report.read_text())
    jsonschema.validate(document, schema("run"))
    assert (ended.code, document["command_exit"], document["exit"], document["ok"]) == (
        3,
        3,
        3,
        True,
    )
    assert "testcase" in junit.read_text()
    checked = floe("check", document["session"], "--json")
    assert checked.code == 0
    jsonschema.validate(json.loads(checked.out), schema("check"))


def test_a_command_in_a_container_cannot_reach_loopback(floe: Callable[..., Ended]) -> None:
    Path("docker").write_text("#!/bin/sh\n")
    Path("docker").chmod(0o755)
    ended = floe("run", "--no-stack", "--", "./docker", "run", "image")
    assert "error unreachable" in ended.err
    assert "use --listen" in ended.err


def test_what_of_the_users_own_wins_is_named(
    floe: Callable[..., Ended], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENLINEAGE_DISABLED", "true")
    ended = floe("run", "--no-stack", "--allow-empty", "--", "true")
    assert "OPENLINEAGE_DISABLED switches OpenLineage's clients off" in ended.err


@pytest.mark.parametrize(
    "arguments",
    [
        ["--json", "run", "--no-stack", "--", "true"],
        ["run", "--no-stack", "--listen", "203.0.113.1", "--", "true"],
        ["run", "--", "true"],
        ["run", "--no-stack"],
        ["check", "no-such-file.json"],
    ],
    ids=str,
)
def test_floe_locals_own_failure_is_2_or_3(
    floe: Callable[..., Ended], arguments: list[str]
) -> None:
    ended = floe(*arguments)
    assert ended.code in {2, 3}
    assert ended.out == "" or "error" in ended.out


def test_check_judges_files(floe: Callable[..., Ended]) -> None:
    Path("events.ndjson").write_text("\n".join(map(json.dumps, SOUND)))
    assert floe("check", "events.ndjson").code == 0
    Path("bad.ndjson").write_text(json.dumps(SOUND[0]))
    ended = floe("check", "bad.ndjson")
    assert ended.code == 1
    assert "error no-end" in ended.out
    assert floe("check", "bad.ndjson", "--ignore", "no-end").code == 0


def test_check_judges_otlp_json_and_fails_on_what_it_is_told_to(
    floe: Callable[..., Ended],
) -> None:
    resource = {"attributes": [{"key": "service.name", "value": {"stringValue": "shop"}}]}
    at = str(10**18)
    one = {"traceId": "a" * 32, "spanId": "b" * 16, "startTimeUnixNano": at, "endTimeUnixNano": at}
    content = {"resourceSpans": [{"resource": resource, "scopeSpans": [{"spans": [one]}]}]}
    Path("spans.json").write_text(json.dumps(content))
    ended = floe("check", "spans.json")
    assert ended.code == 0
    assert "warning span-name" in ended.out
    assert floe("check", "spans.json", "--fail-on", "warning").code == 1
    Path("manifest.yaml").write_text(MANIFEST.replace("profiles", "fail_on: warning, profiles"))
    assert floe("check", "spans.json").code == 1


def test_the_readmes_run_needs_no_stack(floe: Callable[..., Ended]) -> None:
    readme = Path(__file__).parents[2] / "README.md"
    [line] = re.findall(r"`floe-local (run --no-stack [^`]*)`", readme.read_text(encoding="utf-8"))
    words = line.replace("-- python ", f"-- {sys.executable} ").split()
    content = json.dumps(json.dumps(SOUND))
    Path("my_job.py").write_text(EMIT.replace("sys.argv[1]", content).replace("sys.argv", "[]"))
    ended = floe(*words)
    assert ended.code == 0, ended.err
    assert "green: 2 events: no findings" in ended.err


def test_what_is_accepted_is_red_no_more(floe: Callable[..., Ended]) -> None:
    Path("bad.ndjson").write_text(json.dumps(SOUND[0]))
    assert floe("check", "bad.ndjson", "--baseline", "known", "--accept").code == 1
    ended = floe("check", "bad.ndjson", "--baseline", "known")
    assert ended.code == 0
    assert "1 finding of the baseline" in ended.out


MANIFEST = """
plugins: {telemetry_backend: jaeger, lineage_backend: marquez}
local: {checks: {profiles: [floe], ignore: [no-end], baseline: known}}
"""


def test_the_manifest_says_how_to_judge(floe: Callable[..., Ended]) -> None:
    Path("manifest.yaml").write_text(MANIFEST)
    Path("bad.ndjson").write_text(json.dumps(SOUND[0]))
    ended = floe("check", "bad.ndjson")
    assert ended.code == 1
    assert "error event-without-trace" in ended.out
    assert "no-end" not in ended.out
    floe("check", "bad.ndjson", "--baseline", "known", "--accept")
    assert floe("check", "bad.ndjson").code == 0


def test_a_full_disk_is_a_finding_and_nothing_hangs() -> None:
    big = json.dumps([event(run_id="x" * 300_000)])
    small = EMIT.replace("sys.argv[1]", "sys.stdin.read()")
    done = subprocess.run(
        [
            "bash",
            "-c",
            f"ulimit -f 100; exec {sys.executable} -c 'from floe_local.cli.main import main; main()' run --no-stack -- {sys.executable} -c \"$1\"",
            "x",
            small,
        ],
        input=big,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 1, done.stderr
    assert "error spool" in done.stderr
    assert "File too large" in done.stderr


def test_what_a_command_leaves_behind_holds_nothing_up(tmp_path: Path) -> None:
    left = (
        "import os, socket, sys, time\nfrom urllib.parse import urlsplit\n"
        "url = urlsplit(os.environ['OPENLINEAGE_URL'])\n"
        "end = socket.create_connection((url.hostname, url.port))\nend.sendall(b'POST / HTTP/1.1')\n"
        "open(sys.argv[1], 'w').close()\ntime.sleep(20)"
    )
    mark = tmp_path / "up"
    script = f'{sys.executable} -c "$1" {mark} >/dev/null 2>&1 & while ! test -e {mark}; do sleep 0.05; done'
    with started("run", "--no-stack", "--", "sh", "-c", script, "x", left) as process:
        said = said_at_the_end(process)
    assert process.returncode == 1
    assert "note still-connected" in said


def started(*arguments: str) -> subprocess.Popen[str]:
    """A process of its own, which signals reach."""
    return subprocess.Popen(
        [sys.executable, "-c", "from floe_local.cli.main import main; main()", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_an_interrupt_is_for_the_command_and_the_report_is_still_written() -> None:
    script = "import signal, sys, time\nsignal.signal(signal.SIGINT, lambda *_: sys.exit(5))\nprint('up', flush=True)\ntime.sleep(60)"
    with started("run", "--no-stack", "--", sys.executable, "-c", script) as process:
        assert process.stdout
        assert process.stdout.readline() == "up\n"
        process.send_signal(signal.SIGINT)
        said = said_at_the_end(process)
    assert process.returncode == 5
    assert "nothing came" in said


def test_listen_takes_what_others_send_until_it_is_interrupted() -> None:
    with started("listen", "--no-stack") as process:
        assert process.stdout
        assert process.stderr
        while not process.stderr.readline().startswith("listening"):
            pass
        variables = {}
        while "OPENLINEAGE_NAMESPACE" not in variables:
            name, _, value = process.stdout.readline().removeprefix("export ").partition("=")
            variables[name] = value.strip().strip("'")
        subprocess.run(
            emitting(SOUND), env={**os.environ, **variables}, check=True, capture_output=True
        )
        process.send_signal(signal.SIGINT)
        said = said_at_the_end(process)
    assert "green: 2 events: no findings" in said
    assert process.returncode == 0
