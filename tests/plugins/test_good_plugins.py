"""What keeps the contract passes; what works and could be better is a warning, no failure."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from floe_local.conformance.checks import run_checks
from floe_local.conformance.evidence import Evidence, Seen, Subject
from floe_local.conformance.report import CheckResult, ConformanceReport, Outcome, PluginReport
from floe_local.conformance.run import conformance
from floe_local.conformance.subjects import find_subjects
from floe_local.errors import InputError
from floe_local.plan.plugins.loading import PluginEntry
from floe_local.plan.secrets.recognise import variables_in
from floe_local.report.junit import conformance_junit

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.plugins.conftest import Workbench

    Failures = Callable[[PluginReport], set[str]]

ADR = Path(__file__).parents[1] / "adr" / "plugins"
CONFIG = "def get_otlp_exporter_config(self):\n    return "
EXPORTERS = "'exporters': {'otlp_grpc/odd': {'endpoint': 'odd:4317'}}"
SHAPES = {
    "b": "{"
    + EXPORTERS
    + ", 'service': {'pipelines': {'traces': {'exporters': ['otlp_grpc/odd']}}}}",
    "c": "{" + EXPORTERS + "}",
    "d": "{'otlp_grpc/odd': {'endpoint': 'odd:4317'}}",
    "e": "{'exporter_type': 'otlp', 'endpoint': 'odd:4317', 'insecure': True}",
}


@pytest.mark.parametrize("kind", ["telemetry", "lineage"])
def test_a_good_plugin_passes_every_check(kind: str, bench: Workbench) -> None:
    bench.blueprint(kind=kind, ingest={})
    report = bench.check(kind=kind)
    undone = {c.check for c in report.checks if c.outcome != "passed"} - {"collector"}
    assert not undone, report
    assert report.ok
    assert report.seconds > 0


@pytest.mark.parametrize("folder", sorted(ADR.glob("floe-*")), ids=lambda folder: folder.name)
def test_the_adr_s_own_classes_pass(folder: Path) -> None:
    with find_subjects(folder, environment={"ATLAN_HOST": "example.com"}) as (subject,):
        report = conformance(subject, collector=False)
    assert report.ok, report


@pytest.mark.parametrize("shape", SHAPES)
def test_another_shape_is_a_warning_with_its_rule(shape: str, bench: Workbench) -> None:
    report = bench.check(CONFIG + SHAPES[shape])
    assert report.ok
    (warning,) = report.result("shape").warnings
    assert f"exporter-config-shape-{shape}" in warning


def test_the_name_of_a_cluster_s_secret_is_no_credential(bench: Workbench) -> None:
    values = "{'postgresql': {'auth': {'existingSecret': 'odd-postgresql'}}}"
    assert bench.check(f"def get_helm_values(self): return {values}").ok


def test_a_plugin_that_asks_nobody_is_a_warning(bench: Workbench) -> None:
    report = bench.check("def validate_connection(self): return True")
    assert report.ok
    assert "asks nobody" in report.result("connection-errors").warnings[0]


def test_a_plugin_that_wants_its_credentials_fails_without(
    bench: Workbench, failures: Failures
) -> None:
    body = "import os; return os.environ.get('ODD_TOKEN', '') is not None"
    report = bench.check(f"def validate_connection(self):\n    {body}")
    assert failures(report) == {"connection-errors"}
    result = report.result("connection-errors")
    assert "without its credentials, validate_connection() returned True" in result.reason
    assert "ODD_TOKEN" in result.hint


def test_nobodys_own_credentials_reach_a_plugin(
    bench: Workbench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ODD_API_KEY", "the-real-one")
    monkeypatch.setenv("ODD_SITE", "here")
    body = "import os; return {'seen': [os.environ.get('ODD_API_KEY'), os.environ.get('ODD_SITE')]}"
    with subjects_of(bench, f"def get_helm_values(self):\n    {body}") as (subject,):
        from floe_local.conformance.evidence import gather  # noqa: PLC0415 - the test's subject

        evidence = gather(subject, 10.0)
    assert evidence.first.answers["helm_values"] == {"seen": [None, "here"]}
    assert "the-real-one" not in evidence.model_dump_json()


def test_variables_that_a_plugin_needs_can_be_given(bench: Workbench) -> None:
    body = "import os; return {'host': os.environ['ODD_HOST']}"
    report = bench.check(f"def get_helm_values(self):\n    {body}", ODD_HOST="odd.example")
    assert report.ok, report


def subjects_of(bench: Workbench, members: str) -> Any:
    bench.check(members)
    return find_subjects("odd")


def test_a_plugin_that_did_not_load_is_not_said_to_pass_anything_else() -> None:
    subject = Subject(entry=PluginEntry("telemetry", "odd", "odd:Plugin"), kind="telemetry")
    outcomes = {
        c.check: c.outcome
        for c in run_checks(Evidence(subject=subject, first=Seen(), second=Seen()))
    }
    passed = {name for name, outcome in outcomes.items() if outcome == Outcome.PASSED}
    assert passed <= {"methods"}  # which is about what a child said, and it said nothing


@given(st.text(alphabet="0123456789abcdef", min_size=32, max_size=32), st.text(max_size=40))
def test_a_marker_is_found_wherever_it_stands(marker: str, around: str) -> None:
    assert variables_in({"a": [f"{around}{marker}"]}, {"X": marker}) == ("X",)
    assert variables_in(around, {"X": marker}) == (() if marker not in around else ("X",))


def test_a_report_is_junit() -> None:
    checks = (
        CheckResult(check="json", outcome=Outcome.PASSED, warnings=("so so",)),
        CheckResult(check="shape", outcome=Outcome.FAILED, reason="no\x00", hint="mend it"),
        CheckResult(check="blueprint", outcome=Outcome.SKIPPED, reason="none"),
    )
    report = ConformanceReport(plugins=(PluginReport(kind="lineage", name="odd", checks=checks),))
    suite = ET.fromstring(conformance_junit(report))  # noqa: S314 - it was made here
    assert (suite.get("tests"), suite.get("failures"), suite.get("skipped")) == ("3", "1", "1")
    assert [case.get("classname") for case in suite] == ["lineage.odd"] * 3
    assert not report.ok
    assert json.loads(report.model_dump_json())["plugins"][0]["ok"] is False


FOLDERS = {
    "nothing there": (None, "No such file"),
    "no TOML": ("[project", "is not valid TOML"),
    "no project": ("a = 1", "has no [project]"),
    "no plugin": ('[project]\nname = "x"', "no entry point of floe.telemetry_backends"),
    "no package": (
        '[project]\nname = "x"\n[project.entry-points."floe.lineage_backends"]\nx = "gone:X"',
        "its entry points name gone",
    ),
}


@pytest.mark.parametrize("case", FOLDERS)
def test_a_folder_that_holds_no_plugin_is_told(case: str, tmp_path: Path) -> None:
    text, told = FOLDERS[case]
    if text is not None:
        (tmp_path / "pyproject.toml").write_text(text)
    with pytest.raises(InputError) as caught, find_subjects(tmp_path):
        pass
    assert caught.value.code == "plugin-folder"
    assert told in caught.value.reason
    assert str(tmp_path) in caught.value.reason


def test_a_folder_goes_before_what_is_installed_and_is_gone_afterwards() -> None:
    import sys  # noqa: PLC0415 - the path is the test's subject

    before = list(sys.path)
    with find_subjects(ADR / "floe-telemetry-jaeger") as (subject,):
        assert "floe-local-plugin-" in subject.entry.location
    assert sys.path == before
