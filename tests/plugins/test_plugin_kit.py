"""`plugins new` and `plugins test`, as an author types them; no engine can be reached."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.unit.cli.conftest import Ended

    Floe = Callable[..., Ended]


def test_a_new_plugin_is_written_and_tested(project: Path, floe: Floe) -> None:
    written = floe("plugins", "new", "my-backend", "--kind", "telemetry")
    assert (written.code, written.err) == (0, "")
    assert "Next: floe-local plugins test floe-telemetry-my-backend" in written.out
    tested = floe("plugins", "test", "floe-telemetry-my-backend", "--junit", "report.xml")
    assert (tested.code, tested.err) == (0, "")
    assert "telemetry plugin 'my-backend' (floe-telemetry-my-backend 0.1.0)" in tested.out
    assert "✓  credentials" in tested.out
    assert "-  collector" in tested.out
    assert "no otelcol is on PATH, and the Docker engine" in tested.out
    assert "warning: no `readback`" in tested.out
    assert (
        'classname="telemetry.my-backend" name="metadata"' in (project / "report.xml").read_text()
    )


def test_a_failed_check_ends_with_1_and_says_what_to_do(project: Path, floe: Floe) -> None:
    floe("plugins", "new", "my-backend", "--kind", "lineage")
    folder = project / "floe-lineage-my-backend"
    source = folder / "src" / "floe_lineage_my_backend" / "plugin.py"
    source.write_text(source.read_text().replace('version = "0.1.0"', 'version = "one"'))
    told = floe("plugins", "test", "./floe-lineage-my-backend")
    assert told.code == 1
    assert (
        "✗ metadata: lineage plugin 'my-backend' (floe-lineage-my-backend 0.1.0): its" in told.out
    )
    assert 'hint: Write it like version = "1.2.3".' in told.out
    asked = floe("plugins", "test", "./floe-lineage-my-backend", "--json")
    document = json.loads(asked.out)
    assert (asked.code, document["ok"], document["command"]) == (1, False, "plugins test")
    (failed,) = [c for c in document["plugins"][0]["checks"] if c["outcome"] == "failed"]
    assert failed["check"] == "metadata"


def test_what_is_no_plugin_ends_with_2(project: Path, floe: Floe) -> None:
    for arguments, code in (
        (("test", "nobody-s"), "plugin-unknown"),
        (("test", str(project)), "plugin-folder"),
        (("new", "No Name", "--kind", "lineage"), "plugin-name"),
        (("test", "jaeger", "--kind", "lineage"), "plugin-unknown"),
    ):
        ended = floe("plugins", *arguments, "--json")
        assert (ended.code, ended.error["code"]) == (2, code)
        assert ended.error["hint"]
    assert not list(project.iterdir())


def test_live_needs_an_engine(project: Path, floe: Floe) -> None:
    floe("plugins", "new", "my-backend", "--kind", "lineage")
    ended = floe("plugins", "test", f"{project}/floe-lineage-my-backend", "--live", "--json")
    assert ended.code == 3
    assert ended.error["code"] == "engine-not-running"


def test_what_keeps_a_stack_from_being_judged_leaves_the_other_checks(
    project: Path, floe: Floe
) -> None:
    floe("plugins", "new", "my-backend", "--kind", "telemetry")
    target = ("plugins", "test", "floe-telemetry-my-backend", "--live", "--junit", "report.xml")
    ended = floe(*target)
    assert ended.code == 3
    assert "✓  metadata" in ended.out
    assert "-  live" in ended.out
    assert "[engine-not-running]" in ended.err
    assert 'name="metadata"' in (project / "report.xml").read_text()
    (project / "report.xml").unlink()
    as_json = floe(*target, "--json")
    assert (as_json.code, as_json.error["code"]) == (3, "engine-not-running")
    checks = {c["check"]: c for c in json.loads(as_json.out)["plugins"][0]["checks"]}
    assert checks["metadata"]["outcome"] == "passed"
    assert checks["live"]["reason"].startswith("not judged: the Docker engine")
    assert 'name="live"' in (project / "report.xml").read_text()
